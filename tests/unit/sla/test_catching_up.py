"""Two rooms, each in its own order and the two in any: the same is said as in the order of the stamps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.adapters.room_store import Draft
from services.kernel.contracts import events
from services.kernel.contracts.events import Room
from services.kernel.domain.directory import Allowance, District
from services.sla.core.catching_up import ROOMS, Told, stamped, unknown_before
from services.sla.core.follow import subject
from services.sla.testing import TICKET, act, ist, lines
from tests.unit.sla.two_rooms import FILED, TICK, Following, Written, in_order_of_stamps

DUE = "2026-03-09 18:00"  # 40 hours from Monday 2 March, over Holi on the 4th


def asked(district: District) -> Written:
    """A question is open; its event is the third of room `case`."""
    written = Written(district)
    written.act("start", "2026-03-02 11:00")
    written.act("ask_citizen", "2026-03-02 12:00")
    return written


async def following(written: Written, case: int = 0, notices: int = 0) -> Following:
    """Both rooms are written to the end; the clock has heard so many of each."""
    clock = Following(written)
    await clock.file()
    clock.announce_all()
    for n in range(1, case + 1):
        await clock.hear("case", n)
    for n in range(1, notices + 1):
        await clock.hear("notices", n)
    return clock


async def test_an_answer_that_comes_before_its_delivery_breaks_nothing(janjgir: District) -> None:
    """Delivered on Friday, answered on Wednesday: on Monday evening the clock stood."""
    written = asked(janjgir)
    written.reached("2026-03-06 11:00")
    written.act("answer", "2026-03-11 12:00")
    clock = await following(written, case=4)
    assert clock.waits == [("case", 4)]
    await clock.look("2026-03-11 12:01")
    assert [line for line in lines(clock.said) if "resolve" in line] == []
    await clock.hear("notices", 1)
    assert clock.waits == []
    assert [line for line in lines(clock.said) if "breach" in line] == []
    assert clock.timer == written.living.timer
    assert clock.said == written.living.said


async def test_where_nothing_fell_due_between_nobody_waits(janjgir: District) -> None:
    written = asked(janjgir)
    written.reached("2026-03-06 11:00")
    written.act("answer", "2026-03-06 12:00")
    clock = await following(written, case=4)
    assert clock.waits == []
    await clock.hear("notices", 1)
    assert clock.timer == written.living.timer


async def test_where_everything_is_known_it_is_said_at_once(janjgir: District) -> None:
    written = asked(janjgir)
    written.act("answer", "2026-03-11 12:00")
    clock = await following(written, case=4)
    assert clock.waits == []
    assert "2026-03-09 18:00 breach resolve" in lines(clock.said)


async def test_what_comes_behind_one_that_waits_waits_too(janjgir: District) -> None:
    written = asked(janjgir)
    written.reached("2026-03-06 11:00")
    written.act("answer", "2026-03-11 12:00")
    written.act("resolve", "2026-03-11 12:30")
    clock = await following(written, case=5)
    assert clock.waits == [("case", 4), ("case", 5)]
    assert clock.room["seen"]["case"] == 5
    await clock.hear("notices", 1)
    assert clock.timer == written.living.timer


async def test_a_delivery_waits_for_an_act_that_was_stamped_before_it(janjgir: District) -> None:
    """Resolved in time; that it was delivered, a week later, comes first."""
    written = asked(janjgir)
    written.act("resolve", "2026-03-06 11:00")
    written.reached("2026-03-12 11:00")
    clock = await following(written, case=3, notices=1)
    assert clock.waits == [("notices", 1)]
    await clock.hear("case", 4)
    assert [line for line in lines(clock.said) if "breach" in line] == []
    assert clock.timer == written.living.timer


async def test_what_is_waited_for_may_be_of_no_use_to_the_clock(janjgir: District) -> None:
    """A note, whose value the clock does not even decode, must not leave the case waiting for good."""
    written = asked(janjgir)
    written.missed("2026-03-10 11:00")
    written.act("note", "2026-03-10 11:01")
    clock = await following(written, case=3, notices=1)
    assert clock.waits == [("notices", 1)]
    await clock.hear("case", 4)
    assert clock.waits == []
    assert "2026-03-09 18:00 breach resolve" in lines(clock.said)
    assert clock.timer == written.living.timer
    await clock.look("2026-03-10 12:01")
    assert lines(clock.said)[-1] == "2026-03-10 12:00 resolve to head"


async def test_while_one_waits_the_case_is_not_fired(janjgir: District) -> None:
    written = asked(janjgir)
    written.missed("2026-03-10 11:00")
    written.act("note", "2026-03-10 11:01")
    clock = await following(written, case=3, notices=1)
    before = clock.said
    await clock.look("2026-06-10 11:00")
    assert clock.said == before


@pytest.mark.parametrize("first", ["case", "notices"])
async def test_what_is_stored_just_before_the_write_makes_it_lose(
    janjgir: District, first: Room
) -> None:
    """Both rooms were heard to the end, and one event waited. What is said then requires that neither room
    has announced more: that might be stamped before what waited."""
    written = asked(janjgir)
    if first == "notices":
        written.missed("2026-03-10 11:00")
        written.act("reply", "2026-03-10 11:01")
    else:
        written.act("answer", "2026-03-10 11:00")
        written.missed("2026-03-10 11:01")
    heard = {"case": 3, "notices": 0, first: 1 if first == "notices" else 4}
    clock = await following(written, **heard)
    assert clock.waits == [(first, heard[first])]
    store, rounds = clock.rooms.write, 0

    async def write(drafts: Sequence[Draft]) -> set[int]:
        nonlocal rounds
        rounds += 1
        if rounds == 1:  # somebody acts
            clock.announce(case=5, notices=1)
        return await store(drafts)

    clock.rooms.write = write  # type: ignore[method-assign]
    other: Room = "case" if first == "notices" else "notices"
    await clock.hear(other, heard[other] + 1)
    assert rounds == 2
    assert clock.waits == [(first, heard[first]), (other, heard[other] + 1)]
    assert clock.said == []


def test_a_notice_is_never_taken_before_what_it_is_about() -> None:
    """The clock of notify's machine is behind."""
    question = act(events.QuestionAsked, "d", ist("2026-03-02 12:00"), question=1)
    delivered = events.NoticeDelivered(
        ticket=TICKET, district="d", at=ist("2026-03-02 11:59"),
        about=f"{TICKET}/case/3", audience="citizen", channel="sms",
    )  # fmt: skip
    failed = events.NoticeFailed(
        ticket=TICKET, district="d", at=ist("2026-03-02 11:58"),
        about="nonsense", audience="citizen", channel="sms", reason="no_address",
    )  # fmt: skip
    told = [Told("notices", 2, failed), Told("notices", 1, delivered), Told("case", 3, question)]
    assert [(one.room, one.n) for one in stamped(told)] == [
        ("case", 3),
        ("notices", 1),
        ("notices", 2),
    ]


