"""What is said of a message in its case's room, against MongoDB: each once, and never behind the clock."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kernel.contracts.events import NoticeDelivered, NoticeFailed
from services.kernel.contracts.topics import CALLS
from services.kernel.domain.errors import Unavailable
from services.notify.core.outcomes import Outcome
from tests.integration.notify.asking import citizen, receive, said, status
from tests.integration.notify.bench import BOOK, Bench

REFUSED = Outcome("permanent", "refused")


async def room(bench: Bench, ticket: str) -> dict[str, Any]:
    document = await bench.database["cases"].find_one({"_id": ticket})
    assert document is not None
    found: dict[str, Any] = document["notices"]
    return found


class TestAnnounced:
    async def test_a_delivered_question_is_an_event_of_the_case(
        self, bench: Bench, cases: Any
    ) -> None:
        ticket, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed, cases.assigned(ticket), cases.asked(ticket))
        await bench.settle()
        message = await citizen(bench, event="samvad.question.asked.v1")
        assert (await room(bench, ticket))["n"] == 0
        fired = bench.clock() + timedelta(hours=1)
        await bench.database["cases"].update_one(
            {"_id": ticket}, {"$set": {"sla.last_fired": fired}}
        )
        for _ in range(2):
            await receive(bench, status(bench, message["_id"], "delivered", "id-1"))
            await bench.settle()
        await receive(bench, status(bench, message["_id"], "read", "id-1"))
        await bench.settle()
        assert (await room(bench, ticket))["n"] == 1
        (value,) = said(bench, "samvad.complaints.v1")
        event = NoticeDelivered.model_validate_json(value)
        assert (event.about, event.audience, event.channel) == (
            f"{ticket}/case/2",
            "citizen",
            "whatsapp",
        )
        assert event.at > fired
        assert "unsent_since" not in await room(bench, ticket)

    async def test_without_receipts_it_counts_after_a_while(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file()
        await bench.handle(filed, cases.assigned(ticket), cases.resolved(ticket))
        await bench.settle()
        bench.clock.advance(seconds=BOOK.waits["sms"].assumed.total_seconds() - 1)
        await bench.settle()
        assert (await room(bench, ticket))["n"] == 0
        bench.clock.advance(seconds=1)
        await bench.settle()
        (value,) = said(bench, "samvad.complaints.v1")
        event = NoticeDelivered.model_validate_json(value)
        assert (event.about, event.channel) == (f"{ticket}/case/2", "sms")
        # what nobody has told of is not said to be delivered
        assert (await citizen(bench, event="samvad.case.resolved.v1"))["state"] == "sent"
        bench.clock.advance(days=1)
        await bench.settle()
        assert (await room(bench, ticket))["n"] == 1

    async def test_what_cannot_be_delivered(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file()
        await bench.handle(filed, cases.assigned(ticket), cases.asked(ticket))
        message = await citizen(bench, event="samvad.question.asked.v1")
        for provider in bench.providers.values():
            provider.outcomes[message["_id"]] = [REFUSED]
        await bench.settle()
        (value,) = said(bench, "samvad.complaints.v1")
        assert NoticeFailed.model_validate_json(value).reason == "refused"
        assert len(said(bench, CALLS)) == 1

    async def test_a_crash_between_the_event_and_the_debt(
        self, bench: Bench, cases: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticket, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed, cases.assigned(ticket), cases.asked(ticket))
        await bench.settle()
        message = await citizen(bench, event="samvad.question.asked.v1")
        await receive(bench, status(bench, message["_id"], "delivered", "id-1"))
        settling = bench.service.settling

        async def crash(*_: Any) -> None:
            raise Unavailable("the store")

        monkeypatch.setattr(settling._messages, "paid", crash)
        with pytest.raises(Unavailable):
            await settling.fire(bench.clock(), range(256), 500)
        other, _ = bench.process()
        await bench.settle(other)
        stored = await room(bench, ticket)
        assert (stored["n"], stored["outbox"]) == (1, [])

    async def test_a_clock_that_fired_meanwhile_is_not_rewritten(
        self, bench: Bench, cases: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ticket, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed, cases.assigned(ticket), cases.asked(ticket))
        await bench.settle()
        message = await citizen(bench, event="samvad.question.asked.v1")
        await receive(bench, status(bench, message["_id"], "delivered", "id-1"))
        rooms = bench.service.settling._announcing._rooms  # type: ignore[attr-defined]
        real, fired = rooms.write, bench.clock() + timedelta(minutes=1)
        times = 0

        async def write(drafts: Any) -> Any:
            nonlocal times
            times += 1
            if times == 1:
                await bench.database["cases"].update_one(
                    {"_id": ticket}, {"$set": {"sla.last_fired": fired}}
                )
            return await real(drafts)

        monkeypatch.setattr(rooms, "write", write)
        await bench.settle()
        bench.clock.advance(seconds=1)
        await bench.settle()
        assert times == 2
        (value,) = said(bench, "samvad.complaints.v1")
        assert NoticeDelivered.model_validate_json(value).at > fired
