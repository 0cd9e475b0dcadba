"""A district as a document: nothing is lost, and nothing but plain JSON is in it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from services.kernel.adapters.directory import (
    differences,
    district_from_document,
    district_to_document,
    read_district,
)
from services.kernel.domain.directory import District

DISTRICTS = Path(__file__).parents[3] / "deploy" / "districts"


@pytest.mark.parametrize("file", sorted(DISTRICTS.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_district_survives_the_way_through_json(file: Path) -> None:
    district = replace(read_district(file.read_text("utf-8"), source=file.name), version=7)
    back = district_from_document(json.loads(json.dumps(district_to_document(district))))
    assert back == district
    assert back.version == 7
    assert back.calendars == district.calendars
    assert isinstance(back.blocks[0].villages, tuple)


def test_cached_lookups_are_not_in_the_document(small: District) -> None:
    assert small.service_by_id["pump"].id == "pump"
    assert "service_by_id" not in district_to_document(small)


def test_a_document_with_other_fields_is_read(small: District) -> None:
    """The store adds its own; a newer version may have added some."""
    document = {**district_to_document(small), "_id": "small:1", "later": {"a": 1}}
    assert district_from_document(document) == small


def test_a_document_of_an_older_version_is_read(small: District) -> None:
    document = district_to_document(small)
    del document["reopen_days"], document["sms_gateway"], document["call_centre"]["email"]
    for officer in document["officers"]:
        del officer["leave"], officer["sample"]
    read = district_from_document(document)
    assert (read.reopen_days, read.sms_gateway, read.call_centre.email) == (30, "mobile_seva", None)


def test_gateway_and_address_of_the_call_centre_are_kept(small: District) -> None:
    centre = replace(small.call_centre, email="desk@example.org")
    changed = replace(small, sms_gateway="kannel", call_centre=centre)
    assert district_from_document(district_to_document(changed)) == changed
    assert differences(small, changed).settings == ("call_centre", "sms_gateway")
