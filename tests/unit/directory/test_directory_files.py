"""The district files that are delivered: without a fault, and holding what a district needs."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from services.kernel.adapters.directory import inspect
from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.directory import District

DISTRICTS = Path(__file__).parents[3] / "deploy" / "districts"
FILES = sorted(DISTRICTS.glob("*.yaml"))


def district(name: str) -> District:
    found = inspect((DISTRICTS / name).read_text("utf-8")).district
    assert found is not None
    return found


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_delivered_file_has_no_fault(file: Path) -> None:
    inspection = inspect(file.read_text("utf-8"))
    assert [str(fault) for fault in inspection.faults] == []
    assert inspection.district is not None
    assert inspection.district.id == file.stem


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_officer_is_a_sample_that_cannot_be_reached(file: Path) -> None:
    for officer in district(file.name).officers:
        assert officer.sample
        assert officer.phone is None or officer.phone.startswith("+9199999")
        # whoever serves gets his digest by e-mail
        assert officer.retired if officer.email is None else officer.email.endswith("@example.org")
    centre = district(file.name).call_centre
    assert centre.email is not None
    assert centre.email.endswith("@example.org")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_fixed_national_holidays_are_in_every_year_that_is_written(file: Path) -> None:
    kept = [calendar.holidays for calendar in district(file.name).calendars if calendar.holidays]
    assert kept
    for holidays in kept:
        days = {holiday.day for holiday in holidays}
        for year in {day.year for day in days}:
            assert {date(year, 1, 26), date(year, 8, 15), date(year, 10, 2)} <= days


def test_the_districts_go_by_different_gateways() -> None:
    assert district("janjgir-champa.yaml").sms_gateway == "mobile_seva"
    assert district("sakti.yaml").sms_gateway == "kannel"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_emergency_has_a_short_limit_around_the_clock(file: Path) -> None:
    whole = district(file.name)
    night = datetime(2026, 8, 15, 20, 0, tzinfo=UTC)  # a holiday, half past one at night
    for policy in whole.policies:
        first = next(t for t in policy.targets if not t.priorities or "emergency" in t.priorities)
        assert first.acknowledge is not None
        seconds = first.acknowledge.working_seconds
        assert seconds is not None
        calendar = WorkingCalendar(whole.calendar_by_id[first.calendar or policy.calendar])
        allowed = timedelta(seconds=seconds)
        assert calendar.add(night, allowed) - night == allowed <= timedelta(hours=1)


def test_janjgir_champa_has_the_whole_district() -> None:
    whole = district("janjgir-champa.yaml")
    assert whole.code == "JC"
    assert [block.id for block in whole.blocks] == [
        "akaltara",
        "baloda",
        "nawagarh",
        "pamgarh",
        "bamhnidih",
    ]
    assert len(whole.departments) == 16
    assert all(10 <= len(block.villages) <= 15 for block in whole.blocks)
    assert whole.call_centre.phone == "7970001634"
    assert whole.emergency.number == "112"
    assert whole.reopen_days == 30
    assert whole.confirm_days == 7
    assert [ladder.repeat_seconds for ladder in whole.ladders] == [5 * 8 * 3600, 2 * 8 * 3600]
    engineers = [o for o in whole.officers if o.office == "phe-akaltara" and o.role == "officer"]
    assert len(engineers) >= 3


def test_janjgir_champa_keywords_are_in_three_ways_of_writing() -> None:
    for service in district("janjgir-champa.yaml").services:
        hindi = [word for word in service.keywords if re.search("[\u0900-\u097f]", word)]
        latin = [word for word in service.keywords if re.fullmatch("[\x20-\x7e]+", word)]
        assert len(hindi) >= 4, service.id
        assert len(latin) >= 5, service.id


def test_janjgir_champa_office_keeps_its_hours_and_holidays() -> None:
    office = WorkingCalendar(district("janjgir-champa.yaml").calendar_by_id["office"])
    ten, six = datetime(2026, 8, 13, 4, 30, tzinfo=UTC), datetime(2026, 8, 13, 12, 30, tzinfo=UTC)
    assert office.windows_on(date(2026, 8, 13)) == ((ten, six),)
    for closed in (date(2026, 8, 12), date(2026, 8, 16), date(2027, 1, 26), date(2026, 10, 2)):
        assert office.windows_on(closed) == ()


def test_sakti_shares_no_id_with_the_first_district() -> None:
    first, second = district("janjgir-champa.yaml"), district("sakti.yaml")
    for name in (
        "blocks",
        "departments",
        "offices",
        "officers",
        "services",
        "calendars",
        "policies",
        "ladders",
    ):
        ours = {entry.id for entry in getattr(first, name)}
        assert ours.isdisjoint({entry.id for entry in getattr(second, name)}), name
    assert first.emergency.control_room != second.emergency.control_room
    assert first.code != second.code


def test_sakti_closes_for_lunch_and_works_on_saturday() -> None:
    hours = WorkingCalendar(district("sakti.yaml").calendar_by_id["kaamkaj"])
    saturday = hours.windows_on(date(2026, 11, 14))
    assert [end - begin for begin, end in saturday] == [timedelta(hours=3.5)] * 2
    assert len(hours.windows_on(date(2026, 11, 7))) == 1
