"""Whatever happens to a case, whenever the clock looks: invariants over lives that the lifecycle allows."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from services.kernel.adapters.case_folding import stamp, to_event
from services.kernel.adapters.timer_document import from_fields
from services.kernel.contracts import events
from services.kernel.domain.case import Act, Case, perform
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Refused
from services.kernel.domain.people import Actor
from services.sla.adapters.armed import fields_of
from services.sla.core.follow import USED
from services.sla.core.rungs import rungs
from services.sla.testing import TICKET, Living, ist

FILED = ist("2026-02-27 15:20")  # a Friday; Holi is on Wednesday
TICK = timedelta(milliseconds=1)
END = FILED + timedelta(days=130)
WHO = {
    "confirm": "citizen",
    "withdraw": "citizen",
    "reopen": "citizen",
    "close": "rule",
    "answer": "citizen",
    "mark_asked": "operator",
    "plan_feedback": "operator",
    "end_feedback": "operator",
    "propose_rejection": "officer",
}
DATA: dict[str, dict[str, Any]] = {
    "assign": {"department": "phe", "directory_version": 1, "reason": ""},
    "transfer": {"department": "pwd", "office": "o", "directory_version": 1, "reason": ""},
    "take_over": {"officer": "phe-head-1"},
    "propose_rejection": {"reason": "duplicate"},
    "merge": {"parent": "2600104245"},
    "end_feedback": {"outcome": "unreached"},
}
ACTIONS = (
    "acknowledge", "start", "ask_citizen", "answer", "reply", "note", "transfer", "take_over",
    "assign", "resolve", "confirm", "close", "reopen", "propose_rejection", "reject", "withdraw",
    "merge", "unmerge", "change_service", "mark_asked", "plan_feedback", "end_feedback",
    "ask_citizen", "answer", "deliver", "deliver", "fail",
)  # fmt: skip
"""What people do; and `deliver`, `fail`: a message of what they did last reached the citizen, or cannot."""
SERVICES = (None, "hand-pump", "street-light", "pension", "ration-not-given", "police-hearing")


@dataclass(frozen=True)
class Step:
    """`action` None: the clock looks. `after`: seconds, or milliseconds about the next due instant."""

    action: str | None
    after: int
    about_due: int | None
    service: str
    priority: str


STEPS = st.lists(
    st.builds(
        Step,
        action=st.one_of(st.none(), st.sampled_from(ACTIONS)),
        after=st.one_of(
            st.integers(0, 3600), st.integers(0, 3 * 86_400), st.integers(0, 40 * 86_400)
        ),
        about_due=st.one_of(st.none(), st.integers(-1, 1)),
        service=st.sampled_from(SERVICES[1:]),
        priority=st.sampled_from(("normal", "urgent", "emergency")),
    ),
    max_size=14,
)
FILINGS = st.tuples(
    st.sampled_from(SERVICES),
    st.sampled_from(("complaint", "demand", "suggestion")),
    st.sampled_from(("normal", "urgent", "emergency")),
)


class Acting:
    """Room `case` beside the clock: acts are what the lifecycle allows, stamped as the case store does."""

    def __init__(self, living: Living, service: str | None) -> None:
        self.living = living
        self.case = Case(
            ticket=TICKET,
            district=living.district.id,
            kind=living.timer.kind,
            channel="web",
            language="hi",
            priority=living.timer.priority,
            filed_at=FILED,
            updated_at=FILED,
            directory_version=1,
            service=service,
        )
        self.n = 0
        self.done: list[tuple[events.CaseEvent, int]] = []
        self.act("assign", FILED, "routing", {**DATA["assign"], "service": service})

    def act(self, action: str, now: datetime, role: str, data: dict[str, Any]) -> datetime:
        at = stamp(now, self.living.timer.last_fired, self.case.updated_at - TICK)
        wish = Act(action, Actor(role, "p", self.case.district), data=data)  # type: ignore[arg-type]
        try:
            after, fact = perform(self.case, wish, n=self.n + 1, at=at)
        except Refused:
            return now
        self.case, self.n = after, self.n + 1
        event = to_event(after, fact, at, None)
        if type(event) in USED:
            self.follow(event)
        return at

    def tell(self, what: str, now: datetime) -> datetime:
        """A message about the last act reached the citizen, or never will."""
        fields: dict[str, Any] = {
            "ticket": TICKET,
            "district": self.case.district,
            "at": stamp(now, self.living.timer.last_fired),
            "about": f"{TICKET}/case/{self.n}",
            "audience": "citizen",
            "channel": "sms",
        }
        if what == "deliver":
            self.follow(events.NoticeDelivered(**fields))
        else:
            self.follow(events.NoticeFailed(**fields, reason="no_address"))
        return fields["at"]  # type: ignore[no-any-return]

    def follow(self, event: events.CaseEvent) -> None:
        self.done.append((event, self.n))
        replay(self.living, event, self.n)


def replay(living: Living, event: events.CaseEvent, n: int) -> None:
    living.n = n
    living.follows(event)


def _lead(living: Living, service: str | None, steps: list[Step]) -> tuple[Acting, list[datetime]]:
    """Live through `steps`, checking after each what must hold then."""
    acting = Acting(living, service)
    now = FILED
    looks: list[datetime] = []
    changed = False
    for step in steps:
        next_at = living.next_at
        if step.about_due is not None and next_at is not None:
            now = max(now, next_at + step.about_due * TICK)
        else:
            now += timedelta(seconds=step.after)
        last = living.timer.last_fired
        if step.action is None:
            for event in living.at(now):
                assert event.at < now
            looks.append(now)
            assert living.next_at is None or living.next_at >= now
        else:
            data = DATA.get(step.action, {})
            if step.action == "change_service":
                data = {"service": step.service, "priority": step.priority}
                changed = True
            if step.action in ("deliver", "fail"):
                now = acting.tell(step.action, now)
            else:
                now = acting.act(step.action, now, WHO.get(step.action, "head"), data)
        timer = living.timer
        due = rungs(timer, living.running)
        assert living.next_at == (due[0].at if due else None), "worked out without the ladder"
        assert last is None or (timer.last_fired is not None and timer.last_fired >= last)
        assert timer.last_fired is None or timer.last_fired < now
        if not changed and living.next_at is not None and timer.last_fired is not None:
            assert living.next_at >= timer.last_fired
        if timer.ended_at is not None or timer.merged_since is not None:
            assert living.next_at is None
        elif timer.resting is not None:
            assert [rung.step for rung in due] in ([], ["lapse"])
        assert from_fields(fields_of(TICKET, timer, living.running)) == timer
    return acting, looks


def _identity(living: Living, event: events.CaseEvent) -> tuple[object, ...]:
    if isinstance(event, events.SlaLapsed):
        return event.cycle, "resolve", event.TYPE, 0
    assert isinstance(event, events.Clock)
    rung: object = 0
    if isinstance(event, events.SlaEscalated):
        again = event.at if event.why == "repeated" else None
        rung = (event.rung, event.why, again)
    return event.cycle, event.target, event.TYPE, rung


@settings(max_examples=120, deadline=None)
@given(filing=FILINGS, steps=STEPS)
def test_invariants_of_a_life(
    repeating: District, filing: tuple[str | None, str, str], steps: list[Step]
) -> None:
    service, kind, priority = filing
    living = Living(repeating, FILED, service, kind=kind, priority=priority)
    acting, _ = _lead(living, service, steps)
    living.at(END)
    assert len(set(living.timer.fired)) == len(living.timer.fired)
    counted = Counter(_identity(living, event) for event in living.said)
    transfers = sum(isinstance(e, events.CaseTransferred) for e, _ in acting.done)
    for (_cycle, target, _type, _rung), times in counted.items():
        # an acknowledgement is asked for anew by every transfer, everything else once a cycle
        assert times <= (1 + transfers if target == "acknowledge" else 1)
    breaches = [e for e in living.said if isinstance(e, events.SlaBreached)]
    for target in ("first_response", "resolve"):
        assert sum(e.target == target for e in breaches) <= 1  # a breach is never said twice
    # nothing is left but the top of a ladder that comes again
    assert {rung.step for rung in rungs(living.timer, living.running)} <= {"repeat"}


@settings(max_examples=120, deadline=None)
@given(
    filing=FILINGS,
    steps=STEPS,
    other=st.lists(st.integers(0, 60 * 86_400), max_size=8),
)
def test_when_the_clock_looks_makes_no_difference(
    repeating: District,
    filing: tuple[str | None, str, str],
    steps: list[Step],
    other: list[int],
) -> None:
    """Lived through, replayed at one stroke, or looked at at other instants: the same is said."""
    service, kind, priority = filing
    lived = Living(repeating, FILED, service, kind=kind, priority=priority)
    acting, _ = _lead(lived, service, steps)
    lived.at(END)

    replayed = Living(repeating, FILED, service, kind=kind, priority=priority)
    for event, n in acting.done:
        replay(replayed, event, n)
    replayed.at(END)

    sometimes = Living(repeating, FILED, service, kind=kind, priority=priority)
    looks = sorted(FILED + timedelta(seconds=seconds) for seconds in other)
    for event, n in acting.done:
        # a look waits until it has seen every act that came before it, as the guarded write does
        while looks and looks[0] <= event.at:
            sometimes.at(looks.pop(0))
        replay(sometimes, event, n)
    for look in (*looks, END):
        sometimes.at(look)

    assert replayed.said == lived.said == sometimes.said
    assert replayed.timer._replace(fired=()) == lived.timer._replace(fired=())
    assert sometimes.timer._replace(fired=()) == lived.timer._replace(fired=())
    assert set(replayed.timer.fired) == set(lived.timer.fired) == set(sometimes.timer.fired)


@settings(max_examples=60, deadline=None)
@given(filing=FILINGS, at=st.integers(0, 30 * 86_400), away=st.integers(0, 20 * 86_400))
@example((None, "complaint", "emergency"), 86_400, 1)  # resolved at the very instant: in time, nothing left
def test_a_hold_gives_back_exactly_the_working_time_that_it_took(
    repeating: District, filing: tuple[str | None, str, str], at: int, away: int
) -> None:
    service, kind, priority = filing
    case = Living(repeating, FILED, service, kind=kind, priority=priority)
    before = case.timer.targets["resolve"].due
    resolved = FILED + timedelta(seconds=at)
    reopened = resolved + timedelta(seconds=away)
    case.did(events.CaseResolved, resolved)
    case.did(events.CaseReopened, reopened, cycle=2)
    after = case.timer.targets["resolve"].due
    if before.due_at < resolved:
        assert after == before
        return
    assert case.running.plan is not None
    if before.allowed.calendar_days is not None:
        assert after.due_at - reopened == before.due_at - resolved
        return
    calendar = case.rules.calendars.working(case.running.plan.calendar)
    left = calendar.between(resolved, before.due_at)
    assert calendar.between(reopened, after.due_at) == left
    assert case.deadline == after.due_at


def test_a_timer_in_the_store_is_the_timer(repeating: District) -> None:
    case = Living(
        repeating, FILED, "hand-pump", block="akaltara", named_official="phe-head-1"
    )
    case.did(events.CaseTransferred, "2026-03-03 12:00", department="pwd")
    case.did(events.CaseResolved, "2026-03-20 12:00")
    case.did(events.CaseReopened, "2026-03-22 12:00", cycle=2)
    stored = fields_of(TICKET, case.timer, case.running)
    assert from_fields(stored) == case.timer
    assert stored["policy"] == "water"
    assert stored["calendar"] == "office"
    assert stored["deadline"] == case.deadline
    assert stored["next_at"] == case.next_at is not None
    assert stored["targets"]["acknowledge"]["met_at"] == ist("2026-03-20 12:00")
    assert stored["targets"]["resolve"]["met_at"] is None
    case.did(events.CaseWithdrawn, "2026-03-23 12:00")
    assert "next_at" not in fields_of(TICKET, case.timer, case.running)
    with pytest.raises(KeyError):
        from_fields({})
