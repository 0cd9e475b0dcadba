"""What a new version changes, and what it must not."""

from __future__ import annotations

from dataclasses import replace

from services.kernel.adapters.directory import Change, differences
from services.kernel.domain.directory import District, Text


def test_the_same_district_has_no_changes(small: District) -> None:
    changes = differences(small, replace(small, version=3))
    assert not changes
    assert changes.of("officers") == Change()


def test_order_is_no_change(small: District) -> None:
    assert not differences(small, replace(small, officers=small.officers[::-1]))


def test_added_and_changed_entries_are_named(small: District) -> None:
    pump, land = small.services
    new = replace(
        small,
        services=(pump, replace(land, name=Text("भूमि", "Land")), replace(land, id="survey")),
        reopen_days=15,
    )
    changes = differences(small, new)
    assert changes.of("services") == Change(added=("survey",), changed=("land",))
    assert changes.settings == ("reopen_days",)
    assert not changes.forbidden


def test_an_officer_retires_by_mark(small: District) -> None:
    *others, last = small.officers
    changes = differences(small, replace(small, officers=(*others, replace(last, retired=True))))
    assert changes.of("officers") == Change(retired=("water-1",))
    assert not changes.forbidden


def test_an_officer_must_not_vanish(small: District) -> None:
    changes = differences(small, replace(small, officers=small.officers[:-1]))
    assert [(f.list, f.id) for f in changes.forbidden] == [("officers", "water-1")]
    assert "retired: true" in changes.forbidden[0].reason


def test_a_service_or_a_village_that_is_left_out_is_retired(small: District) -> None:
    block = small.blocks[0]
    new = replace(
        small,
        services=small.services[:1],
        blocks=(replace(block, villages=block.villages[:1]),),
    )
    changes = differences(small, new)
    assert changes.of("services") == Change(retired=("land",))
    assert changes.of("villages") == Change(retired=("north/lower",))
    assert changes.of("blocks") == Change(changed=("north",))


def test_a_district_keeps_its_id_and_code(small: District) -> None:
    changes = differences(small, replace(small, id="large", code="LA"))
    assert [f.id for f in changes.forbidden] == ["small", "SM"]
