"""Every kind of fault is found at its path and line, by one change of a faultless file each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import time
from pathlib import Path

import pytest
import yaml

from services.kernel.adapters.directory import (
    DirectoryFaults,
    check,
    inspect,
    read_district,
    source,
)
from services.kernel.domain.directory import District, Service, Text, Window


@dataclass(frozen=True)
class Case:
    """`old` becomes `new` once; the fault is to stand in the first line that has `line` in it."""

    old: str
    new: str
    path: str
    line: str
    says: str
    level: str


def cases(*names: str) -> list[Case]:
    table = yaml.safe_load(Path(__file__).with_name("fault_table.yaml").read_text("utf-8"))
    return [
        Case(old, new, path, line, says, "warning" if name == "warnings" else "error")
        for name in names
        for old, new, path, line, says in table[name]
    ]


def describe(case: Case) -> str:
    return f"{case.path}: {case.says}"


@pytest.mark.parametrize("case", cases("shape", "yaml", "cross", "warnings"), ids=describe)
def test_a_fault_is_found_at_its_place(case: Case, small_text: str) -> None:
    assert small_text.count(case.old) >= 1
    text = small_text.replace(case.old, case.new, 1)
    line = text[: text.index(case.line)].count("\n") + 1
    inspection = inspect(text)
    found = [f for f in inspection.faults if f.path == case.path and case.says in f.message]
    assert found, [str(fault) for fault in inspection.faults]
    assert (found[0].line, found[0].level) == (line, case.level)
    assert (inspection.district is None) == (case.level == "error")


@pytest.mark.parametrize("case", cases("shape"), ids=describe)
def test_a_value_that_cannot_be_read_gives_one_fault(case: Case, small_text: str) -> None:
    """What is blank because it could not be read is not complained of a second time."""
    faults = inspect(small_text.replace(case.old, case.new, 1)).faults
    assert [f.path for f in faults if f.level == "error"] in ([case.path], [case.path] * 2)


def test_all_faults_come_at_once_in_the_order_of_the_file(small_text: str) -> None:
    text = (
        small_text.replace("code: SM", "code: Sm")
        .replace(" policy: quick", " polcy: quick")
        .replace("[जमीन, jamin]", "[jamin]")
        .replace("4 working hours", "4 hours")
        .replace("working hours, to: sdm", "working hours, to: officer")
    )
    with pytest.raises(DirectoryFaults) as raised:
        read_district(text, source="district.yaml")
    faults = raised.value.faults
    assert [fault.path for fault in faults] == [
        "code",
        "services[0].polcy",
        "services[1].keywords",
        "policies[0].targets[0].resolve",
        "ladders[0].rungs[4].to",
    ]
    assert [fault.line for fault in faults] == sorted(fault.line for fault in faults)
    assert "district.yaml:2:7: error: code:" in str(raised.value)


def test_a_fault_of_the_whole_file_hides_no_other(small_text: str) -> None:
    text = small_text.replace("name: {hi: छोटा", "name: &n {hi: छोटा").replace(
        "code: SM", "code: Sm"
    )
    assert [fault.path for fault in inspect(text).faults] == ["code", ""]


def test_the_column_is_that_of_the_value(small_text: str) -> None:
    (fault,) = inspect(small_text.replace("hi: क, en: A", "hi: क, en: ''")).faults
    assert (fault.path, fault.column) == ("officers[0].name.en", 23)


@pytest.mark.parametrize("loader", [yaml.CSafeLoader, yaml.SafeLoader])
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "empty"),
        ("# nothing but a remark", "empty"),
        ("- a list", "at its top"),
        ("a word", "at its top"),
        ("id: [", "not YAML"),
        ("id: 'open", "not YAML"),
        ("a: b: c", "not YAML"),
        ("id: a\n---\nid: b", "second document"),
        ("id: \x00", "does not take"),
        ("id: \ud800", "not YAML"),
        ("[" * 20 + "]" * 20, "nested deeper"),
        ("[" * 100_000, "nest"),
        ("a" * (source.MAX_CHARACTERS + 1), "longer than"),
    ],
    ids=lambda text: repr(text[:12]),
)
def test_text_that_is_no_district_is_refused(
    text: str, says: str, loader: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With libyaml and without it."""
    monkeypatch.setattr(source, "_LOADER", loader)
    faults = inspect(text).faults
    assert any(says in fault.message for fault in faults), [str(fault) for fault in faults]


def test_aliases_cannot_unfold() -> None:
    """The "billion laughs": ten levels of ten aliases each would make 10 ** 10 texts."""
    lines = ["a0: &a0 [lol]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 11)]
    inspection = inspect("\n".join(lines))
    assert inspection.district is None
    assert any("anchors (&) and aliases (*)" in fault.message for fault in inspection.faults)


def test_a_district_that_comes_from_no_file_is_checked_too(small: District) -> None:
    """What the file's form rules out, code can still build."""
    office, *others = small.calendars
    backwards = replace(office, week={"mon": (Window(time(12), time(11)),), "day": ()})
    well = Service("well", "water", Text("कुआं", "Well"), ("कुआं", "kuan", " "))
    water = tuple(
        replace(o, services=("pump",)) for o in small.officers if o.office == "water-north"
    )
    built = replace(
        small,
        name=Text("छोटा", ""),
        sms_gateway="pigeon",  # type: ignore[arg-type]
        calendars=(backwards, *others),
        services=(*small.services, well),
        officers=(*small.officers[:3], *water),
    )
    assert [(f.path, f.level) for f in check(built)] == [
        ("sms_gateway", "error"),
        ("name.en", "error"),
        ("services[2].keywords[2]", "error"),
        ("services[2]", "warning"),
        ("calendars[0].week.mon[0]", "error"),
        ("calendars[0].week", "error"),
    ]
