"""Quiet hours on a wall clock, and the windows of summaries."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.core.book import Quiet
from services.notify.core.messages import Step
from services.notify.core.quiet import quiet_until, window_end
from services.notify.testing.store_suite import claim, concluded, planned

KOLKATA = ZoneInfo("Asia/Kolkata")
BERLIN = ZoneInfo("Europe/Berlin")
NIGHT = Quiet(time(21), time(8))
NOON = Quiet(time(12), time(14, 30))
HALF_AN_HOUR = timedelta(minutes=30)


def local(text: str, zone: ZoneInfo, *, fold: int = 0) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone, fold=fold)


@pytest.mark.parametrize(
    ("quiet", "now", "until"),
    [
        (NIGHT, "2026-01-05T20:59:59.999999", None),
        (NIGHT, "2026-01-05T21:00", "2026-01-06T08:00"),
        (NIGHT, "2026-01-05T23:59:59.999999", "2026-01-06T08:00"),
        (NIGHT, "2026-01-06T00:00", "2026-01-06T08:00"),
        (NIGHT, "2026-01-06T07:59:59.999999", "2026-01-06T08:00"),
        (NIGHT, "2026-01-06T08:00", None),
        (NIGHT, "2025-12-31T22:00", "2026-01-01T08:00"),
        (NOON, "2026-01-05T11:59", None),
        (NOON, "2026-01-05T12:00", "2026-01-05T14:30"),
        (NOON, "2026-01-05T14:30", None),
        (NOON, "2026-01-05T02:00", None),
        (Quiet(time(8), time(8)), "2026-01-05T08:00", None),
        (Quiet(time(0), time(6)), "2026-01-05T00:00", "2026-01-05T06:00"),
        (Quiet(time(22), time(0)), "2026-01-05T23:00", "2026-01-06T00:00"),
        (Quiet(time(22), time(0)), "2026-01-05T00:00", None),
        (None, "2026-01-05T03:00", None),
    ],
)
def test_they_end_at_their_end_and_are_half_open(
    quiet: Quiet | None, now: str, until: str | None
) -> None:
    expected = None if until is None else local(until, KOLKATA)
    for zone in (KOLKATA, UTC):
        assert quiet_until(local(now, KOLKATA).astimezone(zone), quiet, KOLKATA) == expected


class TestWhereTheClockIsChanged:
    """Berlin: forward at 02:00 on 29 March 2026, back at 03:00 on 25 October."""

    @pytest.mark.parametrize(
        ("now", "until", "hours"),
        [
            ("2026-03-28T21:00", "2026-03-29T08:00", 10),
            ("2026-10-24T21:00", "2026-10-25T08:00", 12),
            ("2026-06-01T21:00", "2026-06-02T08:00", 11),
        ],
    )
    def test_the_end_is_on_the_wall_clock(self, now: str, until: str, hours: int) -> None:
        start = local(now, BERLIN).astimezone(UTC)
        end = quiet_until(start, NIGHT, BERLIN)
        assert end == local(until, BERLIN)
        assert end is not None
        assert end.astimezone(UTC) - start == timedelta(hours=hours)

    def test_an_end_that_is_left_out_comes_when_the_clock_has_passed_it(self) -> None:
        quiet = Quiet(time(21), time(2, 30))
        end = quiet_until(local("2026-03-29T01:59", BERLIN), quiet, BERLIN)
        assert end == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
        assert end.astimezone(BERLIN).time() == time(3, 30)

    def test_an_end_that_comes_twice_is_the_first(self) -> None:
        quiet = Quiet(time(21), time(2, 30))
        assert quiet_until(local("2026-10-25T01:00", BERLIN), quiet, BERLIN) == datetime(
            2026, 10, 25, 0, 30, tzinfo=UTC
        )
        again = local("2026-10-25T02:15", BERLIN, fold=1)
        assert quiet_until(again, quiet, BERLIN) is None


@given(
    now=st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)).map(
        lambda at: at.replace(tzinfo=UTC)
    ),
    start=st.times(),
    end=st.times(),
    zone=st.sampled_from([KOLKATA, BERLIN, ZoneInfo("America/St_Johns"), ZoneInfo("UTC")]),
)
def test_they_end_within_a_day_and_then_they_are_over(
    now: datetime, start: time, end: time, zone: ZoneInfo
) -> None:
    quiet = Quiet(start, end)
    until = quiet_until(now, quiet, zone)
    if until is None:
        return
    assert now < until <= now + timedelta(hours=25)
    assert until.tzinfo is UTC
    # a clock that is put forward over the whole of them may leave the end inside of a next one
    if (until.astimezone(zone).time().replace(tzinfo=None)) == end:
        assert quiet_until(until, quiet, zone) is None


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-01-05T10:00", "2026-01-05T10:30"),
        ("2026-01-05T10:29:59.999999", "2026-01-05T10:30"),
        ("2026-01-05T10:30", "2026-01-05T11:00"),
        ("2026-01-05T23:59", "2026-01-06T00:00"),
        ("1999-12-31T23:59", "2000-01-01T00:00"),
    ],
)
def test_a_window_ends_on_the_half_hour_of_the_districts_clock(now: str, end: str) -> None:
    assert window_end(local(now, KOLKATA), HALF_AN_HOUR) == local(end, KOLKATA)


@given(
    now=st.datetimes(datetime(1990, 1, 1), datetime(2040, 1, 1)).map(
        lambda at: at.replace(tzinfo=UTC)
    ),
    minutes=st.integers(1, 24 * 60),
)
def test_windows_follow_one_another_without_gap(now: datetime, minutes: int) -> None:
    every = timedelta(minutes=minutes)
    end = window_end(now, every)
    assert now < end <= now + every
    assert window_end(end, every) == end + every
    assert window_end(end - timedelta(microseconds=1), every) == end


@pytest.mark.parametrize("why", ["no receipt on the channel before", "the service was down"])
@pytest.mark.parametrize(
    ("more", "waits"), [({}, True), ({"urgent": True}, False), ({"at_once": True}, False)]
)
async def test_what_became_due_in_the_night_waits_for_the_morning_too(
    bench: Any, why: str, more: dict[str, Any], *, waits: bool
) -> None:
    """It was planned in the evening. The next channel's turn comes after hours, a backlog is caught up at
    any time: neither wakes anybody."""
    evening, night, morning = (
        local(f"2026-01-{clock}", KOLKATA).astimezone(UTC)
        for clock in ("05T20:55", "06T00:55", "06T08:00")
    )
    if why == "the service was down":
        one = planned(1, at=evening, **more)
        await bench.store.plan([one])
    else:
        one = planned(1, at=evening, channel="whatsapp", then=("sms",), **more)
        await bench.store.plan([one])
        await bench.store.claim([one["_id"]], claim("c1", channel="whatsapp"))
        step = Step("planned", "sms", night, "no_receipt")
        await bench.store.conclude([concluded(one, "c1", step, "unknown")])
    bench.clock.now = night
    await bench.round()
    assert len(bench.provider.calls) == (0 if waits else 1)
    bench.clock.now = morning
    await bench.round()
    assert len(bench.provider.calls) == 1
