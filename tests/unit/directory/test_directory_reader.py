"""What is read of a faultless file, and that no text whatever breaks the reader."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import date, time

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.adapters.directory import DirectoryFaults, inspect, read_district
from services.kernel.domain.directory import (
    Allowance,
    Calendar,
    District,
    Leave,
    Rung,
    Targets,
    Text,
    Window,
)


def test_the_small_file_has_no_fault(small_text: str) -> None:
    assert [str(fault) for fault in inspect(small_text).faults] == []


def test_an_officer_is_read(small: District) -> None:
    officer = small.officer_by_id["water-1"]
    assert officer.name == Text("च", "E")
    assert (officer.role, officer.language, officer.services) == ("officer", "en", ("pump",))
    assert officer.phone == "+919999900005"
    assert officer.leave == (Leave(date(2026, 12, 21), date(2026, 12, 24)),)
    assert not officer.on_duty(date(2026, 12, 24))


def test_defaults_are_those_of_the_domain(small: District) -> None:
    assert small.service_by_id["land"].policy is None
    assert small.service_by_id["pump"].kinds == ("complaint", "suggestion", "demand")
    assert small.office_by_id["revenue-all"].blocks == ()
    assert small.officer_by_id["sdm-1"].retired is False
    assert small.version == 0


def test_limits_and_rungs_are_read(small: District) -> None:
    emergency, other = small.policy_by_id["quick"].targets
    assert emergency == Targets(
        priorities=("emergency",),
        calendar="always",
        acknowledge=Allowance(working_seconds=1800),
        resolve=Allowance(working_seconds=4 * 3600),
    )
    assert other.acknowledge == Allowance(working_seconds=8 * 3600)
    assert other.resolve == Allowance(calendar_days=7)
    assert small.ladder_by_id["steps"].rungs[-1] == Rung("resolve", 16 * 3600, "collector")
    assert small.ladder_by_id["steps"].rungs[0].after_seconds == 0


def test_a_calendar_is_read(small: District) -> None:
    office = small.calendar_by_id["office"]
    morning = Window(time(10), time(13))
    assert office.week["fri"] == (morning, Window(time(14), time(18)))
    assert office.week["sat"] == (morning,)
    assert "sun" not in office.week
    assert office.exceptions[0].windows == (morning,)
    always = small.calendar_by_id["always"]
    assert always.week["sun"] == (Window(time(0), time(0)),)


def test_holidays_are_taken_from_another_calendar(small: District, small_text: str) -> None:
    assert small.calendar_by_id["desk"].holidays == small.calendar_by_id["office"].holidays
    own = "    holidays_of: office\n    holidays: [{day: 2026-08-15, name: {hi: अपना, en: Own}}]\n"
    desk = read_district(
        small_text.replace("    holidays_of: office\n", own), source=""
    ).calendar_by_id["desk"]
    assert isinstance(desk, Calendar)
    assert [(day.day.month, day.name.en) for day in desk.holidays] == [
        (8, "Own"),
        (1, "Republic Day"),
    ]


def test_values_are_what_their_field_says_not_what_yaml_guesses(small_text: str) -> None:
    """YAML 1.1 would read NO as false and 112 as a number."""
    whole = read_district(small_text.replace("code: SM", "code: NO"), source="")
    assert (whole.code, whole.emergency.number) == ("NO", "112")


def test_texts_are_nfc(small_text: str) -> None:
    composed, decomposed = "\u095c", "\u0921\u093c"  # ṛa, of which NFC is the second
    whole = read_district(small_text.replace("hi: छोटा", f"hi: {composed}"), source="")
    assert whole.name.hi == decomposed


def only_faults(text: str) -> None:
    with suppress(DirectoryFaults):
        read_district(text, source="random")
    inspection = inspect(text)
    broken = any(fault.level == "error" for fault in inspection.faults)
    assert broken == (inspection.district is None)


@given(st.text())
def test_random_text_raises_only_faults(text: str) -> None:
    only_faults(text)


SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.dates() | st.text(max_size=8)
KEYS = st.sampled_from(
    ["id", "name", "hi", "en", "blocks", "officers", "calendars", "week", "mon-fri", "policies"]
)


@given(
    st.recursive(
        SCALARS,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
        max_leaves=20,
    )
)
@settings(max_examples=200)
def test_random_yaml_raises_only_faults(data: object) -> None:
    only_faults(yaml.safe_dump(data, allow_unicode=True))


@given(st.integers(), st.text(max_size=6), st.integers(0, 12))
@settings(max_examples=300)
def test_a_damaged_file_raises_only_faults(
    small_text: str, seed: int, damage: str, length: int
) -> None:
    at = random.Random(seed).randrange(len(small_text))
    only_faults(small_text[:at] + damage + small_text[at + length :])
