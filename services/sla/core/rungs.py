"""What falls due for a case, and when. Pure.

A *rung* is anything that falls due once: the warning and the breach of a target, the steps of the ladder
after the breach and every repetition of its top, the head's being told of a reopening, and the end of the
confirmation window. Its identity is (cycle, target, step, number), for an acknowledgement also which of the
offices it was asked of, so it fires once whatever comes again. Rungs are not stored: they follow from the
timer, the directory and what has fired. A rung fires when now > its instant: an act at the due instant is
in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Literal, NamedTuple

from services.kernel.domain.directory import OfficerRole, Target
from services.kernel.domain.directory import Rung as Wanted
from services.kernel.domain.timer import Running, TargetClock, Timer, held_clock, lapses_at

Step = Literal["warning", "breach", "reopened", "escalation", "repeat", "lapse"]
_STEPS: tuple[Step, ...] = ("warning", "breach", "reopened", "escalation", "repeat", "lapse")
_EVERY = timedelta(seconds=1)
_EARLIEST = datetime.min.replace(tzinfo=UTC)


class Rung(NamedTuple):
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
        # a reopening is told once, wherever the ladder of the day has its head
        number = 0 if self.step == "reopened" else self.again or self.rung
        return _id(self.cycle, self.transfer, self.target, self.step, number)


def _id(cycle: int, transfer: int, target: Target, step: Step, number: int) -> str:
    return f"{cycle}/{transfer}/{target}/{step}/{number}"


def rungs(timer: Timer, running: Running) -> tuple[Rung, ...]:
    """What has yet to fall due, in due order, of repetitions only the next; nothing while it is held."""
    return _in_order(_open(timer, running))


def next_at(timer: Timer, running: Running) -> datetime | None:
    """The one instant at which something next falls due."""
    return min((rung.at for rung in _open(timer, running, before=_EARLIEST)), default=None)


def fire(timer: Timer, now: datetime, running: Running) -> tuple[Timer, tuple[Rung, ...]]:
    """The timer after everything that fell due before `now`, and those rungs in due order."""
    found: list[Rung] = []
    while due := [rung for rung in _open(timer, running, before=now) if rung.at < now]:
        timer = _fired(timer, _in_order(due), running)
        found += due
        # only the top of a ladder may bring more: its repetition, and that one the next
        if not any(_is_top(rung, running) for rung in due):
            break
    return timer, _in_order(found)


def _fired(timer: Timer, due: Iterable[Rung], running: Running) -> Timer:
    targets, ids, last = dict(timer.targets), list(timer.fired), timer.last_fired
    for rung in due:
        clock = targets.get(rung.target)
        if clock is not None:
            if rung.step == "warning":
                clock = clock._replace(warned_at=rung.at)
            elif rung.step == "breach":
                clock = clock._replace(breached_at=rung.at)
            elif rung.step == "repeat":
                clock = clock._replace(repeats=rung.again, topped_at=rung.at)
            elif _is_top(rung, running):
                clock = clock._replace(topped_at=rung.at)
            targets[rung.target] = clock
        if rung.step != "repeat":  # repetitions are counted: they come without end
            ids.append(rung.id)
        last = max(rung.at, last or rung.at)
    return timer._replace(targets=targets, fired=tuple(ids), last_fired=last)


def _in_order(found: Iterable[Rung]) -> tuple[Rung, ...]:
    return tuple(
        sorted(found, key=lambda r: (r.at, _STEPS.index(r.step), r.target, r.rung, r.again))
    )


def _open(timer: Timer, running: Running, *, before: datetime | None = None) -> Iterator[Rung]:
    """What has not fired. `before`: of each target what is due before that instant and at least the first
    after it; what comes later for that target, above all the rest of a ladder, is left out."""
    if timer.ended_at is not None or timer.merged_since is not None:
        return
    if timer.resting is not None:
        over = lapses_at(timer, running)
        if over is not None:
            lapse = Rung(timer.cycle, "resolve", "lapse", over)
            if lapse.id not in timer.fired:
                yield lapse
        return
    plan = running.plan
    if plan is None:
        return
    for target, clock in timer.targets.items():
        if target in plan.allowances and target not in timer.met:
            yield from _of_target(timer, target, clock, running, before)


def _of_target(
    timer: Timer, target: Target, clock: TargetClock, running: Running, before: datetime | None
) -> Iterator[Rung]:
    cycle, fired = timer.cycle, timer.fired
    transfer = len(timer.transferred) if target == "acknowledge" else 0

    def is_open(step: Step, number: int = 0) -> bool:
        return not fired or _id(cycle, transfer, target, step, number) not in fired

    if target == "resolve" and cycle > 1 and timer.rests and is_open("reopened"):
        reopened = timer.rests[-1].until
        if reopened is not None:
            yield Rung(cycle, target, "reopened", reopened, _heads_step(running), "head")
    # else the ladder begins at the breach or later, and the breach comes after the warning
    begun = clock.breached_at is not None or clock.ladder_from is not None
    if clock.breached_at is None:
        warn_at = clock.due.warn_at
        if warn_at is not None and clock.warned_at is None and is_open("warning"):
            yield Rung(cycle, target, "warning", warn_at, transfer=transfer)
            if before is not None and warn_at >= before and not begun:
                return
        if is_open("breach"):
            yield Rung(cycle, target, "breach", clock.due.due_at, transfer=transfer)
    if before is None or begun or clock.due.due_at < before:
        yield from _of_ladder(timer, target, clock, running, is_open, transfer, before)


def _of_ladder(
    timer: Timer,
    target: Target,
    clock: TargetClock,
    running: Running,
    is_open: Callable[[Step, int], bool],
    transfer: int,
    before: datetime | None,
) -> Iterator[Rung]:
    plan, counting = running.plan, held_clock(timer, running, target)
    steps = _steps(running, target)
    if plan is None or counting is None or not steps:
        return
    start = clock.ladder_from or clock.breached_at or clock.due.due_at
    for number, step in enumerate(steps, start=1):
        if is_open("escalation", number):
            at = counting.add(start, step.after_seconds * _EVERY)
            yield Rung(timer.cycle, target, "escalation", at, number, step.to, transfer)
            if before is not None and at >= before:
                return  # the steps above come later, and a repetition after them all
    repeat, top = plan.ladder.repeat_seconds, steps[-1]
    if repeat and not is_open("escalation", len(steps)):
        topped = clock.topped_at or counting.add(start, top.after_seconds * _EVERY)
        at = counting.add(max(topped, timer.stirred_at or topped), repeat * _EVERY)
        again = clock.repeats + 1
        yield Rung(timer.cycle, target, "repeat", at, len(steps), top.to, transfer, again)


def _steps(running: Running, target: Target) -> list[Wanted]:
    plan = running.plan
    return [step for step in plan.ladder.rungs if step.on == target] if plan is not None else []


def _is_top(rung: Rung, running: Running) -> bool:
    """The top rung itself, or a repetition of it."""
    return rung.step in ("escalation", "repeat") and rung.rung == len(_steps(running, rung.target))


def _heads_step(running: Running) -> int:
    """The first step of the ladder that is the head's."""
    of_head = (
        number
        for number, step in enumerate(_steps(running, "resolve"), start=1)
        if step.to == "head"
    )
    return next(of_head, 1)
