"""What every store of messages must do. One suite, run against the fake and against MongoDB."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pytest

from services.notify.adapters.message_document import from_document, to_document
from services.notify.core.book import Audience, Channel
from services.notify.core.messages import Claim, Conclusion, Message, Messages, Move, Seen, Step
from services.notify.core.outcomes import Outcome
from services.notify.core.planning import PlannedMessage
from services.notify.core.provider import ProviderName

NOW = datetime(2026, 1, 5, 4, 30, 0, 123000, tzinfo=UTC)
ALL = range(256)
UNTIL = NOW + timedelta(seconds=40)
LATER = NOW + timedelta(minutes=5)
PROVIDERS: Mapping[Channel, ProviderName] = {
    "sms": "mobile_seva",
    "whatsapp": "whatsapp",
    "email": "smtp",
}


class Store(Messages, Protocol):
    async def plan(self, documents: Sequence[dict[str, Any]]) -> int: ...

    async def mark(self, ids: Collection[str], summary: str) -> None: ...

    async def collapse(
        self, by: Iterable[tuple[str, int, Iterable[tuple[str, Audience]]]]
    ) -> None: ...


def planned(
    number: int = 1,
    *,
    ticket: str = "2600104237",
    order: int | None = None,
    audience: Audience = "citizen",
    channel: Channel = "sms",
    then: tuple[Channel, ...] = (),
    at: datetime = NOW,
    bucket: int = 5,
    event: str = "samvad.case.filed.v1",
    template: str = "citizen_filed_danger",
    announced: bool = False,
    urgent: bool = False,
    at_once: bool = False,
    gathered: bool = False,
    not_before: datetime | None = None,
) -> dict[str, Any]:
    """A made-up planned message, as a document. `then`: the channels after its first."""
    room = "intake" if number == 1 else "case"
    channels = (channel, *then)
    message = PlannedMessage(
        id=f"{ticket}/{room}/{number}:r-{audience}",
        event_id=f"{ticket}/{room}/{number}",
        event=event,
        event_at=at,
        ticket=ticket,
        thread=ticket,
        district="janjgir-champa",
        zone="Asia/Kolkata",
        audience=audience,
        person=None,
        source=ticket,
        recipient=f"r-{audience}",
        channels=channels,
        providers=tuple(PROVIDERS[one] for one in channels),
        template=template,
        language="en",
        urgent=urgent,
        at_once=at_once,
        announced=announced,
        gathered=gathered,
        not_before=not_before,
        values={"emergency": "112", "control_room": "1077", "ticket": f"JC-{ticket}"},
    )
    return to_document(message, order=number if order is None else order, bucket=bucket, now=at)


def claim(id_: str = "c1", *, channel: Channel = "sms", forms: Mapping[str, str] | None = None) -> Claim:
    return Claim(id_, PROVIDERS[channel], channel, NOW, UNTIL, forms or {})


def concluded(document: dict[str, Any], claim_id: str, step: Step, kind: str) -> Conclusion:
    message = from_document(document)
    return Conclusion(message, claim_id, Outcome(kind, "why", "p-1"), step, NOW)  # type: ignore[arg-type]


async def claim_of(store: Store, document: dict[str, Any], id_: str = "c1") -> None:
    assert await store.claim([document["_id"]], claim(id_)) == {document["_id"]}


async def read_one(store: Store, document: dict[str, Any]) -> Message:
    return (await store.read([document["_id"]]))[document["_id"]]


class StoreSuite:
    """Mixed into a test class that has fixtures `store` and `read` (a document by id)."""

    async def test_a_message_is_planned_once(self, store: Store, read: Any) -> None:
        assert await store.plan([planned(1), planned(2)]) == 2
        again = planned(1)
        again["values"] = {}
        assert await store.plan([again, planned(3)]) == 1
        assert (await read(again["_id"]))["values"] != {}

    async def test_due_by_queue_bucket_and_time(self, store: Store, read: Any) -> None:
        late, early = planned(1, at=NOW), planned(2, at=NOW - timedelta(seconds=1))
        others = [
            planned(3, at=NOW + timedelta(milliseconds=1)),
            planned(4, bucket=6),
            planned(5, channel="whatsapp"),
            planned(6, gathered=True),
            planned(7, not_before=LATER),
        ]
        await store.plan([late, early, *others])
        found = await store.due("mobile_seva", [5, 7], NOW, 10)
        assert [m.id for m in found] == [early["_id"], late["_id"]]
        assert [m.id for m in await store.due("mobile_seva", [5], NOW, 1)] == [early["_id"]]
        assert found[1] == from_document(late)
        assert [m.id for m in await store.due("gather", [5], NOW, 10)] == [others[3]["_id"]]
        assert len(await store.due("mobile_seva", [5], LATER, 10)) == 4

    async def test_an_urgent_message_comes_before_what_waits(self, store: Store, read: Any) -> None:
        waiting, urgent = planned(1), planned(2, urgent=True)
        await store.plan([waiting, urgent])
        found = await store.due("mobile_seva", ALL, NOW, 10)
        assert [m.id for m in found] == [urgent["_id"], waiting["_id"]]

    async def test_one_of_two_claimants_has_it(self, store: Store, read: Any) -> None:
        one, two = planned(1), planned(2)
        await store.plan([one, two])
        ids = [one["_id"], two["_id"]]
        assert await store.claim(ids[:1], claim("c1", forms={ids[0]: "text"})) == {ids[0]}
        assert await store.claim(ids, claim("c2")) == {ids[1]}
        assert await store.claim(ids, claim("c3")) == set()
        stored = await read(ids[0])
        assert stored["state"] == "claimed"
        assert stored["next_at"] == UNTIL
        assert stored["tries"] == 1
        assert stored["attempts"] == [
            {
                "claim": "c1",
                "channel": "sms",
                "provider": "mobile_seva",
                "claimed_at": NOW,
                "form": "text",
            }
        ]
        assert "form" not in (await read(ids[1]))["attempts"][0]
        assert await store.due("mobile_seva", ALL, NOW, 10) == []

    async def test_a_claim_given_back_was_never_an_attempt(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        await store.give_back([one["_id"]], "other", NOW)
        assert (await read(one["_id"]))["state"] == "claimed"
        await store.give_back([one["_id"]], "c1", NOW)
        await store.give_back([one["_id"]], "c1", NOW)
        stored = await read(one["_id"])
        assert stored == {**one, "v": stored["v"]}

    async def test_outcomes_are_written_to_their_attempt(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        again = NOW + timedelta(seconds=2)
        await claim_of(store, one, "c1")
        retried = concluded(one, "c1", Step("planned", "sms", again, "why"), "transient")
        await store.conclude([retried])
        assert [m.tries for m in await store.due("mobile_seva", ALL, again, 10)] == [1]
        await claim_of(store, one, "c2")
        # told twice, and after the next attempt began: it changes nothing
        await store.conclude([retried])
        assert (await read(one["_id"]))["state"] == "claimed"
        await store.conclude([concluded(one, "c2", Step("sent", "sms"), "accepted")])
        stored = await read(one["_id"])
        assert (stored["state"], stored["sent_at"]) == ("sent", NOW)
        assert not {"next_at", "queue", "claim"} & set(stored)
        first, second = stored["attempts"]
        assert (first["outcome"], first["reason"], first["ended_at"]) == ("transient", "why", NOW)
        assert (second["outcome"], second["provider_id"], second["sent_at"]) == (
            "accepted",
            "p-1",
            NOW,
        )

    async def test_the_next_channel_is_taken_up_anew(self, store: Store, read: Any) -> None:
        one = planned(1, channel="whatsapp", then=("sms",))
        await store.plan([one])
        await store.claim([one["_id"]], claim(channel="whatsapp"))
        await store.conclude(
            [concluded(one, "c1", Step("planned", "sms", LATER, "why"), "permanent")]
        )
        (message,) = await store.due("mobile_seva", ALL, LATER, 10)
        assert (message.channel, message.tries, message.since) == ("sms", 0, NOW)
        assert await store.due("whatsapp", ALL, LATER, 10) == []

    async def test_a_receipt_that_came_first_stands(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        seen = Seen("c1", "delivered")
        moved = Move(await read_one(store, one), LATER, Step("delivered", "sms"), seen)
        assert await store.move([moved]) == set()
        await store.conclude([concluded(one, "c1", Step("sent", "sms", LATER), "accepted")])
        stored = await read(one["_id"])
        assert (stored["state"], stored["delivered_at"]) == ("delivered", LATER)
        assert "next_at" not in stored
        (attempt,) = stored["attempts"]
        assert (attempt["outcome"], attempt["provider_id"]) == ("accepted", "p-1")
        assert (attempt["status"], attempt["delivered_at"]) == ("delivered", LATER)

    async def test_of_two_who_decided_on_the_same_one_writes(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        message = await read_one(store, one)
        failed = Move(message, NOW, Step("failed", "sms", None, "one"))
        late = Move(message, NOW, Step("sent", "sms", None, "other"))
        assert await store.move([failed]) == set()
        assert await store.move([late]) == {one["_id"]}
        assert (await read(one["_id"]))["reason"] == "one"

    async def test_the_claimant_knows_better_than_a_lapse(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        lapse = Move(
            await read_one(store, one), UNTIL, Step("unknown", "sms", None, "lapsed"), lapsed="c1"
        )
        assert await store.move([lapse]) == set()
        stored = await read(one["_id"])
        assert stored["state"] == "unknown"
        assert stored["attempts"][0]["outcome"] == "unknown"
        assert await store.claim([one["_id"]], claim("c2")) == set()
        await store.conclude([concluded(one, "c1", Step("sent", "sms"), "accepted")])
        stored = await read(one["_id"])
        assert stored["state"] == "sent"
        assert stored["attempts"][0]["outcome"] == "accepted"

    async def test_what_is_overtaken_is_collapsed(self, store: Store, read: Any) -> None:
        early, later = planned(2, event="a"), planned(9, event="a")
        other, claimed = planned(3, event="b"), planned(4, event="a")
        staff = planned(5, event="a", audience="officer")
        elsewhere = planned(2, ticket="2600000009", event="a")
        await store.plan([early, later, other, claimed, staff, elsewhere])
        await claim_of(store, claimed)
        for _ in range(2):
            await store.collapse([("2600104237", 6, [("a", "citizen")])])
        stored = await read(early["_id"])
        assert (stored["state"], stored["reason"]) == ("collapsed", "overtaken")
        assert "next_at" not in stored
        for untouched in (later, other, staff, elsewhere):
            assert (await read(untouched["_id"]))["state"] == "planned"
        stored = await read(claimed["_id"])
        assert (stored["state"], stored["stale"]) == ("claimed", True)

    async def test_what_is_overtaken_while_it_is_sent_is_not_tried_again(
        self, store: Store, read: Any
    ) -> None:
        one, two = planned(1, event="a"), planned(2, event="b")
        await store.plan([one, two])
        await store.claim([one["_id"], two["_id"]], claim())
        await store.collapse([("2600104237", 6, [("a", "citizen")])])
        again = Step("planned", "sms", LATER, "why")
        await store.conclude([concluded(doc, "c1", again, "transient") for doc in (one, two)])
        stored = await read(one["_id"])
        assert (stored["state"], stored["reason"]) == ("collapsed", "overtaken")
        assert "next_at" not in stored
        assert stored["attempts"][0]["outcome"] == "transient"
        assert (await read(two["_id"]))["state"] == "planned"

    async def test_a_part_of_one_summary_is_no_part_of_another(
        self, store: Store, read: Any
    ) -> None:
        one, two, alone = planned(1, gathered=True), planned(2, gathered=True), planned(3)
        await store.plan([one, two, alone])
        await store.mark([one["_id"]], "s-1")
        await store.mark([one["_id"], two["_id"], alone["_id"]], "s-2")
        found = await store.read([one["_id"], two["_id"], alone["_id"]])
        assert [found[doc["_id"]].summary for doc in (one, two, alone)] == ["s-1", "s-2", None]

    async def test_what_has_waited_long_is_found_behind_what_has_nowhere_to_go(
        self, store: Store, read: Any
    ) -> None:
        stuck = [planned(n, at=NOW - timedelta(days=1)) for n in range(2, 9)]
        waits = planned(1, then=("whatsapp",), at=NOW - timedelta(hours=2))
        fresh = planned(1, ticket="2600000009", then=("whatsapp",), at=NOW)
        urgent = planned(
            1, ticket="2600000017", then=("whatsapp",), urgent=True, at=NOW - timedelta(minutes=5)
        )
        stale = planned(9, then=("whatsapp",), event="a", at=NOW - timedelta(hours=2))
        await store.plan([*stuck, waits, fresh, urgent, stale])
        await store.claim([stale["_id"]], claim())
        await store.collapse([("2600104237", 99, [("a", "citizen")])])
        found = await store.waiting_long(
            "mobile_seva", ALL, NOW - timedelta(hours=1), NOW - timedelta(minutes=4), NOW, 3
        )
        assert [message.id for message in found] == [urgent["_id"], waits["_id"]]

    async def test_who_reads_late_claims_nothing_that_has_gone_on(
        self, store: Store, read: Any
    ) -> None:
        one = planned(1, channel="whatsapp", then=("sms",))
        await store.plan([one])
        message = await read_one(store, one)
        await store.move([Move(message, NOW, Step("planned", "sms", NOW, "no_receipt"))])
        assert await store.claim([one["_id"]], claim(channel="whatsapp")) == set()
        assert await store.claim([one["_id"]], claim("c2")) == {one["_id"]}

    async def test_a_claim_that_was_given_up_is_not_given_back(
        self, store: Store, read: Any
    ) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        lapse = Move(await read_one(store, one), UNTIL, Step("unknown", "sms"), lapsed="c1")
        await store.move([lapse])
        await store.give_back([one["_id"]], "c1", NOW)
        assert (await read(one["_id"]))["state"] == "unknown"

    async def test_a_persons_messages_in_whatever_bucket(self, store: Store, read: Any) -> None:
        mine = [planned(n, ticket=f"26{n:08d}", gathered=True, bucket=n) for n in (3, 4)]
        later = planned(2, gathered=True, not_before=LATER)
        other = planned(2, gathered=True, audience="officer")
        await store.plan([*mine, later, other])
        found = await store.of_people("gather", {"r-citizen"}, NOW)
        assert {message.id for message in found} == {doc["_id"] for doc in mine}

    async def test_what_cannot_be_settled_yet_is_put_off(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        before = await read_one(store, one)
        await store.move([Move(before, NOW, Step("failed", "sms", NOW, "why", ("failed",)))])
        await store.put_off(before, LATER)  # decided on what is no more so
        (message,) = await store.due("settle", ALL, NOW, 10)
        await store.put_off(message, LATER)
        assert await store.due("settle", ALL, NOW, 10) == []
        assert len(await store.due("settle", ALL, LATER, 10)) == 1

    async def test_heads_are_the_earliest_to_be_sent(self, store: Store, read: Any) -> None:
        first, second, third = planned(1), planned(2), planned(3)
        officer = planned(2, audience="officer")
        held = planned(1, audience="holder", not_before=LATER)
        after_held = planned(4, audience="holder")
        await store.plan([third, second, first, officer, held, after_held])
        thread = first["thread"]
        heads = await store.heads([thread], NOW)
        assert {key: head.id for key, head in heads.items()} == {
            (thread, "r-citizen"): first["_id"],
            (thread, "r-officer"): officer["_id"],
            (thread, "r-holder"): after_held["_id"],
        }
        assert (await store.heads([thread], LATER))[thread, "r-holder"].id == held["_id"]
        await claim_of(store, first)
        assert (await store.heads([thread], NOW))[thread, "r-citizen"].state == "claimed"
        # what was sent, and waits for its receipt, is before nobody
        await store.conclude([concluded(first, "c1", Step("sent", "sms", LATER), "accepted")])
        assert (await store.heads([thread], NOW))[thread, "r-citizen"].id == second["_id"]
        assert await store.heads(["2600000009"], NOW) == {}

    async def test_an_id_that_a_receipt_told_outlives_an_answer_without_one(
        self, store: Store, read: Any
    ) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        seen = Seen("c1", "sent", provider_id="p-9")
        await store.move([Move(await read_one(store, one), LATER, None, seen)])
        unknown = Conclusion(from_document(one), "c1", Outcome("unknown", "why"), Step("unknown", "sms"), NOW)
        await store.conclude([unknown])
        (attempt,) = (await read(one["_id"]))["attempts"]
        assert (attempt["outcome"], attempt["provider_id"]) == ("unknown", "p-9")

    async def test_only_a_planned_message_is_held(self, store: Store, read: Any) -> None:
        one, two = planned(1), planned(2)
        await store.plan([one, two])
        await claim_of(store, one)
        await store.hold({one["_id"]: LATER, two["_id"]: LATER})
        await store.hold({})
        assert (await read(one["_id"]))["next_at"] == UNTIL
        found = (await store.read([two["_id"]]))[two["_id"]]
        assert (found.next_at, found.held_until) == (LATER, LATER)

    async def test_only_a_planned_message_is_postponed(self, store: Store, read: Any) -> None:
        one, two = planned(1), planned(2)
        await store.plan([one, two])
        await claim_of(store, one)
        await store.postpone({one["_id"]: LATER, two["_id"]: LATER})
        await store.postpone({})
        assert (await read(one["_id"]))["next_at"] == UNTIL
        assert (await read(two["_id"]))["next_at"] == LATER

    @pytest.mark.parametrize("again", [None, LATER])
    async def test_a_debt_is_paid_once(
        self, store: Store, read: Any, again: datetime | None
    ) -> None:
        one = planned(1)
        await store.plan([one])
        owes = Step("failed", "sms", NOW, "why", ("callback", "failed"))
        await store.move([Move(await read_one(store, one), NOW, owes)])
        (message,) = await store.due("settle", ALL, NOW, 10)
        assert message.owes == ("callback", "failed")
        await store.paid(message, "callback", again)
        await store.paid(message, "callback", None)  # decided on what is no more so
        stored = await read(one["_id"])
        assert stored["owes"] == ["failed"]
        assert stored.get("next_at") == again
