"""Receipts, applied to their messages in the fake store."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.kernel.domain.errors import Retry, Unavailable
from services.kernel.testing.memory import ManualClock
from services.notify.adapters.book_file import load_book
from services.notify.adapters.contact_store import Learnt
from services.notify.adapters.receiving import ROUNDS, Receiving
from services.notify.core.book import Channel
from services.notify.core.messages import Message, Move, Step
from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt, Status
from services.notify.testing.memory import CountedWakes, FixedComposer, MemoryMessages
from services.notify.testing.store_suite import ALL, NOW, claim, concluded, planned

BOOK = load_book()
PATIENCE = BOOK.waits["whatsapp"].receipt
NOBODY = Outcome("permanent", "whatsapp_131026", bad_address=True)
CLOSED = Outcome("permanent", "whatsapp_131047", window_closed=True)
BUSY = Outcome("transient", "whatsapp_131000")


@dataclass
class KnownAddresses:
    """What is learnt of addresses; `down` refuses."""

    bad: list[Learnt] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    closed_at: list[datetime] = field(default_factory=list)
    down: bool = False

    async def learn(self, learnt: Sequence[Learnt]) -> None:
        self._up()
        self.bad += learnt

    async def close_window(self, contacts: Collection[str], now: datetime) -> None:
        self._up()
        self.closed += contacts
        self.closed_at.append(now)

    def _up(self) -> None:
        if self.down:
            raise Unavailable("the store")


class Addresses(FixedComposer):
    """An address a channel."""

    async def contact_names(self, messages: Sequence[Message], channel: Channel) -> dict[str, str]:
        return {message.id: f"{channel}-address" for message in messages}


class Desk:
    """Receiving among fakes, with one message sent by WhatsApp, which gave it the id `wamid-1`."""

    def __init__(self) -> None:
        self.store = MemoryMessages()
        self.known = KnownAddresses()
        self.clock = ManualClock(NOW)
        self.composer = Addresses(BOOK)
        contacts: Any = self.known
        self.wakes = CountedWakes()
        self.receiving = Receiving(
            self.store, self.composer, contacts, BOOK.waits, self.clock, self.wakes
        )

    async def sent(self, number: int = 1, *, form: str = "", **fields: Any) -> str:
        document = planned(number, channel="whatsapp", then=("sms",), **fields)
        id_ = str(document["_id"])
        await self.store.plan([document])
        made = claim(f"c{number}", channel="whatsapp", forms={id_: form} if form else {})
        await self.store.claim([id_], made)
        done = concluded(document, made.id, Step("sent", "whatsapp", NOW + PATIENCE), "accepted")
        outcome = Outcome("accepted", provider_id=f"wamid-{number}")
        await self.store.conclude([replace(done, outcome=outcome)])
        return id_

    async def tell(self, *receipts: Receipt) -> None:
        await self.receiving.apply(receipts)

    def state(self, id_: str) -> str:
        return str(self.store.documents[id_]["state"])


def receipt(
    id_: str, status: Status, failure: Outcome | None = None, *, wamid: str = "wamid-1"
) -> Receipt:
    if status == "failed" and failure is None:
        failure = Outcome("permanent", "refused")
    return Receipt("whatsapp", status, NOW, id_, wamid, failure=failure)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_receipts_are_written_with_what_they_make_of_the_message(desk: Desk) -> None:
    id_ = await desk.sent()
    for status in ("sent", "delivered", "read"):
        desk.clock.advance(minutes=1)
        await desk.tell(receipt(id_, status))
    stored = desk.store.documents[id_]
    assert stored["state"] == "read"
    assert "next_at" not in stored
    (attempt,) = stored["attempts"]
    assert attempt["status"] == "read"
    assert [attempt[f"{one}_at"] for one in ("sent", "delivered", "read")] == [
        NOW + timedelta(minutes=number) for number in (0, 2, 3)
    ]
    assert stored["delivered_at"] == NOW + timedelta(minutes=2)


@pytest.mark.parametrize(
    "order",
    [
        ["read", "delivered", "sent"],
        ["delivered", "read", "sent", "read", "delivered"],
        ["sent", "sent", "read", "failed"],
        ["failed", "read"],
        ["read", "failed"],
    ],
)
@pytest.mark.parametrize("together", [True, False], ids=["in one batch", "one by one"])
async def test_in_any_order_and_repeated_they_come_to_the_same(
    desk: Desk, order: list[Status], *, together: bool
) -> None:
    id_ = await desk.sent()
    told = [receipt(id_, status) for status in order]
    for batch in [told] if together else [[one] for one in told]:
        await desk.tell(*batch)
    assert desk.state(id_) == "read"
    assert "next_at" not in desk.store.documents[id_]


async def test_a_receipt_told_again_changes_nothing(desk: Desk) -> None:
    id_ = await desk.sent(announced=True)
    await desk.tell(receipt(id_, "delivered"))
    before = {**desk.store.documents[id_]}
    assert before["owes"] == ["delivered"]
    assert desk.wakes.everybody == 1
    desk.clock.advance(hours=1)
    await desk.tell(receipt(id_, "delivered"), receipt(id_, "sent"))
    assert desk.store.documents[id_] == before
    assert desk.wakes.everybody == 1


async def test_of_many_messages_each_has_its_own(desk: Desk) -> None:
    ids = [await desk.sent(number) for number in (1, 2, 3)]
    await desk.tell(
        receipt(ids[0], "delivered", wamid="wamid-1"),
        receipt(ids[1], "failed", wamid="wamid-2"),
        receipt(ids[0], "read", wamid="wamid-1"),
    )
    assert [desk.state(id_) for id_ in ids] == ["read", "planned", "sent"]
    (next_one,) = await desk.store.due("mobile_seva", ALL, NOW, 10)
    assert next_one.id == ids[1]
    assert desk.wakes.everybody == 1


async def test_what_is_of_no_message_of_ours_is_passed_over(desk: Desk) -> None:
    id_ = await desk.sent()
    await desk.tell(
        receipt("nobody's", "delivered"),
        receipt("", "delivered"),
        replace(receipt(id_, "delivered"), channel="email"),
        receipt(id_, "delivered"),
    )
    assert desk.state(id_) == "delivered"
    assert list(desk.store.documents) == [id_]


async def test_a_write_that_is_lost_is_decided_anew(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the reading and the writing somebody else has written."""
    id_, other = await desk.sent(), await desk.sent(2)
    write = desk.store.move
    interferences = 3

    async def move(moves: Sequence[Move]) -> set[str]:
        nonlocal interferences
        if moves and interferences:
            interferences -= 1
            desk.store.documents[id_]["v"] += 1
        return await write(moves)

    monkeypatch.setattr(desk.store, "move", move)
    await desk.tell(
        receipt(id_, "sent"),
        receipt(id_, "read"),
        receipt(id_, "delivered"),
        receipt(other, "delivered", wamid="wamid-2"),
    )
    assert interferences == 0
    assert (desk.state(id_), desk.state(other)) == ("read", "delivered")


