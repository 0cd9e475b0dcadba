"""The conversation's worker without a process: real store, a broker in memory, records as the webhook makes
them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pytest

from services.intake.whatsapp.conversation.app import Conversation, build
from services.intake.whatsapp.webhook.body import Piece
from services.intake.whatsapp.webhook.records import Records
from services.kernel.adapters import mongo
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.beside import CallbackRequested, MessageRequested
from services.kernel.contracts.codec import Record
from services.kernel.contracts.envelope import Caller, Requested, unseal
from services.kernel.contracts.topics import CALLS, MESSAGES
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.domain.naming import Names
from services.kernel.testing.memory import ManualClock, MemoryBroker

DISTRICT = "janjgir-champa"


@dataclass
class Line:
    """`said` gives what was asked of notify, opened, in its order."""

    service: Conversation
    broker: MemoryBroker
    clock: ManualClock
    settings: Settings
    database: mongo.Database
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    @staticmethod
    def of(database: mongo.Database, broker: MemoryBroker | None = None) -> Line:
        broker = broker or MemoryBroker()
        settings = Settings(public_url="http://here")
        clock = ManualClock(datetime.fromisoformat("2026-11-30T06:00:00+00:00"))
        service = build(settings, database, broker, clock)
        return Line(service, broker, clock, settings, database)

    @property
    def names(self) -> Names:
        return Names(self.settings.contact_secret.get_secret_value())

    def record(self, item: dict[str, Any], *contacts: dict[str, Any], kind: Any = "message") -> Record:
        records = Records(self.names, {}, DISTRICT)
        message = records.message(Piece(kind, "1", item, contacts), self.clock())
        return Record(
            message.topic, 0, next(self._numbers), message.key, message.headers, message.value
        )

    def text(self, phone: str, words: str, wamid: str = "", **more: Any) -> Record:
        item = {
            "from": phone,
            "id": wamid or f"wamid.{phone}.{next(self._numbers)}",
            "timestamp": str(int(self.clock().timestamp())),
            "type": "text",
            "text": {"body": words},
            **more,
        }
        return self.record(item, {"wa_id": phone, "profile": {"name": "Ram Kumar"}})

    def tap(self, phone: str, choice: str, wamid: str = "") -> Record:
        reply = {"type": "button_reply", "button_reply": {"id": choice, "title": "x"}}
        more = {"type": "interactive", "interactive": reply}
        return self.text(phone, "", wamid, **more)

    def hidden(self, user: str, words: str = "", choice: str = "", wamid: str = "") -> Record:
        """A message of somebody who shows no number."""
        item = {"from_user_id": user, "id": wamid or f"wamid.{user}.{next(self._numbers)}", "type": "text"}
        if choice:
            reply = {"type": "button_reply", "button_reply": {"id": choice, "title": "x"}}
            item |= {"type": "interactive", "interactive": reply}
        else:
            item |= {"text": {"body": words}}
        return self.record(item, {"user_id": user, "profile": {"name": "Sita"}})

    async def hear(self, *records: Record) -> list[Requested]:
        """Handle them as one batch; what is newly asked of notify, messages that were published again left
        out."""
        before = set(self.keys())
        self.clock.advance(seconds=30)
        rejected = await self.service.turns.handle(records)
        assert not rejected
        return [self.open(one) for one in self.asked() if one.key not in before]

    async def hear_in_vain(self, record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
        """The turn is taken, and the store is away when it is to be written."""

        async def away(*_: object) -> set[int]:
            raise Unavailable("the store")

        with monkeypatch.context() as patch:
            patch.setattr(self.service.conversations, "write", away)
            with pytest.raises(Retry):
                await self.hear(record)

    async def talk(self, phone: str, *words: str) -> list[Requested]:
        """One message after the other; the replies to the last."""
        replies: list[Requested] = []
        for one in words:
            record = self.tap(phone, one[1:]) if one.startswith("@") else self.text(phone, one)
            replies = await self.hear(record)
        return replies

    def asked(self) -> list[MessageRequested]:
        return [
            MessageRequested.model_validate_json(record.value or b"")
            for record in self.broker.records(MESSAGES)
        ]

    def keys(self) -> list[str]:
        return [one.key for one in self.asked()]

    def open(self, asked: MessageRequested) -> Requested:
        assert asked.wrapped_key is not None
        data_key = self.settings.keys.unwrap(asked.wrapped_key, asked.key)
        return unseal(asked.sealed, Requested, data_key, asked.key)

    def callbacks(self) -> list[tuple[CallbackRequested, Caller]]:
        found = []
        for record in self.broker.records(CALLS):
            asked = CallbackRequested.model_validate_json(record.value or b"")
            assert asked.sealed is not None and asked.wrapped_key is not None
            data_key = self.settings.keys.unwrap(asked.wrapped_key, asked.key)
            found.append((asked, unseal(asked.sealed, Caller, data_key, asked.key)))
        return found

    async def receipts(self) -> list[dict[str, Any]]:
        return await self.database["receipts"].find({}).to_list(None)


def texts(replies: Sequence[Requested]) -> str:
    return "\n".join(reply.text or "" for reply in replies)