@pytest.mark.parametrize(
    ("heard", "announced", "unknown"),
    [
        ({"case": 4}, {"case": 9, "notices": 2}, False),  # acts behind it are stamped later
        ({"case": 4}, {"case": 4, "notices": 3}, True),
        ({"notices": 2}, {"case": 4, "notices": 5}, True),
        ({"notices": 2}, {"case": 3, "notices": 5}, False),
        ({"case": 4, "notices": 3}, {"case": 5, "notices": 3}, True),
        ({"case": 4, "notices": 3}, {"case": 4, "notices": 3}, False),
    ],
)
def test_what_may_be_stamped_before(
    heard: dict[Room, int], announced: dict[Room, int], unknown: bool
) -> None:
    seen: dict[Room, int] = {"case": 3, "notices": 2}
    event = act(events.CaseStarted, "d", FILED)
    told = [Told(room, n, event) for room, n in heard.items()]
    assert unknown_before(told, announced, seen | heard) is unknown


# ------------------------------------------------------------------ any life, any order

ACTIONS = (
    "start", "ask_citizen", "ask_citizen", "answer", "mark_asked", "note", "reply", "transfer",
    "change_service", "resolve", "reopen", "plan_feedback", "end_feedback", "merge", "unmerge",
    "reached", "reached", "reached", "missed", "look",
)  # fmt: skip
SERVICES = ("hand-pump", "ration-not-given", "street-light", None)


