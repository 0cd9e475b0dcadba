"""What people are told and asked for, against MongoDB: choices, words, summaries, messages without a case."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.contracts.codec import Message
from services.kernel.contracts.envelope import Words, seal
from services.kernel.contracts.topics import CALLS
from services.kernel.domain.errors import Unavailable
from services.notify.adapters.contact_store import Heard
from tests.integration.notify.asking import PHONE, citizen, name, receive, requested, said, wrote
from tests.integration.notify.bench import Bench, records


class TestPeople:
    async def test_who_wants_no_messages_gets_answers_only(self, bench: Bench, cases: Any) -> None:
        await receive(bench, wrote(bench, " बंद। "))
        ticket, filed = await cases.file()
        await bench.handle(filed)
        await bench.settle()
        await bench.handle(cases.assigned(ticket))
        await bench.settle()
        states = {
            m["event"]: (m["state"], m["reason"]) for m in await bench.stored(audience="citizen")
        }
        assert states == {
            "samvad.case.filed.v1": ("sent", None),
            "samvad.case.assigned.v1": ("failed", "opted_out"),
            # that he was heard, and how he undoes it
            "samvad.message.requested.v1": ("sent", None),
        }
        assert said(bench, CALLS) == []
        known = await bench.database["contacts"].find_one({"_id": name(bench)})
        assert known is not None
        assert known["opted_out_at"] == bench.clock()
        bench.clock.advance(minutes=1)
        await receive(bench, wrote(bench, "Start"))
        await bench.handle(cases.resolved(ticket))
        await bench.settle()
        assert (await citizen(bench, event="samvad.case.resolved.v1"))["state"] == "sent"

    async def test_start_begins_a_conversation_for_who_has_not_stopped_messages(
        self, bench: Bench
    ) -> None:
        for word in ("start", "शुरू", "Chalu!"):
            await receive(bench, wrote(bench, word))
            bench.clock.advance(seconds=1)
        assert await bench.stored() == []
        known = await bench.database["contacts"].find_one({"_id": name(bench)}) or {}
        assert known.keys() == {"_id", "window_until"}

    async def test_only_what_changes_something_is_a_wish_for_messages(self, bench: Bench) -> None:
        for word in ("STOP", "start", "start", "STOP", "STOP", "शुरू", "hello", "शुरू"):
            await receive(bench, wrote(bench, word))
            bench.clock.advance(seconds=1)
        answered = sorted(await bench.stored(), key=lambda m: m["event_at"])
        assert [m["template"] for m in answered] == [
            "opted_out", "opted_in", "opted_out", "opted_out", "opted_in",
        ]  # fmt: skip

    async def test_several_in_one_batch(self, bench: Bench) -> None:
        said = [wrote(bench, "start"), wrote(bench, "STOP"), wrote(bench, "START")]
        await receive(bench, *said)
        assert {m["template"] for m in await bench.stored()} == {"opted_out", "opted_in"}
        known = await bench.database["contacts"].find_one({"_id": name(bench)}) or {}
        assert "opted_out_at" not in known

    async def test_a_wish_that_comes_again_after_a_crash_is_answered_once(
        self, bench: Bench, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        await receive(bench, wrote(bench, "STOP"))
        bench.clock.advance(seconds=1)
        again = wrote(bench, "START")
        answers = bench.service.inbound._answers
        real = answers.confirm

        async def crash(*_: Any) -> None:
            raise Unavailable("the store")

        monkeypatch.setattr(answers, "confirm", crash)
        with pytest.raises(Unavailable):
            await bench.service.inbound.handle(records(again))
        monkeypatch.setattr(answers, "confirm", real)
        for _ in range(2):
            await receive(bench, again)
        assert len(await bench.stored(template="opted_in")) == 1
        # and what he has wished since is not undone by what is told again
        bench.clock.advance(seconds=1)
        await receive(bench, wrote(bench, "STOP"))
        await receive(bench, again)
        known = await bench.database["contacts"].find_one({"_id": name(bench)}) or {}
        assert known["opted_out_at"] == bench.clock()

    async def test_of_two_processes_that_hear_it_at_once_one_takes_it_for_a_wish(
        self, bench: Bench
    ) -> None:
        store = bench.service.inbound._contacts
        at = bench.clock()
        await store.hear([Heard("somebody", at, wants=False)])
        later = [Heard("somebody", at + timedelta(seconds=n), wants=True) for n in range(1, 9)]
        wished = await asyncio.gather(*(store.hear([one]) for one in later))
        assert sorted(counts for (counts,) in wished) == [False] * 7 + [True]

    async def test_the_officers_question_in_his_own_words(self, bench: Bench, cases: Any) -> None:
        ticket, filed = await cases.file(channel="whatsapp", language="hi")
        key = bench.settings.keys.unwrap(
            (await bench.database["receipts"].find_one({"_id": ticket}) or {})["wrapped_key"],
            ticket,
        )
        words = seal(Words(note="हैंडपंप किस मोहल्ले में है?"), key, ticket)
        await bench.handle(filed, cases.assigned(ticket), cases.asked(ticket, sealed=words))
        await bench.settle()
        texts = [c.text for c in bench.providers["whatsapp"].calls if "मोहल्ले" in c.text]
        assert len(texts) == 1
        assert "मोहल्ले" not in repr(await bench.stored())

    async def test_ten_breaches_are_one_message(self, bench: Bench, cases: Any) -> None:
        for _ in range(10):
            ticket, filed = await cases.file(phone=None)
            await bench.handle(filed, cases.assigned(ticket))
            await bench.database["cases"].update_one(
                {"_id": ticket}, {"$set": {"case.officer": "phe-head-1"}}
            )
            await bench.handle(cases.breached(ticket))
        await bench.settle()
        before = len(bench.texts())
        bench.clock.advance(minutes=31)
        await bench.settle()
        (summary,) = bench.texts()[before:]
        assert "10" in summary
        states = [m["state"] for m in await bench.stored(event="samvad.sla.breached.v1")]
        assert states == ["collapsed"] * 10
        bench.clock.advance(hours=1)
        await bench.settle()
        assert len(bench.texts()) == before + 1


class TestRequested:
    async def test_once_by_its_key(self, bench: Bench) -> None:
        asked = requested(bench, "code-1", values={"code": "4711"})
        for _ in range(2):
            assert not await bench.service.requests.handle(records(asked))
        await bench.settle()
        (call,) = bench.providers["mobile_seva"].calls
        assert "4711" in call.text
        (stored,) = await bench.stored()
        assert "4711" not in repr(stored)
        assert PHONE[3:] not in repr(stored)

    async def test_a_reply_in_the_conversation(self, bench: Bench) -> None:
        await receive(bench, wrote(bench, "नमस्ते"))
        asked = requested(
            bench,
            "reply-1",
            template="reply",
            channels=("whatsapp",),
            text="आपकी क्या समस्या है?",
            buttons=(("kind:complaint", "शिकायत"),),
        )
        assert not await bench.service.requests.handle(records(asked))
        await bench.settle()
        (call,) = bench.providers["whatsapp"].calls
        assert (call.text, call.buttons, call.in_window) == (
            "आपकी क्या समस्या है?",
            (("kind:complaint", "शिकायत"),),
            True,
        )

    @pytest.mark.parametrize("fault", ["template", "key", "value"])
    async def test_what_cannot_be_read_is_set_aside(self, bench: Bench, fault: str) -> None:
        good = requested(bench, "code-1", values={"code": "1"})
        bad = requested(
            bench,
            "code-2",
            template="no_such" if fault == "template" else "login_code",
            wrong=fault == "key",
        )
        if fault == "value":
            bad = Message(bad.topic, bad.key, bad.headers, b"{}")
        rejected = await bench.service.requests.handle(records(bad, good))
        assert len(rejected) == 1
        assert PHONE[3:] not in repr(rejected)
        assert len(await bench.stored()) == 1
