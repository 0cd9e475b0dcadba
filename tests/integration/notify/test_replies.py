"""Replies in a conversation, against MongoDB: within the 24 hours as they are, else by their template; in
their order, and nobody waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.adapters.due import DueLoop
from services.kernel.contracts.codec import Message
from services.notify.adapters.message_document import KEPT_SECONDS
from services.notify.adapters.requests import LONGEST_KEY
from services.notify.core.contacts import WINDOW
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from tests.integration.notify.asking import PHONE, name, receive, requested, status, wrote
from tests.integration.notify.bench import ALL, Bench, records

CLOSED = Outcome("permanent", "whatsapp_131047_outside_window", window_closed=True)
FILED = {
    "district": "जांजगीर-चांपा",
    "ticket": "JC-2600104237",
    "link": "https://samvad.example.org/s/2600104237/key",
    "call_centre": "7970001634",
}
DANGER = {"emergency": "112", "control_room": "1077", "ticket": "JC-2600104237"}
DAY = timedelta(days=1)


def reply(bench: Bench, key: str, *, text: str = "आपकी क्या समस्या है?", **more: Any) -> Message:
    given = {"channels": ("whatsapp",), "template": "reply", "answers": bench.clock(), **more}
    return requested(bench, f"wa/{key}", text=text, **given)


async def ask(bench: Bench, *messages: Message) -> None:
    assert not await bench.service.requests.handle(records(*messages))


def calls(bench: Bench, provider: str = "whatsapp") -> list[Outgoing]:
    return bench.providers[provider].calls


async def states(bench: Bench) -> list[tuple[str, str | None]]:
    return [(m["state"], m["reason"]) for m in await bench.stored()]


class TestTheWindow:
    async def test_is_open_by_what_it_answers_though_nobody_has_heard_of_it(
        self, bench: Bench
    ) -> None:
        await ask(bench, reply(bench, "a/0"))
        await bench.settle()
        (call,) = calls(bench)
        assert (call.text, call.in_window, call.to) == ("आपकी क्या समस्या है?", True, PHONE)
        contacts = await bench.database["contacts"].find().to_list(None)
        assert [contact.get("window_until") for contact in contacts] == [None]

    async def test_is_closed_a_day_later(self, bench: Bench) -> None:
        wrote_at = bench.clock()
        bench.clock.advance(seconds=WINDOW.total_seconds())
        await ask(bench, reply(bench, "a/0", answers=wrote_at))
        await bench.settle()
        assert calls(bench) == []
        assert await states(bench) == [("failed", "outside_window")]

    async def test_a_list_comes_to_the_provider(self, bench: Bench) -> None:
        rows = (("v:naila", "Naila", "Janjgir"), ("v:tarod", "Tarod", ""))
        await ask(bench, reply(bench, "a/0", rows=rows, list_button="गाँव चुनें"))
        await bench.settle()
        (call,) = calls(bench)
        assert (call.rows, call.list_button, call.buttons) == (rows, "गाँव चुनें", ())

    async def test_its_template_goes_where_it_is_closed(self, bench: Bench) -> None:
        late = bench.clock() - DAY
        given = {"template": "citizen_filed", "values": FILED, "answers": late}
        await ask(bench, reply(bench, "a/0", **given))
        await bench.settle()
        (call,) = calls(bench)
        assert (call.in_window, call.registered) == (False, "samvad_citizen_filed_v2")
        assert call.parameters == tuple(FILED.values())
        assert call.buttons == ()
        stored = await bench.stored()
        for private in (FILED["link"], FILED["ticket"], PHONE[1:]):
            assert private not in repr(stored)

    @pytest.mark.parametrize(
        ("template", "values"), [("citizen_filed", FILED), ("citizen_filed_danger", DANGER)]
    )
    async def test_another_channel_takes_its_template(
        self, bench: Bench, template: str, values: dict[str, str]
    ) -> None:
        given = {"template": template, "values": values, "channels": ("whatsapp", "sms")}
        asked = reply(bench, "a/0", **given)
        await ask(bench, asked)
        (message,) = await bench.stored()
        nobody = Outcome("permanent", "whatsapp_131026_undeliverable", bad_address=True)
        bench.providers["whatsapp"].outcomes[message["_id"]] = [nobody]
        await bench.settle()
        (text,), (sms,) = calls(bench), calls(bench, "mobile_seva")
        assert text.text == "आपकी क्या समस्या है?"
        wording = bench.book.templates[template].wordings["sms", "hi"]
        assert sms.registered == wording.registered
        assert values["ticket"] in sms.text

    @pytest.mark.parametrize("told", ["at once", "later"])
    async def test_the_provider_knows_better_and_the_template_goes(
        self, bench: Bench, told: str
    ) -> None:
        asked = reply(bench, "a/0", template="citizen_filed", values=FILED)
        await ask(bench, asked)
        (message,) = await bench.stored()
        if told == "at once":
            bench.providers["whatsapp"].outcomes[message["_id"]] = [CLOSED]
        await bench.send()
        if told == "later":
            await receive(bench, status(bench, message["_id"], "failed", "id-1", 131047))
            await bench.send()
        assert [call.in_window for call in calls(bench)] == [True, False]
        assert await states(bench) == [("sent", None)]
        # the same is known to what is said after it
        await ask(bench, reply(bench, "a/1"))
        await bench.send()
        assert len(calls(bench)) == 2
        assert (await states(bench))[1] == ("failed", "outside_window")
        # until he writes again
        bench.clock.advance(seconds=1)
        await ask(bench, reply(bench, "b/0"))
        await bench.send()
        assert calls(bench)[-1].in_window

    async def test_without_a_template_it_fails_and_is_not_tried_again(self, bench: Bench) -> None:
        await ask(bench, reply(bench, "a/0"))
        (message,) = await bench.stored()
        bench.providers["whatsapp"].outcomes[message["_id"]] = [CLOSED] * 5
        await bench.settle()
        assert len(calls(bench)) == 1
        assert await states(bench) == [("failed", "outside_window")]

    async def test_a_refusal_that_is_told_late_does_not_close_what_he_has_opened_since(
        self, bench: Bench
    ) -> None:
        await ask(bench, reply(bench, "a/0"))
        await bench.send()
        (message,) = await bench.stored()
        bench.clock.advance(minutes=1)
        await receive(bench, wrote(bench, "नमस्ते"))
        bench.clock.advance(minutes=1)
        await receive(bench, status(bench, message["_id"], "failed", "id-1", 131047))
        await ask(bench, reply(bench, "b/0", answers=bench.clock() - timedelta(minutes=1)))
        await bench.send()
        assert calls(bench)[-1].in_window


class TestWhatIsSetAside:
    @pytest.mark.parametrize(
        ("given", "why"),
        [
            ({"channels": ("whatsapp", "sms")}, "a text goes by whatsapp alone"),
            (
                {"channels": ("whatsapp", "email"), "template": "citizen_filed", "values": FILED},
                "a text goes by whatsapp alone",
            ),
            ({"template": "citizen_question"}, "the template is one of messages about a case"),
            ({"text": None}, "the template is not in the book"),
            ({"channels": ()}, "no channel is named"),
        ],
    )
    async def test_what_cannot_be_said(
        self, bench: Bench, given: dict[str, Any], why: str
    ) -> None:
        bad = reply(bench, "a/0", **given)
        ((_, reason),) = await bench.service.requests.handle(records(bad))
        assert reason.startswith(why)
        assert await bench.stored() == []

    async def test_a_key_is_as_long_as_the_provider_can_echo(self, bench: Bench) -> None:
        long = reply(bench, "x" * (LONGEST_KEY - 3))
        await ask(bench, long)
        await bench.send()
        (call,) = calls(bench)
        assert len(call.key) <= 512
        longer = reply(bench, "x" * (LONGEST_KEY - 2))
        ((_, reason),) = await bench.service.requests.handle(records(longer))
        assert reason.startswith("the key is longer")

    async def test_nothing_is_kept_for_ever(self, bench: Bench) -> None:
        await ask(bench, reply(bench, "a/0"))
        (message,) = await bench.stored()
        indexes = await bench.database["messages"].index_information()
        expiring = [one for one in indexes.values() if "expireAfterSeconds" in one]
        assert [(one["key"], one["expireAfterSeconds"]) for one in expiring] == [
            ([("created_at", 1)], KEPT_SECONDS)
        ]
        assert message["created_at"] == bench.clock()
        assert timedelta(seconds=KEPT_SECONDS) <= timedelta(days=30)


class TestOrder:
    async def test_two_that_were_asked_for_at_once(self, bench: Bench) -> None:
        texts = ["पहला", "दूसरा", "तीसरा"]
        await ask(bench, *(reply(bench, f"a/{n}", text=text) for n, text in enumerate(texts)))
        await bench.send()
        assert [call.text for call in calls(bench)] == texts

    async def test_the_first_one_that_must_be_tried_again_keeps_its_place(
        self, bench: Bench
    ) -> None:
        await ask(bench, reply(bench, "a/0", text="1"), reply(bench, "a/1", text="2"))
        first, _ = await bench.stored()
        busy = Outcome("transient", "whatsapp_131056")
        bench.providers["whatsapp"].outcomes[first["_id"]] = [busy]
        for _ in range(20):
            await bench.send()
            bench.clock.advance(milliseconds=500)
        assert [call.text for call in calls(bench)] == ["1", "1", "2"]

    @pytest.fixture
    async def loops(self, bench: Bench) -> AsyncIterator[None]:
        """The senders with their loops, as in the process: nothing but a wake moves them here, since the
        clock stands still."""
        for queue, sender in bench.service.senders.items():
            bench.service.wakes.loops[queue] = DueLoop(queue, sender, bench.clock, lambda: ALL)
        tasks = [asyncio.create_task(loop.run()) for loop in bench.service.wakes.loops.values()]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def test_nobody_waits_for_another(
        self, bench: Bench, loops: None, eventually: Callable[..., Any]
    ) -> None:
        provider = bench.providers["whatsapp"]
        provider.gate.clear()
        provider.held = {f"wa/a/0:{name(bench)}"}
        await ask(bench, reply(bench, "a/0", text="slow"), reply(bench, "a/1", text="behind"))
        others = [f"+9198123456{n:02d}" for n in range(20)]
        await ask(bench, *(reply(bench, f"b{n}/0", to=to) for n, to in enumerate(others)))

        def called() -> set[str]:
            return {call.to for call in calls(bench)}

        await eventually(lambda: called() == {PHONE, *others}, "everybody else is answered")
        assert [call.text for call in calls(bench) if call.to == PHONE] == ["slow"]
        provider.gate.set()

        def all_told() -> bool:
            return [call.text for call in calls(bench) if call.to == PHONE] == ["slow", "behind"]

        await eventually(all_told, "what waited behind the slow one")
        assert set(provider.times.values()) == {1}