@dataclass(frozen=True)
class Step:
    """`after`: seconds; None: just about the next due instant, `aside` of it. `which` chooses among the
    acts that a notice may be about, and among services."""

    action: str
    after: int | None
    aside: int
    which: int


STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(ACTIONS),
        st.one_of(st.none(), st.sampled_from((0, 1, 60, 8 * 3600)), st.integers(0, 4 * 86_400)),
        st.integers(-1, 1),
        st.integers(1, 9),
    ),
    min_size=4,
    max_size=14,
)


def lived(district: District, service: str | None, steps: list[Step]) -> Written:
    written = Written(district, service)
    now = FILED
    written.act("start", now)
    for step in steps:
        due = written.living.next_at
        now = max(now, written.now) + timedelta(seconds=step.after or 0)
        if step.after is None and due is not None:
            now = max(now, due + step.aside * TICK)
        if step.action == "look":
            written.look(now)
        elif step.action in ("reached", "missed"):
            behind = timedelta(hours=step.which % 3)  # the clock of notify's machine
            about = min(step.which, len(written.case.history))
            getattr(written, step.action)(max(now - behind, FILED), about)
        elif step.action == "change_service":
            written.act(step.action, now, service=SERVICES[step.which % 3])
        else:
            written.act(step.action, now)
    return written


async def heard_in(order: list[bool], written: Written) -> Following:
    """The clock hears the rooms as `order` has it: of the acts first, or of the notices. It looks in
    between, as far as nobody can write anything before."""
    clock = Following(written)
    await clock.file()
    left: dict[Room, list[Told]] = {
        room: [one for one in written.told if one.room == room] for room in ROOMS
    }
    for acts, everything in zip(order, [*order[1:], True], strict=True):
        rooms = [room for room in ROOMS if left[room]]
        if not rooms:
            break
        room = rooms[0] if acts else rooms[-1]
        if room == "notices" and left["case"] and left["case"][0].n <= _about(left[room][0]):
            room = "case"  # who tells him of an act has it from the topic
        one = left[room].pop(0)
        # what was written before it is announced, perhaps more
        before = written.told if everything else written.told[: written.told.index(one) + 1]
        clock.announce(*(sum(told.room == name for told in before) for name in ROOMS))
        await clock.hear(one.room, one.n)
        to_come = [told.event.at for of_room in left.values() for told in of_room]
        if to_come:
            await clock.look(min(to_come))
    return clock


def _about(told: Told) -> int:
    assert isinstance(told.event, events.Notice)
    return subject(told.event) or 0


@settings(max_examples=150, deadline=None)
@given(
    service=st.sampled_from(SERVICES),
    steps=STEPS,
    order=st.lists(st.booleans(), min_size=20, max_size=20),
)
def test_any_order_that_keeps_each_rooms_own_comes_to_the_same(
    limited: District, service: str | None, steps: list[Step], order: list[bool]
) -> None:
    written = lived(limited, service, steps)
    clock = asyncio.run(heard_in(order, written))
    assert clock.waits == []
    end = written.now + timedelta(days=60)
    asyncio.run(clock.look(end))
    written.living.at(end)
    by_stamps = in_order_of_stamps(written)
    by_stamps.at(end)
    assert lines(by_stamps.said) == lines(written.living.said), "as if everything is known at once"
    assert lines(clock.said) == lines(by_stamps.said)
    assert clock.said == by_stamps.said == written.living.said
    assert clock.timer == by_stamps.timer == written.living.timer


@pytest.fixture(scope="session")
def limited(janjgir: District) -> District:
    """Every policy lets a question stop the clock for another time."""
    policies = tuple(
        replace(policy, pause_limit=Allowance(working_seconds=3600 * (4 + 5 * number)))
        for number, policy in enumerate(janjgir.policies)
    )
    return replace(janjgir, policies=policies)