async def test_a_write_that_is_lost_for_ever_is_tried_later(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    id_ = await desk.sent()

    async def lost(moves: Sequence[Move]) -> set[str]:
        return {move.message.id for move in moves}

    monkeypatch.setattr(desk.store, "move", lost)
    with pytest.raises(Retry):
        await desk.tell(receipt(id_, "delivered"))


async def test_however_often_a_receipt_is_repeated_the_others_are_applied(desk: Desk) -> None:
    """Providers repeat for days what they think was not taken; it may lie in one batch."""
    id_ = await desk.sent()
    repeated = [receipt(id_, "sent")] * (ROUNDS + 1)
    await desk.tell(*repeated, receipt(id_, "delivered"))
    assert desk.state(id_) == "delivered"


async def test_the_store_being_away_is_told(desk: Desk) -> None:
    id_ = await desk.sent()
    desk.store.down = True
    with pytest.raises(Retry):
        await desk.tell(receipt(id_, "delivered"))
    desk.store.down = False
    await desk.tell(receipt(id_, "delivered"))
    assert desk.state(id_) == "delivered"


async def test_the_id_that_a_receipt_told_outlives_an_answer_that_was_lost(desk: Desk) -> None:
    """By it the next receipt finds its attempt, though another one was made meanwhile."""
    document = planned(1, channel="whatsapp", then=("sms",))
    await desk.store.plan([document])
    await desk.store.claim([document["_id"]], claim("c1", channel="whatsapp"))
    await desk.tell(receipt(document["_id"], "sent"))
    done = concluded(document, "c1", Step("unknown", "whatsapp"), "unknown")
    await desk.store.conclude([replace(done, outcome=Outcome("unknown", "call_timeout"))])
    (attempt,) = desk.store.documents[document["_id"]]["attempts"]
    assert (attempt["outcome"], attempt["provider_id"]) == ("unknown", "wamid-1")
    assert desk.state(document["_id"]) == "sent"


class TestLearning:
    async def test_a_number_that_is_nobodys(self, desk: Desk) -> None:
        id_ = await desk.sent()
        for _ in range(2):
            await desk.tell(receipt(id_, "failed", NOBODY))
        assert desk.known.bad == [Learnt("whatsapp-address", "whatsapp", NOW)]
        assert desk.store.documents[id_]["channel"] == "sms"

    @pytest.mark.parametrize("status", ["planned", "sent"])
    async def test_it_is_the_receipts_channel_that_is_bad_and_not_the_next_one(
        self, desk: Desk, status: str
    ) -> None:
        """The failure came late: the message is with the next channel already."""
        id_ = await desk.sent()
        (waited,) = (await desk.store.read([id_])).values()
        await desk.store.move([Move(waited, NOW, Step("planned", "sms", NOW))])
        if status == "sent":
            await desk.store.claim([id_], claim("c2"))
        await desk.tell(receipt(id_, "failed", NOBODY))
        assert [(one.contact, one.channel) for one in desk.known.bad] == [
            ("whatsapp-address", "whatsapp")
        ]

    async def test_a_closed_window_and_the_template_is_tried(self, desk: Desk) -> None:
        id_ = await desk.sent(form="text")
        await desk.tell(receipt(id_, "failed", CLOSED))
        assert desk.known.closed == ["whatsapp-address"]
        stored = desk.store.documents[id_]
        assert (stored["state"], stored["channel"], stored["queue"]) == (
            "planned",
            "whatsapp",
            "whatsapp",
        )
        assert desk.wakes.everybody == 1

    async def test_the_window_is_known_to_be_closed_before_the_template_is_sent(
        self, desk: Desk, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Who sends it may look at once: it must not find the window open, or the text goes out again."""
        id_ = await desk.sent(form="text")
        write = desk.store.move

        async def move(moves: Sequence[Move]) -> set[str]:
            assert desk.known.closed == ["whatsapp-address"]
            return await write(moves)

        monkeypatch.setattr(desk.store, "move", move)
        await desk.tell(receipt(id_, "failed", CLOSED))
        assert desk.state(id_) == "planned"

    @pytest.mark.parametrize("failure", [CLOSED, NOBODY])
    async def test_it_was_so_when_it_was_called_and_not_when_it_is_told(
        self, desk: Desk, failure: Outcome
    ) -> None:
        """He may have written in between."""
        id_ = await desk.sent(form="text")
        desk.clock.advance(hours=1)
        await desk.tell(receipt(id_, "failed", failure))
        assert [*desk.known.closed_at, *(one.at for one in desk.known.bad)] == [NOW]

    async def test_nothing_of_a_failure_that_has_another_cause(self, desk: Desk) -> None:
        id_ = await desk.sent()
        await desk.tell(receipt(id_, "failed", BUSY))
        assert (desk.known.bad, desk.known.closed) == ([], [])
        stored = desk.store.documents[id_]
        assert (stored["state"], stored["channel"]) == ("planned", "whatsapp")
        assert stored["next_at"] > NOW

    async def test_what_could_not_be_learnt_is_learnt_when_it_is_told_again(
        self, desk: Desk
    ) -> None:
        id_ = await desk.sent()
        desk.known.down = True
        with pytest.raises(Retry):
            await desk.tell(receipt(id_, "failed", NOBODY))
        desk.known.down = False
        await desk.tell(receipt(id_, "failed", NOBODY))
        assert [one.channel for one in desk.known.bad] == ["whatsapp"]
