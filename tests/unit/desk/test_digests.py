"""The daily digests: when, to whom, and with what in them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from services.desk.core import digests
from services.desk.core.digests import Counts, Day, DistrictFigures, Listed
from services.desk.core.texts import Texts
from services.desk.testing import MORNING, due
from services.kernel.domain.directory import DayOverride, District, Holiday, Leave, Text, Window
from services.notify.adapters.mail_data import CollectorDigest, OfficerDigest
from services.notify.adapters.mail_frame import render

MONDAY = date(2026, 1, 5)
OFFICER = "phe-akaltara-1"
URL = "https://desk.example.org"


@pytest.fixture
def district(janjgir: District) -> District:
    """Every officer has an e-mail address, so that who is left out is for another reason."""
    officers = tuple(replace(o, email=f"{o.id}@example.org") for o in janjgir.officers)
    return replace(janjgir, officers=officers, version=3)


def changed(district: District, officer: str, **fields: Any) -> District:
    officers = tuple(replace(o, **fields) if o.id == officer else o for o in district.officers)
    return replace(district, officers=officers)


def day_of(district: District) -> Day:
    found = digests.time_for(district, MORNING)
    assert found is not None
    return found


# ------------------------------------------------------------------------------- when

TICK = timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("now", "asked"),
    [
        (MORNING - TICK, False),
        (MORNING, True),
        (MORNING + timedelta(hours=8, minutes=30) - TICK, True),
        (MORNING + timedelta(hours=8, minutes=30), False),
        (MORNING - timedelta(days=1), False),  # a Sunday
        (MORNING + timedelta(days=21), False),  # 26 January, a Monday
        (MORNING + timedelta(days=22), True),
    ],
)
def test_they_are_asked_for_on_a_working_day_between_the_hours(
    district: District, now: datetime, asked: bool
) -> None:
    assert (digests.time_for(district, now) is not None) is asked


def test_a_day_is_the_districts_own(district: District) -> None:
    found = day_of(district)
    assert found.date == MONDAY
    assert found.start == datetime(2026, 1, 4, 18, 30, tzinfo=UTC)
    assert (found.start - found.before, found.end - found.start) == (timedelta(1), timedelta(1))


def test_the_date_is_that_of_the_districts_wall_clock(district: District) -> None:
    """Where it is Monday morning while it is still Sunday elsewhere."""
    there = replace(district, zone="Pacific/Auckland")
    found = digests.time_for(there, datetime(2026, 1, 4, 20, 30, tzinfo=UTC))
    assert found is not None and found.date == MONDAY
    assert found.start == datetime(2026, 1, 4, 11, 0, tzinfo=UTC)


def test_where_the_clock_is_put_forward_a_day_has_23_hours(district: District) -> None:
    there = replace(district, zone="Europe/Berlin")
    open_ = DayOverride(date(2026, 3, 29), (Window(time(10), time(18)),))
    there = _with_office(there, exceptions=(open_,))
    assert digests.time_for(there, datetime(2026, 3, 29, 7, 29, tzinfo=UTC)) is None
    found = digests.time_for(there, datetime(2026, 3, 29, 7, 30, tzinfo=UTC))
    assert found is not None and found.end - found.start == timedelta(hours=23)
    assert found.date == date(2026, 3, 29), "a Sunday that is worked"


def _with_office(district: District, **fields: Any) -> District:
    id_ = digests.office_calendar(district).id
    calendars = tuple(replace(c, **fields) if c.id == id_ else c for c in district.calendars)
    return replace(district, calendars=calendars)


def test_a_holiday_declared_late_counts(district: District) -> None:
    closed = _with_office(district, holidays=(Holiday(MONDAY, Text(hi="अवकाश", en="Holiday")),))
    assert digests.time_for(closed, MORNING) is None


def test_each_district_has_the_office_calendar_that_its_policies_count_by(
    district: District, sakti: District
) -> None:
    assert digests.office_calendar(district).id == "office"
    assert digests.office_calendar(sakti).id == "kaamkaj"
    saturday = MORNING - timedelta(days=2)
    assert digests.time_for(sakti, saturday) is not None
    assert digests.time_for(district, saturday) is None
    bare = replace(sakti, policies=())
    assert digests.office_calendar(bare).id == sakti.call_centre.calendar


# ------------------------------------------------------------------------------- to whom


def test_who_is_away_retired_or_without_an_address_is_not_written_to(district: District) -> None:
    def told(directory: District) -> bool:
        return OFFICER in [officer.id for officer in digests.officers(directory, MONDAY)]

    assert told(district)
    assert not told(changed(district, OFFICER, email=None))
    assert not told(changed(district, OFFICER, retired=True))
    assert not told(changed(district, OFFICER, leave=(Leave(MONDAY, MONDAY),)))
    past = Leave(MONDAY - timedelta(3), MONDAY - timedelta(1))
    assert told(changed(district, OFFICER, leave=(past,)))


def test_the_collector_has_a_digest_of_his_own_also_on_leave(district: District) -> None:
    id_ = district.collector
    assert id_ not in [officer.id for officer in digests.officers(district, MONDAY)]
    for directory in (district, changed(district, id_, leave=(Leave(MONDAY, MONDAY),))):
        found = digests.collector(directory)
        assert found is not None and found.id == id_
    assert digests.collector(changed(district, id_, retired=True)) is None
    assert digests.collector(changed(district, id_, email=None)) is None


# ------------------------------------------------------------------------------- with what


def test_an_officer_reads_what_is_overdue_and_what_is_due_today(
    district: District, texts: Texts
) -> None:
    officer = district.officer_by_id[OFFICER]
    late = [due(1, -72), due(2, -1.5, confidential=True)]
    today = [due(3, 0, state="in_progress", service=None), due(4, 8.5, service="given-up")]
    lists = Listed(late, 2), Listed(today, 2)
    day = day_of(district)
    english = replace(officer, language="en")
    found = digests.of_officer(english, *lists, district, day, MORNING, texts, URL)
    OfficerDigest.model_validate(found)
    assert found == {
        "district": district.name.en,
        "date": "05-01-2026",
        "desk": URL,
        "officer": officer.name.en,
        "overdue": [
            {
                "ticket": f"JC-{late[0].ticket}",
                "service": district.service_by_id["hand-pump"].name.en,
                "due": "02-01-2026 09:30",
                "state": "assigned",
                "overdue_by": "3 days",
            },
            {
                "ticket": f"JC-{late[1].ticket}",
                "service": "–",
                "due": "05-01-2026 08:00",
                "state": "assigned",
                "overdue_by": "1 hours",
            },
        ],
        "overdue_count": 2,
        "due_today": [
            {
                "ticket": f"JC-{today[0].ticket}",
                "service": "service not known",
                "due": "05-01-2026 09:30",
                "state": "in progress",
                "overdue_by": "",
            },
            {
                "ticket": f"JC-{today[1].ticket}",
                "service": "given-up",
                "due": "05-01-2026 18:00",
                "state": "assigned",
                "overdue_by": "",
            },
        ],
        "due_today_count": 2,
    }
    hindi = digests.of_officer(officer, *lists, district, day, MORNING, texts, URL)
    assert hindi["overdue"][0]["overdue_by"] == "3 दिन"
    assert hindi["overdue"][0]["service"] == district.service_by_id["hand-pump"].name.hi
    assert hindi["overdue"][0]["state"] == "सौंपा गया"


def test_each_list_shows_twenty_and_counts_all(district: District, texts: Texts) -> None:
    """However many are overdue, those that are due today are told too."""
    late = Listed([due(n, n - 90) for n in range(1, 32)], 77)
    today = Listed([due(n, n / 10) for n in range(32, 35)], 3)
    officer = replace(district.officer_by_id[OFFICER], language="en")
    found = digests.of_officer(
        officer, late, today, district, day_of(district), MORNING, texts, URL
    )
    assert [row["ticket"] for row in found["overdue"]] == [f"JC-{c.ticket}" for c in late.cases[:20]]
    assert [row["ticket"] for row in found["due_today"]] == [f"JC-{c.ticket}" for c in today.cases]
    assert (found["overdue_count"], found["due_today_count"]) == (77, 3)
    plain, html = render("digest_officer", "S", "T", "en", found)
    for told in ("Past the time limit (77)", "… and 57 more", "Due today (3)"):
        assert told in plain and told in html, told
    assert plain.count("more on") == html.count("more on") == 1
    swapped = digests.of_officer(
        officer, today, late, district, day_of(district), MORNING, texts, URL
    )
    assert (len(swapped["overdue"]), len(swapped["due_today"])) == (3, 20)


def test_the_collector_reads_how_the_district_stands(district: District, texts: Texts) -> None:
    figures = DistrictFigures(
        departments={
            "phe": Counts(10, 2, 3),
            "pwd": Counts(40, 2, 5),
            None: Counts(1, 3, 0),
            "health": Counts(0, 0, 0),
            "given-up": Counts(2, 0, 0),
        },
        filed_yesterday=4,
        closed_yesterday=5,
        breached_yesterday=6,
        longest=[due(n, -n) for n in range(12, 0, -1)],
    )
    collector = replace(district.officer_by_id[district.collector], language="en")
    found = digests.of_collector(
        collector, figures, district, day_of(district), MORNING, texts, URL
    )
    assert set(found) == {"district", "date", "desk", "totals", "departments", "longest_overdue"}
    CollectorDigest.model_validate(found)
    assert found["totals"] == {
        "open": 53,
        "overdue": 7,
        "due_today": 8,
        "filed_yesterday": 4,
        "closed_yesterday": 5,
        "breached_yesterday": 6,
    }
    department = district.department_by_id
    assert found["departments"] == [
        {"name": "No department yet", "open": 1, "overdue": 3, "due_today": 0},
        {"name": department["pwd"].name.en, "open": 40, "overdue": 2, "due_today": 5},
        {"name": department["phe"].name.en, "open": 10, "overdue": 2, "due_today": 3},
        {"name": "given-up", "open": 2, "overdue": 0, "due_today": 0},
    ]
    assert [row["overdue_by"] for row in found["longest_overdue"]] == [
        f"{hours} hours" for hours in range(12, 2, -1)
    ]
