"""How long it takes to explain where the deadline of an old case comes from."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

from services.bench.figures import Figure, limited, plain
from services.cli.stack.settings import PROJECT
from services.kernel.adapters.directory.reader import read_district
from services.kernel.domain.explain import explain
from services.kernel.domain.timer import Question, Rest, Rules, Timer, arm, pause_ends

DISTRICT = PROJECT / "deploy" / "districts" / "janjgir-champa.yaml"
FILED = datetime(2026, 1, 5, 5, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
TIMES = 100
LIMIT_MS = 2


def measure() -> list[Figure]:
    """The median of many explanations of one case by a process that has explained before, and the first one,
    for which the year's working days are worked out."""
    rules = Rules(read_district(DISTRICT.read_text(encoding="utf-8"), source=DISTRICT.name))
    timer = a_year(rules)
    running, at = rules.running(timer), FILED + YEAR
    seconds = []
    stretches = 0
    for _ in range(TIMES):
        began = time.perf_counter()
        found = explain(timer, running, at)
        seconds.append(time.perf_counter() - began)
        stretches = sum(len(account.stretches) for account in found.accounts)
    first, ordered = seconds[0], sorted(seconds)
    return [
        limited(
            "explanation of a year", ordered[TIMES // 2] * 1000, "ms", limit=LIMIT_MS, sense="<"
        ),
        plain("explanation of a year, the first", first * 1000, "ms"),
        plain("explanation of a year: stretches", stretches, ""),
    ]


def a_year(rules: Rules) -> Timer:
    """A case whose limits count in working time, a year old and still open: acknowledged on its first day, a
    question every month that was answered after three days, and every quarter a resolution that the citizen
    did not accept."""
    timer = Timer(
        district=rules.district.id,
        filed_at=FILED,
        kind="complaint",
        priority="urgent",
        service="hand-pump",
        department="phe",
        block="akaltara",
        directory_version=rules.district.version,
    )
    running = rules.running(timer)
    questions = []
    for month in range(12):
        asked = FILED + timedelta(days=30 * month + 2)
        heard = asked + timedelta(minutes=1)
        questions.append(
            Question(
                n=month + 1,
                event=2 * month + 2,
                asked_at=asked,
                by="phe-1",
                delivered_at=heard,
                how="sms",
                until=pause_ends(running, heard),
                closed_at=heard + timedelta(days=3),
            )
        )
    rests = [
        Rest(resolved, "resolved", "phe-1", resolved + timedelta(days=4))
        for resolved in (FILED + timedelta(days=90 * quarter + 20) for quarter in range(4))
    ]
    return arm(
        timer._replace(
            questions=tuple(questions),
            rests=tuple(rests),
            met={"acknowledge": FILED + timedelta(hours=3)},
            cycle=len(rests) + 1,
        ),
        running,
    )
