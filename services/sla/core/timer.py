"""What acts and deliveries do to a case's clock. Pure.

What was done and when the clock stood is kept apart from the limits, since a changed service sets other
limits, and they too are met by what was done before.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TypeVar

from services.kernel.domain.directory import TARGETS, Target
from services.kernel.domain.timer import (
    Question,
    Resolution,
    Rest,
    RestWhy,
    Running,
    Timer,
    arm,
)

V = TypeVar("V")


def meet(timer: Timer, targets: frozenset[Target], at: datetime) -> Timer:
    """The acts that `targets` ask for were done at `at`: their rungs are stopped."""
    new = {target: at for target in TARGETS if target in targets and target not in timer.met}
    return timer._replace(met={**timer.met, **new}) if new else timer


def ask(timer: Timer, number: int, event: int, at: datetime, by: str | None) -> Timer:
    """A question was put to the citizen, who does not have it yet."""
    return timer._replace(questions=(*timer.questions, Question(number, event, at, by)))


def deliver(timer: Timer, event: int, at: datetime, how: str, running: Running) -> Timer:
    """The citizen has what the `event`-th event of room `case` told him: a question stops the clock, a
    resolution begins its confirmation window. Of several deliveries the earliest counts; nothing was
    delivered before it was said, whatever the clocks of two machines make of it."""
    questions = tuple(
        _delivered(asked, at, how) if asked.event == event else asked for asked in timer.questions
    )
    if questions != timer.questions:
        return arm(timer._replace(questions=questions), running)
    waits = timer.resolution
    if waits is None or waits.event != event:
        return timer
    at = max(at, waits.at)
    if not _earlier(at, waits.delivered_at):
        return timer
    return timer._replace(resolution=waits._replace(delivered_at=at))


def _delivered(asked: Question, at: datetime, how: str) -> Question:
    """Of two deliveries at one instant it makes no difference which becomes known first."""
    told = (max(at, asked.asked_at), how)
    if asked.delivered_at is not None and (asked.delivered_at, asked.how or "") <= told:
        return asked
    return asked._replace(delivered_at=told[0], how=how)


def fail(timer: Timer, event: int, at: datetime) -> Timer:
    """The citizen cannot be told of the `event`-th event of room `case`."""
    waits = timer.resolution
    if waits is None or waits.event != event or not _earlier(at, waits.failed_at):
        return timer
    return timer._replace(resolution=waits._replace(failed_at=at))


def close_questions(timer: Timer, at: datetime, running: Running) -> Timer:
    """No answer is waited for any more: the clock goes on."""
    questions = tuple(
        asked._replace(closed_at=at) if asked.closed_at is None else asked
        for asked in timer.questions
    )
    if questions == timer.questions:
        return timer
    paused = any(asked.delivered_at is not None for asked in questions)
    closed = timer._replace(questions=questions)
    return arm(closed, running) if paused else closed


def rest(timer: Timer, at: datetime, why: RestWhy, by: str | None) -> Timer:
    """The office owes nothing from here on, unless the case is reopened."""
    return timer._replace(resting=timer.resting or Rest(at, why, by), merged_since=None)


def resolve(timer: Timer, at: datetime, event: int) -> Timer:
    """The citizen's word is waited for."""
    return timer._replace(resolution=Resolution(at, event))


def plan_call(timer: Timer) -> Timer:
    """The confirmation window waits for a feedback call."""
    waits = timer.resolution
    return timer._replace(resolution=waits._replace(calling=True)) if waits is not None else timer


def end_call(timer: Timer, at: datetime) -> Timer:
    waits = timer.resolution
    if waits is None:
        return timer
    return timer._replace(resolution=waits._replace(calling=False, called_at=at))


def merge(timer: Timer, at: datetime) -> Timer:
    """It counts on, hidden: nothing falls due until it is taken out again."""
    return timer._replace(merged_since=at)


def unmerge(timer: Timer) -> Timer:
    """As if it had never been merged: what fell due meanwhile fires, stamped with its due instant."""
    return timer._replace(merged_since=None)


def end(timer: Timer, at: datetime) -> Timer:
    """The case has ended: nothing falls due any more."""
    return timer._replace(ended_at=at, merged_since=None)


def stir(timer: Timer, at: datetime) -> Timer:
    """The office did something: the top rung comes again only after as long without."""
    return timer._replace(stirred_at=max(at, timer.stirred_at or at))


def reopen(timer: Timer, at: datetime, cycle: int, running: Running) -> Timer:
    """A new cycle: what was burnt is kept, the time from resolved to reopened does not count.

    Limits other than to resolve were met once and stay met. A breach that was recorded stays; its ladder
    begins anew with the cycle, counted from the reopening.
    """
    rested = timer.resting or Rest(at, "resolved")
    targets = dict(timer.targets)
    clock = targets.get("resolve")
    if clock is not None:
        again = at if clock.breached_at is not None else None
        targets["resolve"] = clock._replace(ladder_from=again, repeats=0, topped_at=None)
    opened = timer._replace(
        cycle=cycle,
        targets=targets,
        met=_without(timer.met, "resolve"),
        rests=(*timer.rests, rested._replace(until=at)),
        fired=(),
        resting=None,
        resolution=None,
        ended_at=None,
    )
    return arm(opened, running)


def transfer(timer: Timer, at: datetime, running: Running) -> Timer:
    """Another office is asked for its acknowledgement, in full time from the transfer.

    Where the acknowledgement is overdue and still owed, its ladder climbs on. Where it came too late, that
    breach stays recorded, and the ladder begins anew when the new office's time is used up.
    """
    clock = timer.targets.get("acknowledge")
    climbs_from = (clock.ladder_from or clock.breached_at) if clock is not None else None
    if climbs_from is not None and climbs_from <= at and "acknowledge" not in timer.met:
        return timer
    asked = timer._replace(
        targets=_without(timer.targets, "acknowledge"),
        met=_without(timer.met, "acknowledge"),
        transferred=(*timer.transferred, at),
    )
    armed = arm(asked, running)
    if clock is None or clock.breached_at is None:
        return armed
    anew = armed.targets.get("acknowledge")
    again = clock._replace(
        ladder_from=anew.due.due_at if anew is not None else at,
        repeats=0,
        topped_at=None,
    )
    return armed._replace(targets={**armed.targets, "acknowledge": again})


def _earlier(at: datetime, known: datetime | None) -> bool:
    return known is None or at < known


def _without(values: Mapping[Target, V], target: Target) -> dict[Target, V]:
    return {name: value for name, value in values.items() if name != target}
