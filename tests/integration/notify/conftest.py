"""Cases for notify's tests: a receipt as an intake leaves it, and events as their rooms announce them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.outbox import to_entry
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.codec import Message, announce
from services.kernel.contracts.envelope import Filing, new_data_key, seal
from services.kernel.contracts.events import (
    CaseAssigned,
    CaseFiled,
    CaseResolved,
    QuestionAsked,
    Room,
    SlaBreached,
)
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain import tickets
from tests.integration.notify.bench import Bench

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
PHONE = "+919876543210"
OFFICER = "phe-head-1"


@dataclass
class Cases:
    """Files cases straight into the store, and gives their events as messages for Kafka."""

    database: mongo.Database
    settings: Settings
    numbers: dict[str, int] = field(default_factory=dict)
    filed: int = 0

    async def file(
        self,
        *,
        channel: str = "web",
        phone: str | None = PHONE,
        user_id: str | None = None,
        text: str = "made up",
        **more: Any,
    ) -> tuple[str, Message]:
        """The ticket and its `filed` event."""
        self.filed += 1
        filing = Filing(text=text, name="Made Up", phone=phone, user_id=user_id)
        ticket = tickets.make(26, self.filed)
        key = new_data_key()
        event = CaseFiled(
            ticket=ticket,
            district="janjgir-champa",
            at=more.pop("at", AT),
            kind="complaint",
            channel=channel,
            language=more.pop("language", "en"),
            service="hand-pump",
            directory_version=1,
            has_phone=phone is not None,
            has_user_id=user_id is not None,
            sealed=seal(filing, key, ticket),
            **more,
        )
        announced = announce(event, "intake", 1)
        await self.database["receipts"].insert_one(
            {
                "_id": ticket,
                "channel": channel,
                "client": "test",
                "key": ticket,
                "wrapped_key": self.settings.keys.wrap(key, ticket),
                "received_at": event.at,
                "event": to_entry(announced),
            }
        )
        return ticket, announced.message(COMPLAINTS, "/samvad/intake")

    def assigned(self, ticket: str, officer: str = OFFICER) -> Message:
        event = CaseAssigned(
            **self._act(ticket, "assigned"),
            department="phe",
            officer=officer,
            directory_version=1,
            reason="by the test",
        )
        return self._message(event, ticket)

    def resolved(self, ticket: str) -> Message:
        return self._message(CaseResolved(**self._act(ticket, "resolved")), ticket)

    def asked(self, ticket: str, sealed: Any = None) -> Message:
        act = self._act(ticket, "awaiting_citizen")
        return self._message(QuestionAsked(**act, question=1, sealed=sealed), ticket)

    def breached(self, ticket: str) -> Message:
        event = SlaBreached(
            ticket=ticket, district="janjgir-champa", at=AT, target="resolve", due_at=AT
        )
        return announce(event, "sla", 1).message(COMPLAINTS, "/samvad/sla")

    def _act(self, ticket: str, state: str) -> dict[str, Any]:
        number = self.numbers[ticket] = self.numbers.get(ticket, 0) + 1
        return {
            "ticket": ticket,
            "district": "janjgir-champa",
            "at": AT + timedelta(minutes=number),
            "state": state,
            "by": {"role": "routing"},
        }

    def _message(self, event: Any, ticket: str) -> Message:
        room: Room = "case"
        return announce(event, room, self.numbers[ticket]).message(COMPLAINTS, "/samvad/case")


@pytest.fixture
def settings() -> Settings:
    return Settings()


@pytest.fixture
def cases(database: mongo.Database, settings: Settings) -> Cases:
    return Cases(database, settings)


@pytest.fixture
async def bench(database: mongo.Database, directory: DirectoryStore, settings: Settings) -> Bench:
    return Bench(database, settings)
