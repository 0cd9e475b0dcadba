"""The bare baseline of the intake: FastAPI, one insert, one publish, 202. Run as a process:

    python -m services.bench.bare_intake PORT KAFKA MONGO TOPIC

The receipt has the fields, the size and the indexes of ours, the record the headers and the size; Kafka and
MongoDB acknowledge as for ours. Nothing is sealed, checked against a directory or looked at for danger.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Annotated, Any

import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, Header
from motor.motor_asyncio import AsyncIOMotorClient
from pydantic import BaseModel
from pymongo.write_concern import WriteConcern

from services.kernel.adapters.receipts import INDEXES

HEADERS = 8
SEALED_BYTES = 700
"""What our envelope is larger than the citizen's words."""


class Place(BaseModel):
    block: str | None = None
    village: str | None = None


class Citizen(BaseModel):
    name: str | None = None
    phone: str | None = None


class Case(BaseModel):
    kind: str
    text: str
    service: str | None = None
    place: Place | None = None
    citizen: Citizen | None = None


def build(kafka: str, mongo: str, topic: str) -> FastAPI:
    parts: dict[str, Any] = {}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        client: AsyncIOMotorClient[dict[str, Any]] = AsyncIOMotorClient(mongo)
        concern = WriteConcern(w="majority", j=True)
        receipts = client.get_database("bench", write_concern=concern)["receipts"]
        await receipts.create_indexes(INDEXES)
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka, acks="all", enable_idempotence=True, linger_ms=0
        )
        await producer.start()
        parts.update(receipts=receipts, producer=producer, next=time.time_ns())
        yield
        await producer.stop()
        client.close()

    app = FastAPI(lifespan=lifespan)

    @app.post("/api/v1/cases", status_code=202)
    async def file(
        case: Case, idempotency_key: Annotated[str | None, Header()] = None
    ) -> dict[str, str]:
        parts["next"] += 1
        ticket = f"{parts['next'] % 10**10:010d}"
        now = datetime.now(UTC)
        value = case.model_dump_json().encode() + b" " * SEALED_BYTES
        await parts["receipts"].insert_one(
            {
                "_id": ticket,
                "channel": "web",
                "client": "api",
                "key": idempotency_key,
                "digest": "0" * 64,
                "district": "janjgir-champa",
                "kind": case.kind,
                "received_at": now,
                "wrapped_key": "0" * 80,
                "event": {"n": 1, "type": "filed", "time": now, "value": value, "tp": "0" * 55},
                "unsent_since": now,
            }
        )
        headers = [(f"ce_header_{i}", b"0" * 20) for i in range(HEADERS)]
        await parts["producer"].send_and_wait(topic, value, ticket.encode(), headers=headers)
        return {"ticket": ticket, "number": f"JC-{ticket}", "received_at": now.isoformat()}

    return app


def main() -> None:
    os.environ.setdefault("MOTOR_MAX_WORKERS", "64")
    port, kafka, mongo, topic = sys.argv[1:]
    uvicorn.run(
        build(kafka, mongo, topic), host="127.0.0.1", port=int(port), access_log=False, log_level="error"
    )


if __name__ == "__main__":
    main()
