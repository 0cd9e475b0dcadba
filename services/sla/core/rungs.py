"""What falls due for a case, and when. Pure.

A *rung* is anything that falls due once: the warning and the breach of a target, the steps of the ladder
after the breach and every repetition of its top, the head's being told of a reopening, and the end of the
confirmation window. Its identity is (cycle, target, step, number), for an acknowledgement also which of the
offices it was asked of, so it fires once whatever comes again. Rungs are not stored: they follow from the
timer, the directory and what has fired. A rung fires when now > its instant: an act at the due instant is
in time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.kernel.domain.directory import OfficerRole, Target
from services.kernel.domain.directory import Rung as Wanted
from services.kernel.domain.timer import Running, TargetClock, Timer, held_clock, lapses_at

Step = Literal["warning", "breach", "reopened", "escalation", "repeat", "lapse"]
_STEPS: tuple[Step, ...] = ("warning", "breach", "reopened", "escalation", "repeat", "lapse")
_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class Rung:
    """Something that falls due at `at`. `rung` counts the ladder's steps from 1, `to` is its role.
    `transfer`: after how many transfers an acknowledgement was asked for; 0 for other targets. `again`
    numbers the repetitions of the top rung."""

    cycle: int
    target: Target
    step: Step
    at: datetime
    rung: int = 0
    to: OfficerRole | None = None
    transfer: int = 0
    again: int = 0

    @property
    def id(self) -> str:
        return f"{self.cycle}/{self.transfer}/{self.target}/{self.step}/{self.again or self.rung}"


def rungs(timer: Timer, running: Running) -> tuple[Rung, ...]:
    """What has yet to fall due, in due order, of repetitions only the next; nothing while it is held."""
    return _in_order(_open(timer, running, whole=True))


def next_at(timer: Timer, running: Running) -> datetime | None:
    """The one instant at which something next falls due."""
    return min((rung.at for rung in _open(timer, running, whole=False)), default=None)


def fire(timer: Timer, now: datetime, running: Running) -> tuple[Timer, tuple[Rung, ...]]:
    """The timer after everything that fell due before `now`, and those rungs in due order."""
    first = next_at(timer, running)
    if first is None or first >= now:
        return timer, ()
    found: list[Rung] = []
    # what has fired may bring a repetition of the top rung, and that one the next
    while due := [rung for rung in rungs(timer, running) if rung.at < now]:
        for rung in due:
            timer = _fired(timer, rung, running)
        found += due
    return timer, _in_order(found)


def _fired(timer: Timer, rung: Rung, running: Running) -> Timer:
    clock = timer.targets.get(rung.target)
    if clock is not None:
        if rung.step == "warning":
            clock = replace(clock, warned_at=rung.at)
        elif rung.step == "breach":
            clock = replace(clock, breached_at=rung.at)
        elif rung.step == "repeat":
            clock = replace(clock, repeats=rung.again, topped_at=rung.at)
        elif rung.step == "escalation" and rung.rung == len(_steps(running, rung.target)):
            clock = replace(clock, topped_at=rung.at)
        timer = replace(timer, targets={**timer.targets, rung.target: clock})
    # repetitions are counted: they come without end
    ids = timer.fired if rung.step == "repeat" else (*timer.fired, rung.id)
    return replace(timer, fired=ids, last_fired=max(rung.at, timer.last_fired or rung.at))


def _in_order(found: Iterable[Rung]) -> tuple[Rung, ...]:
    return tuple(
        sorted(found, key=lambda r: (r.at, _STEPS.index(r.step), r.target, r.rung, r.again))
    )


def _open(timer: Timer, running: Running, *, whole: bool) -> Iterator[Rung]:
    """`whole` False: enough of the rungs to know the first."""
    if timer.ended_at is not None or timer.merged_since is not None:
        return
    if timer.resting is not None:
        over = lapses_at(timer, running)
        lapse = Rung(timer.cycle, "resolve", "lapse", over) if over is not None else None
        if lapse is not None and lapse.id not in timer.fired:
            yield lapse
        return
    plan = running.plan
    if plan is None:
        return
    for target, clock in timer.targets.items():
        if target not in plan.allowances or target in timer.met:
            continue
        for rung in _of_target(timer, target, clock, running, whole=whole):
            if rung.id not in timer.fired:
                yield rung


def _of_target(
    timer: Timer, target: Target, clock: TargetClock, running: Running, *, whole: bool
) -> Iterator[Rung]:
    plan = running.plan
    counting = held_clock(timer, running, target)
    assert plan is not None and counting is not None
    transfer = len(timer.transferred) if target == "acknowledge" else 0

    def rung(step: Step, at: datetime, number: int = 0, to: OfficerRole | None = None) -> Rung:
        return Rung(timer.cycle, target, step, at, number, to, transfer)

    if target == "resolve" and timer.cycle > 1 and timer.rests and timer.rests[-1].until:
        yield rung("reopened", timer.rests[-1].until, _heads_step(running), "head")
    if clock.breached_at is None:
        if clock.due.warn_at is not None and clock.warned_at is None:
            yield rung("warning", clock.due.warn_at)
        yield rung("breach", clock.due.due_at)
        # the ladder, which costs the most to work out, begins at the breach or later
        if not whole and clock.ladder_from is None:
            return
    start = clock.ladder_from or clock.breached_at or clock.due.due_at
    last: Rung | None = None
    for number, step in enumerate(_steps(running, target), start=1):
        at = counting.add(start, step.after_seconds * _EVERY)
        last = rung("escalation", at, number, step.to)
        yield last
    repeat = plan.ladder.repeat_seconds
    if last is not None and repeat and last.id in timer.fired:
        since = max(clock.topped_at or last.at, timer.stirred_at or last.at)
        again = rung("repeat", counting.add(since, repeat * _EVERY), last.rung, last.to)
        yield replace(again, again=clock.repeats + 1)


def _steps(running: Running, target: Target) -> list[Wanted]:
    plan = running.plan
    return [step for step in plan.ladder.rungs if step.on == target] if plan is not None else []


def _heads_step(running: Running) -> int:
    """The first step of the ladder that is the head's."""
    of_head = (
        number
        for number, step in enumerate(_steps(running, "resolve"), start=1)
        if step.to == "head"
    )
    return next(of_head, 1)
