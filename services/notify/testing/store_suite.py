"""What every store of messages must do. One suite, run against the fake and against MongoDB."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from services.notify.adapters.message_store import to_document
from services.notify.core.messages import Conclusion, Message, Messages, State
from services.notify.core.outcomes import Outcome
from services.notify.core.planning import PlannedMessage

NOW = datetime(2026, 1, 5, 4, 30, 0, 123000, tzinfo=UTC)
ALL = range(256)
UNTIL = NOW + timedelta(seconds=40)


class Store(Messages, Protocol):
    async def plan(self, documents: Sequence[dict[str, Any]]) -> int: ...


def planned(
    number: int = 1,
    *,
    ticket: str = "2600104237",
    order: int | None = None,
    audience: str = "citizen",
    channel: str = "sms",
    at: datetime = NOW,
    bucket: int = 5,
    event: str = "samvad.case.filed.v1",
    template: str = "citizen_filed_danger",
) -> dict[str, Any]:
    """A made-up planned message, as a document."""
    room = "intake" if number == 1 else "case"
    message = PlannedMessage(
        id=f"{ticket}/{room}/{number}:{audience}:r-{audience}",
        event_id=f"{ticket}/{room}/{number}",
        event=event,
        event_at=at,
        ticket=ticket,
        district="janjgir-champa",
        audience=audience,  # type: ignore[arg-type]
        person=None,
        recipient=f"r-{audience}",
        channel=channel,  # type: ignore[arg-type]
        template=template,
        language="en",
        urgent=False,
        values={"emergency": "112", "control_room": "1077", "ticket": f"JC-{ticket}"},
    )
    return to_document(message, order=number if order is None else order, bucket=bucket, now=at)


def concluded(
    id_: str, claim: str, state: State, kind: str, next_at: datetime | None = None
) -> Conclusion:
    return Conclusion(id_, claim, Outcome(kind, "why", "p-1"), state, NOW, next_at)  # type: ignore[arg-type]


async def claim_of(store: Store, document: dict[str, Any], claim: str = "c1") -> None:
    assert await store.claim([document["_id"]], claim, "sms", NOW, UNTIL) == {document["_id"]}


class StoreSuite:
    """Mixed into a test class that has fixtures `store` and `read` (a document by id)."""

    async def test_a_message_is_planned_once(self, store: Store, read: Any) -> None:
        assert await store.plan([planned(1), planned(2)]) == 2
        again = planned(1)
        again["values"] = {}
        assert await store.plan([again, planned(3)]) == 1
        assert (await read(again["_id"]))["values"] != {}

    async def test_due_by_channel_bucket_and_time(self, store: Store, read: Any) -> None:
        late, early = planned(1, at=NOW), planned(2, at=NOW - timedelta(seconds=1))
        others = [
            planned(3, at=NOW + timedelta(milliseconds=1)),
            planned(4, bucket=6),
            planned(5, channel="whatsapp"),
        ]
        await store.plan([late, early, *others])
        found = await store.due("sms", [5, 7], NOW, 10)
        assert [m.id for m in found] == [early["_id"], late["_id"]]
        assert [m.id for m in await store.due("sms", [5], NOW, 1)] == [early["_id"]]
        assert found[1] == Message(
            **{f: late["_id" if f == "id" else f] for f in Message.__dataclass_fields__}
        )

    async def test_one_of_two_claimants_has_it(self, store: Store, read: Any) -> None:
        one, two = planned(1), planned(2)
        await store.plan([one, two])
        ids = [one["_id"], two["_id"]]
        assert await store.claim(ids[:1], "c1", "sms", NOW, UNTIL) == {ids[0]}
        assert await store.claim(ids, "c2", "sms", NOW, UNTIL) == {ids[1]}
        assert await store.claim(ids, "c3", "sms", NOW, UNTIL) == set()
        stored = await read(ids[0])
        assert stored["state"] == "claimed"
        assert stored["next_at"] == UNTIL
        assert stored["tries"] == 1
        assert stored["attempts"] == [{"claim": "c1", "channel": "sms", "claimed_at": NOW}]
        assert await store.due("sms", ALL, NOW, 10) == []

    async def test_a_claim_given_back_was_never_an_attempt(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        await store.give_back([one["_id"]], "other", NOW)
        assert (await read(one["_id"]))["state"] == "claimed"
        await store.give_back([one["_id"]], "c1", NOW)
        await store.give_back([one["_id"]], "c1", NOW)
        assert await read(one["_id"]) == one

    async def test_a_claim_lapses_once_it_is_too_old(self, store: Store, read: Any) -> None:
        one, two = planned(1), planned(2)
        await store.plan([one, two])
        await claim_of(store, one)
        ids = [one["_id"], two["_id"]]
        assert await store.lapse(ids, UNTIL - timedelta(milliseconds=1)) == 0
        assert [m.state for m in await store.due("sms", ALL, UNTIL, 10)] == ["planned", "claimed"]
        assert await store.lapse(ids, UNTIL) == 1
        stored = await read(ids[0])
        assert stored["state"] == "unknown"
        assert "next_at" not in stored
        assert stored["attempts"][-1]["outcome"] == "unknown"
        assert (await read(ids[1]))["state"] == "planned"
        assert await store.claim(ids[:1], "c2", "sms", NOW, UNTIL) == set()

    async def test_outcomes_are_written_to_their_attempt(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        again = NOW + timedelta(seconds=2)
        await claim_of(store, one, "c1")
        await store.conclude([concluded(one["_id"], "c1", "planned", "transient", again)])
        assert [m.tries for m in await store.due("sms", ALL, again, 10)] == [1]
        await claim_of(store, one, "c2")
        # told twice, and after the next attempt began: it changes nothing
        await store.conclude([concluded(one["_id"], "c1", "planned", "transient", again)])
        assert (await read(one["_id"]))["state"] == "claimed"
        await store.conclude([concluded(one["_id"], "c2", "sent", "accepted")])
        stored = await read(one["_id"])
        assert stored["state"] == "sent"
        assert "next_at" not in stored
        assert "claim" not in stored
        first, second = stored["attempts"]
        assert (first["outcome"], first["reason"], first["ended_at"]) == ("transient", "why", NOW)
        assert (second["outcome"], second["provider_id"], second["sent_at"]) == (
            "accepted",
            "p-1",
            NOW,
        )

    async def test_the_claimant_knows_better_than_a_lapse(self, store: Store, read: Any) -> None:
        one = planned(1)
        await store.plan([one])
        await claim_of(store, one)
        await store.lapse([one["_id"]], UNTIL)
        await store.conclude([concluded(one["_id"], "c1", "sent", "accepted")])
        assert (await read(one["_id"]))["state"] == "sent"

    async def test_heads_are_the_earliest_open(self, store: Store, read: Any) -> None:
        first, second, third = planned(1), planned(2), planned(3)
        officer = planned(2, audience="officer")
        await store.plan([third, second, first, officer])
        ticket = first["ticket"]
        heads = await store.heads([ticket])
        assert {key: head.id for key, head in heads.items()} == {
            (ticket, "r-citizen"): first["_id"],
            (ticket, "r-officer"): officer["_id"],
        }
        await claim_of(store, first)
        assert (await store.heads([ticket]))[ticket, "r-citizen"].state == "claimed"
        await store.lapse([first["_id"]], UNTIL)
        assert (await store.heads([ticket]))[ticket, "r-citizen"].id == second["_id"]
        assert await store.heads(["2600000009"]) == {}

    async def test_only_a_planned_message_is_postponed(self, store: Store, read: Any) -> None:
        one, two = planned(1), planned(2)
        await store.plan([one, two])
        await claim_of(store, one)
        later = NOW + timedelta(minutes=5)
        await store.postpone({one["_id"]: later, two["_id"]: later})
        await store.postpone({})
        assert (await read(one["_id"]))["next_at"] == UNTIL
        assert (await read(two["_id"]))["next_at"] == later
