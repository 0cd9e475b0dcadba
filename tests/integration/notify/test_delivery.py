"""What becomes of messages, against MongoDB: receipts, next channels and call-backs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.beside import CallbackRequested
from services.kernel.contracts.topics import CALLS
from services.kernel.domain.errors import Unavailable
from services.notify.core.outcomes import Outcome
from tests.integration.notify.asking import PHONE, citizen, receive, said, status, wrote
from tests.integration.notify.bench import BOOK, UNANSWERED, Bench

NOBODY = Outcome("permanent", "whatsapp_131026_undeliverable", bad_address=True)
REFUSED = Outcome("permanent", "refused")


@pytest.fixture
def bench(database: mongo.Database, directory: DirectoryStore, settings: Settings) -> Bench:
    return Bench(database, settings, UNANSWERED)


class TestReceipts:
    async def test_read_before_sent_and_everything_twice(self, bench: Bench, cases: Any) -> None:
        _, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        await bench.send()
        message = await citizen(bench)
        assert message["state"] == "sent"
        states = []
        for word in ("read", "sent", "delivered", "read", "failed", "sent"):
            bench.clock.advance(seconds=1)
            await receive(bench, status(bench, message["_id"], word, "id-1"))
            states.append((await citizen(bench))["state"])
        assert states == ["read"] * 6
        message = await citizen(bench)
        assert "next_at" not in message
        assert message["attempts"][0]["status"] == "read"
        bench.clock.advance(days=3)
        await bench.settle()
        assert len(bench.texts()) == 1

    async def test_a_receipt_of_somebody_elses_message(self, bench: Bench) -> None:
        await receive(bench, status(bench, "2600000000/case/1:nobody", "delivered", "id-1"))
        assert await bench.stored() == []

    async def test_a_receipt_before_the_answer_is_written(self, bench: Bench, cases: Any) -> None:
        _, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        provider = bench.providers["whatsapp"]
        provider.gate.clear()
        sender = bench.service.senders["whatsapp"]
        await sender.fire(bench.clock(), range(256), 500)
        message = await citizen(bench)
        assert message["state"] == "claimed"
        await receive(bench, status(bench, message["_id"], "delivered", "id-1"))
        assert (await citizen(bench))["state"] == "delivered"
        provider.gate.set()
        await bench.send()
        message = await citizen(bench)
        assert message["state"] == "delivered"
        assert message["attempts"][0]["provider_id"] == "id-1"


class TestNextChannel:
    async def test_undeliverable_goes_by_sms_and_is_remembered(
        self, bench: Bench, cases: Any
    ) -> None:
        ticket, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        message = await citizen(bench)
        bench.providers["whatsapp"].outcomes[message["_id"]] = [NOBODY]
        await bench.settle()
        message = await citizen(bench)
        assert (message["state"], message["channel"]) == ("sent", "sms")
        assert [a["channel"] for a in message["attempts"]] == ["whatsapp", "sms"]
        # the number is nobody's on WhatsApp: the next message does not even ask
        await bench.handle(cases.assigned(ticket))
        await bench.settle()
        later = await citizen(bench, event="samvad.case.assigned.v1")
        assert (later["state"], later["channel"]) == ("sent", "sms")
        to_him = [c for c in bench.providers["whatsapp"].calls if c.to == PHONE]
        assert len(to_him) == 1
        # until he writes from it
        await receive(bench, wrote(bench, "नमस्ते"))
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        assert (await citizen(bench, event="samvad.case.resolved.v1"))["channel"] == "whatsapp"

    async def test_no_receipt_in_time_and_a_late_one(self, bench: Bench, cases: Any) -> None:
        _, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        await bench.send()
        bench.clock.advance(seconds=BOOK.waits["whatsapp"].receipt.total_seconds() - 1)
        await bench.settle()
        assert len(bench.texts()) == 1
        bench.clock.advance(seconds=1)
        await bench.service.settling.fire(bench.clock(), range(256), 500)
        message = await citizen(bench)
        assert (message["state"], message["queue"]) == ("planned", "mobile_seva")
        # it arrives just before the SMS would go
        await receive(bench, status(bench, message["_id"], "delivered", "id-1"))
        await bench.settle()
        assert (await citizen(bench))["state"] == "delivered"
        assert bench.providers["mobile_seva"].calls == []

    async def test_a_status_failed_outside_the_window_goes_as_template(
        self, bench: Bench, cases: Any
    ) -> None:
        await receive(bench, wrote(bench, "नमस्ते"))
        _, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        await bench.send()
        (call,) = bench.providers["whatsapp"].calls
        assert call.in_window
        message = await citizen(bench)
        await receive(bench, status(bench, message["_id"], "failed", "id-1", 131047))
        await bench.settle()
        _, again = bench.providers["whatsapp"].calls
        assert not again.in_window
        message = await citizen(bench)
        assert message["state"] == "sent"
        # and the first one's failure, repeated, is not the second one's
        await receive(bench, status(bench, message["_id"], "failed", "other", 131026))
        assert (await citizen(bench))["attempts"][0]["status"] == "failed"

    async def test_a_provider_that_is_down_for_long(self, bench: Bench, cases: Any) -> None:
        _, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        message = await citizen(bench)
        down = Outcome("transient", "connect", whole_provider=True)
        bench.providers["whatsapp"].outcomes[message["_id"]] = [down] * 10_000
        waited = timedelta()
        while (await citizen(bench))["state"] != "sent":
            await bench.settle()
            bench.clock.advance(minutes=5)
            waited += timedelta(minutes=5)
            assert waited < timedelta(hours=6)
        assert (await citizen(bench))["channel"] == "sms"
        assert waited > BOOK.waits["whatsapp"].receipt

    async def test_unknown_by_whatsapp_falls_back_once(self, bench: Bench, cases: Any) -> None:
        _, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        message = await citizen(bench)
        bench.providers["whatsapp"].outcomes[message["_id"]] = [Outcome("unknown", "timeout")]
        bench.providers["mobile_seva"].outcomes[message["_id"]] = [Outcome("unknown", "timeout")]
        await bench.settle()
        assert (await citizen(bench))["state"] == "unknown"
        bench.clock.advance(days=1)
        await bench.settle()
        bench.clock.advance(days=9)
        await bench.settle()
        message = await citizen(bench)
        assert (message["state"], message["channel"]) == ("unknown", "sms")
        assert "next_at" not in message
        assert len(bench.texts()) == 2
        assert said(bench, CALLS) == []


class TestCallBack:
    async def test_when_no_channel_reaches_him(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(channel="whatsapp")
        await bench.handle(filed)
        message = await citizen(bench)
        bench.providers["whatsapp"].outcomes[message["_id"]] = [NOBODY]
        bench.providers["mobile_seva"].outcomes[message["_id"]] = [REFUSED]
        await bench.settle()
        await bench.settle()
        message = await citizen(bench)
        assert message["state"] == "failed"
        assert not message.get("owes")
        (value,) = said(bench, CALLS)
        asked = CallbackRequested.model_validate_json(value)
        assert (asked.ticket, asked.key, asked.reason) == (ticket, message["_id"], "undeliverable")

    async def test_asked_for_again_after_a_crash_under_the_same_key(
        self, bench: Bench, cases: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        _, filed = await cases.file()
        await bench.handle(filed)
        message = await citizen(bench)
        for provider in bench.providers.values():
            provider.outcomes[message["_id"]] = [REFUSED]
        settling = bench.service.settling
        real = settling._messages.paid

        async def crash(*_: Any) -> None:
            raise Unavailable("the store")

        await bench.send()
        monkeypatch.setattr(settling._messages, "paid", crash)
        with pytest.raises(Unavailable):
            await settling.fire(bench.clock(), range(256), 500)
        monkeypatch.setattr(settling._messages, "paid", real)
        await bench.settle()
        assert len({bytes(value) for value in said(bench, CALLS)}) == 1
        assert not (await citizen(bench)).get("owes")

    async def test_an_officer_is_not_called(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(phone=None)
        await bench.handle(filed, cases.assigned(ticket))
        (message,) = await bench.stored()
        for provider in bench.providers.values():
            provider.outcomes[message["_id"]] = [REFUSED]
        await bench.settle()
        assert [m["state"] for m in await bench.stored()] == ["failed"]
        assert said(bench, CALLS) == []
