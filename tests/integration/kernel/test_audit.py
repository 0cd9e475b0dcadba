"""The audit's witnesses together: a ticket that several of them miss counts once, however many there are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest

from services.kernel.adapters import audit, mongo
from services.kernel.contracts.codec import Record
from services.kernel.contracts.events import CaseFiled
from services.kernel.domain import tickets

MANY = audit.NAMED + 5


async def test_each_is_counted_once(database: mongo.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    strays = [tickets.make(26, number) for number in range(MANY)]
    await database["cases"].insert_many([{"_id": ticket, "case": {"n": 1}} for ticket in strays])

    async def heard(servers: str, topic: str) -> AsyncIterator[Record]:
        for offset, ticket in enumerate(strays):
            headers = (("ce_type", CaseFiled.TYPE.encode()), ("ce_id", f"{ticket}/intake/1".encode()))
            yield Record(topic, 0, offset, ticket.encode(), headers, b"{}")

    monkeypatch.setattr(audit, "read_whole", heard)
    found = await audit.witness(database, "", await audit.count(database, datetime.now(UTC)))
    assert found.unaccounted == MANY
    assert len(found.tickets) == audit.NAMED
