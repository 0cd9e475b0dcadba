"""The bare baseline of the webhook: FastAPI, the signature, one send, 200. Run as a process:

    python -m services.bench.bare_webhook PORT KAFKA TOPIC

The body's HMAC is compared, its JSON read, and each message of it appended to the topic under its sender's
number: of a body with one message the body as it came, of one with more each message's own object; Kafka
acknowledges all of it before the 200. Server and producer have the settings of ours. Nothing is told from
anything: no statuses, no other fields, no ids, no districts, no headers, no HMAC for a number, no limit of
size, no metrics, and whatever is not of the usual shape is a fault.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import orjson
import uvicorn
from aiokafka import AIOKafkaProducer
from fastapi import FastAPI, HTTPException, Request, Response

from services.bench.whatsapp_talk import PATH, SIGNATURE
from services.kernel.adapters.settings import DEVELOPMENT_SECRET


def build(kafka: str, topic: str) -> FastAPI:
    producers: list[AIOKafkaProducer] = []
    secret = DEVELOPMENT_SECRET.encode()

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka,
            acks="all",
            enable_idempotence=True,
            linger_ms=0,
            max_batch_size=256 * 1024,
            max_request_size=6 * 1024 * 1024,
        )
        await producer.start()
        producers.append(producer)
        yield
        await producer.stop()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)

    @app.post(PATH)
    async def receive(request: Request) -> Response:
        raw = await request.body()
        wanted = "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, request.headers.get(SIGNATURE, "")):
            raise HTTPException(401)
        messages = [
            message
            for entry in orjson.loads(raw)["entry"]
            for change in entry["changes"]
            for message in change["value"]["messages"]
        ]
        (producer,) = producers
        if len(messages) == 1:
            await producer.send_and_wait(topic, raw, messages[0]["from"].encode())
        else:
            sent = [
                await producer.send(topic, orjson.dumps(message), message["from"].encode())
                for message in messages
            ]
            await asyncio.gather(*sent)
        return Response()

    return app


def main() -> None:
    port, kafka, topic = sys.argv[1:]
    uvicorn.run(
        build(kafka, topic),
        host="127.0.0.1",
        port=int(port),
        loop="uvloop",
        http="httptools",
        access_log=False,
        log_level="error",
        server_header=False,
        timeout_keep_alive=75,
    )


if __name__ == "__main__":
    main()
