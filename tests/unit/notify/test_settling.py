"""What is done when a wait is over, and how debts are paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import pytest

from services.kernel.contracts.topics import CALLS
from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.testing.memory import ManualClock, MemoryBroker
from services.notify.adapters.book_file import load_book
from services.notify.adapters.settling import Settling
from services.notify.core.messages import Debt, Message, Move, Step
from services.notify.core.provider import ProviderName
from services.notify.testing.memory import CountedWakes, MemoryMessages
from services.notify.testing.store_suite import ALL, NOW, claim, concluded, planned

BOOK = load_book()
PATIENCE = BOOK.waits["whatsapp"].receipt
ASSUMED = BOOK.waits["sms"].assumed


@dataclass
class Rooms:
    """Says what it is told to say; `ready` False: the room is behind."""

    ready: bool = True
    down: bool = False
    said: list[tuple[str, Debt]] = field(default_factory=list)

    async def announce(self, message: Message, debt: Debt, now: datetime) -> bool:
        if self.down:
            raise Unavailable("the store")
        if self.ready:
            self.said.append((message.id, debt))
        return self.ready


class Desk:
    def __init__(self) -> None:
        self.store = MemoryMessages()
        self.broker = MemoryBroker()
        self.rooms = Rooms()
        self.clock = ManualClock(NOW)
        self.wakes = CountedWakes()
        self.settling = Settling(
            self.store, self.broker, self.rooms, BOOK.waits, self._receipts, self.wakes
        )

    @staticmethod
    def _receipts(name: ProviderName) -> bool:
        return name == "whatsapp"

    async def sent(self, document: dict[str, Any], step: Step, kind: str = "accepted") -> str:
        id_ = str(document["_id"])
        await self.store.plan([document])
        await self.store.claim([id_], claim("c1", channel=document["channel"]))
        await self.store.conclude([concluded(document, "c1", step, kind)])
        return id_

    async def failed(self, *owes: Debt, **fields: Any) -> str:
        return await self.sent(
            planned(1, **fields), Step("failed", "sms", NOW, "why", owes), "permanent"
        )

    async def fire(self) -> int:
        taken, _ = await self.settling.fire(self.clock(), ALL, 500)
        return taken

    def stored(self, id_: str) -> dict[str, Any]:
        return self.store.documents[id_]


@pytest.fixture
def desk() -> Desk:
    return Desk()


class TestWaits:
    @pytest.mark.parametrize(("state", "kind"), [("sent", "accepted"), ("unknown", "unknown")])
    async def test_without_a_receipt_in_time_the_next_channel_has_it(
        self, desk: Desk, state: str, kind: str
    ) -> None:
        document = planned(1, channel="whatsapp", then=("sms",))
        step = Step(state, "whatsapp", NOW + PATIENCE)  # type: ignore[arg-type]
        id_ = await desk.sent(document, step, kind)
        desk.clock.advance(seconds=PATIENCE.total_seconds() - 0.001)
        assert await desk.fire() == 0
        desk.clock.advance(seconds=0.001)
        assert await desk.fire() == 1
        stored = desk.stored(id_)
        assert (stored["state"], stored["channel"], stored["queue"]) == (
            "planned",
            "sms",
            "mobile_seva",
        )
        assert (stored["tries"], stored["since"]) == (0, desk.clock())
        assert stored["next_at"] == desk.clock()
        assert desk.wakes.everybody == 1
        assert await desk.fire() == 0

    async def test_what_is_no_news_any_more_goes_no_further(self, desk: Desk) -> None:
        document = planned(1, channel="whatsapp", then=("sms",))
        id_ = await desk.sent(document, Step("sent", "whatsapp", NOW))
        await desk.store.collapse([(document["thread"], 2, [(document["event"], "citizen")])])
        assert await desk.fire() == 1
        assert desk.stored(id_)["state"] == "sent"
        assert "next_at" not in desk.stored(id_)
        assert await desk.fire() == 0

    async def test_a_receipt_that_comes_between_wins(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        id_ = await desk.sent(
            planned(1, channel="whatsapp", then=("sms",)), Step("sent", "whatsapp", NOW)
        )
        look = desk.store.due

        async def due(*asked: Any) -> list[Message]:
            found = await look(*asked)
            await desk.store.move([Move(one, NOW, Step("read", "whatsapp")) for one in found])
            return found

        monkeypatch.setattr(desk.store, "due", due)
        await desk.fire()
        assert desk.stored(id_)["state"] == "read"
        assert desk.stored(id_)["channel"] == "whatsapp"

    async def test_a_channel_without_receipts_has_delivered_after_a_while(self, desk: Desk) -> None:
        id_ = await desk.sent(planned(1, announced=True), Step("sent", "sms", NOW + ASSUMED))
        desk.clock.advance(seconds=ASSUMED.total_seconds())
        assert await desk.fire() == 1
        assert await desk.fire() == 1
        assert desk.rooms.said == [(id_, "delivered")]
        assert await desk.fire() == 0
        assert desk.stored(id_)["state"] == "sent", "nobody has told that it was delivered"

    async def test_it_keeps_the_instant_at_which_it_was_sent(self, desk: Desk) -> None:
        id_ = await desk.sent(planned(1, announced=True), Step("sent", "sms", NOW + ASSUMED))
        desk.clock.advance(seconds=ASSUMED.total_seconds())
        await desk.fire()
        assert desk.stored(id_)["sent_at"] == NOW


class TestDebts:
    async def test_an_operator_is_asked_to_call(self, desk: Desk) -> None:
        id_ = await desk.failed("callback")
        assert await desk.fire() == 1
        (message,) = desk.broker.messages
        assert (message.topic, message.key) == (CALLS, id_.encode())
        assert orjson.loads(message.value or b"") == {
            "district": "janjgir-champa",
            "key": id_,
            "ticket": "2600104237",
            "reason": "undeliverable",
            "at": NOW.isoformat().replace("+00:00", "Z"),
        }
        stored = desk.stored(id_)
        assert not stored.get("owes")
        assert not {"next_at", "queue"} & set(stored)
        assert await desk.fire() == 0
        assert desk.rooms.said == []

    async def test_a_co_complainant_is_called_about_his_own_case(self, desk: Desk) -> None:
        document = {**planned(1), "audience": "co_complainants", "source": "2600000017"}
        await desk.sent(document, Step("failed", "sms", NOW, "why", ("callback",)), "permanent")
        await desk.fire()
        assert orjson.loads(desk.broker.messages[0].value or b"")["ticket"] == "2600000017"

    async def test_debts_are_paid_one_by_one_in_their_order(self, desk: Desk) -> None:
        id_ = await desk.failed("callback", "failed", announced=True)
        assert await desk.fire() == 1
        assert desk.stored(id_)["owes"] == ["failed"]
        assert await desk.fire() == 1
        assert desk.rooms.said == [(id_, "failed")]
        assert len(desk.broker.messages) == 1
        assert await desk.fire() == 0

    async def test_what_cannot_be_said_yet_stays_due(self, desk: Desk) -> None:
        desk.rooms.ready = False
        id_ = await desk.failed("failed", announced=True)
        for _ in range(3):
            await desk.fire()
            desk.clock.advance(seconds=1)
        assert desk.stored(id_)["owes"] == ["failed"]
        desk.rooms.ready = True
        desk.clock.advance(minutes=5)
        await desk.fire()
        assert desk.rooms.said == [(id_, "failed")]
        assert await desk.fire() == 0

    async def test_many_that_cannot_be_said_yet_do_not_hold_up_what_can(self, desk: Desk) -> None:
        desk.rooms.ready = False
        for number in range(4):
            document = planned(1, ticket=f"26{number:08d}", announced=True)
            await desk.sent(document, Step("failed", "sms", NOW, "why", ("failed",)), "permanent")
        desk.clock.advance(seconds=1)
        late = planned(1, ticket="2600000099")
        owes = Step("failed", "sms", desk.clock(), "why", ("callback",))
        await desk.sent(late, owes, "permanent")
        for _ in range(4):
            await desk.settling.fire(desk.clock(), ALL, 4)
        assert [message.key for message in desk.broker.messages] == [late["_id"].encode()]

    @pytest.mark.parametrize("what", ["broker", "rooms"])
    async def test_a_dependency_that_is_away_is_waited_for(self, desk: Desk, what: str) -> None:
        debt: Debt = "callback" if what == "broker" else "delivered"
        id_ = await desk.failed(debt)
        getattr(desk, what).down = True
        with pytest.raises(Retry):
            await desk.fire()
        assert desk.stored(id_)["owes"] == [debt]
        getattr(desk, what).down = False
        assert await desk.fire() == 1
        assert await desk.fire() == 0

    async def test_a_call_asked_for_twice_has_the_same_key(self, desk: Desk) -> None:
        """The answer of the broker was lost: it is asked for again, and the call centre has it once."""
        await desk.failed("callback")
        desk.broker.lose_next_answer = True
        with pytest.raises(Retry):
            await desk.fire()
        await desk.fire()
        first, second = desk.broker.messages
        assert first.key == second.key
        assert orjson.loads(first.value or b"")["key"] == orjson.loads(second.value or b"")["key"]

    async def test_a_debt_that_a_receipt_has_changed_is_not_struck_out(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        id_ = await desk.failed("failed", announced=True)
        say = desk.rooms.announce

        async def announce(message: Message, debt: Debt, now: datetime) -> bool:
            if debt == "failed":
                step = Step("delivered", "sms", NOW, None, ("delivered",))
                await desk.store.move([Move(message, NOW, step)])
            return await say(message, debt, now)

        monkeypatch.setattr(desk.rooms, "announce", announce)
        await desk.fire()
        assert desk.stored(id_)["owes"] == ["delivered"]
        await desk.fire()
        assert desk.rooms.said == [(id_, "failed"), (id_, "delivered")]

    async def test_waits_and_debts_of_one_look_are_both_seen_to(self, desk: Desk) -> None:
        await desk.failed("callback")
        waits = await desk.sent(
            planned(1, ticket="2600000009", channel="whatsapp", then=("sms",)),
            Step("sent", "whatsapp", NOW),
        )
        assert await desk.fire() == 2
        assert len(desk.broker.messages) == 1
        assert desk.stored(waits)["channel"] == "sms"
