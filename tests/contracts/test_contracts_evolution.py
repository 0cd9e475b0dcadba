"""Old bytes are read by today's models, today's events by old schemas, and breaks are caught."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import Field

from services.kernel.contracts import events as e
from services.kernel.contracts.catalogue import TYPES
from services.kernel.contracts.codec import Record, announce, receive
from services.kernel.contracts.envelope import unseal
from services.kernel.contracts.evolution import breaks, shape
from services.kernel.contracts.examples import KEY, TICKET, examples
from services.kernel.contracts.generate import STORE, Store, schemas

Json = dict[str, Any]
STORED = sorted(STORE.glob("examples/*/*.json"))
FROZEN = sorted(STORE.glob("frozen/*/*.json"))


def load(path: Path) -> Json:
    found: Json = json.loads(path.read_text())
    return found


def record_of(stored: Json) -> Record:
    pairs = tuple((name, text.encode()) for name, text in stored["headers"].items())
    return Record(stored["topic"], 0, 0, stored["key"].encode(), pairs, stored["value"].encode())


def name_of(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


# ---------------------------------------------------------------- nothing stored was touched


def test_stored_files_are_those_of_the_manifest_byte_for_byte() -> None:
    """Never mend a stored file or its hash: bytes like these lie in Kafka for ever."""
    found = {
        path.relative_to(STORE).as_posix(): sha256(path.read_bytes()).hexdigest()
        for path in (*STORED, *FROZEN)
    }
    assert found == Store().hashes()


def test_every_type_ever_stored_still_exists_and_every_type_is_stored() -> None:
    for paths in (STORED, FROZEN):
        kinds = {".".join(path.name.split(".")[:4]) for path in paths}
        assert kinds == set(TYPES)


# ---------------------------------------------------------------- old bytes, today's models


@pytest.mark.parametrize("path", STORED, ids=name_of)
def test_old_bytes_decode_to_the_fields_that_they_hold(path: Path) -> None:
    stored = load(path)
    kind = stored["headers"]["ce_type"]
    event = TYPES[kind][1].model.model_validate_json(stored["value"])
    held = json.loads(stored["value"])
    assert json.loads(event.model_dump_json(exclude_unset=True)) == held

    example = examples()[kind]
    if path == Store().path("examples", kind, len(Store().history(kind))):
        # the newest is also what was made up, field by field
        assert event.model_dump(exclude={"sealed"}) == example.event.model_dump(exclude={"sealed"})
    if example.content is not None:
        sealed = e.Sealed.model_validate(held["sealed"])
        bound_to = held.get("ticket") or held["key"]
        opened = unseal(sealed, type(example.content), KEY, bound_to)
        # what came to the envelope later is not in it; what was sealed is, unchanged
        sealed_then = opened.model_dump(exclude_unset=True)
        assert sealed_then == example.content.model_dump(include=set(sealed_then))
        assert sealed_then


@pytest.mark.parametrize(
    "path", [p for p in STORED if load(p)["topic"] == "samvad.complaints.v1"], ids=name_of
)
def test_old_records_are_received_and_announced_again_as_they_were(path: Path) -> None:
    stored = load(path)
    kind = stored["headers"]["ce_type"]
    received = receive(record_of(stored), uses={kind})
    event = received.event
    assert isinstance(event, e.CaseEvent)
    assert received.id.ticket == TICKET
    announced = announce(event, received.id.room, received.id.n, received.traceparent)
    message = announced.message(stored["topic"], stored["headers"]["ce_source"])
    assert {name: value.decode() for name, value in message.headers} == stored["headers"]
    assert message.key == stored["key"].encode()
    # fields that came later may join with their defaults; all that was there is there, unchanged
    again = json.loads(message.value)
    assert {name: again.get(name) for name in json.loads(stored["value"])} == json.loads(
        stored["value"]
    )


# ---------------------------------------------------------------- today's events, old readers


@pytest.mark.parametrize("path", FROZEN, ids=name_of)
def test_todays_events_with_a_field_of_tomorrow_are_valid_for_old_readers(path: Path) -> None:
    frozen = load(path)
    kind = ".".join(path.name.split(".")[:4])
    value = json.loads(examples()[kind].message.value)
    value["of_tomorrow"] = {"something": ["unknown", 1]}
    for part in value.values():
        if isinstance(part, dict):
            part["of_tomorrow"] = "unknown"
    Draft202012Validator(frozen).validate(value)
    assert "of_tomorrow" not in frozen["properties"]
    # and today's models are such open readers themselves
    model = TYPES[kind][1].model
    assert not hasattr(model.model_validate(value), "of_tomorrow")


@pytest.mark.parametrize("path", FROZEN, ids=name_of)
def test_only_optional_fields_were_added_since(path: Path) -> None:
    kind = ".".join(path.name.split(".")[:4])
    assert breaks(load(path), schemas()[kind]) == []


def test_the_newest_snapshot_is_todays_shape() -> None:
    """Else a field that was added could be taken away again unnoticed."""
    current = schemas()
    for kind in TYPES:
        assert shape(Store().history(kind)[-1]) == shape(current[kind]), kind


# ---------------------------------------------------------------- the rule catches breaks


def _removed(schema: Json) -> None:
    del schema["properties"]["channel"]


def _renamed(schema: Json) -> None:
    schema["properties"]["medium"] = schema["properties"].pop("channel")


def _new_required(schema: Json) -> None:
    schema["properties"]["mood"] = {"type": "string"}
    schema["required"].append("mood")


def _optional_became_required(schema: Json) -> None:
    schema["required"].append("service")


def _required_became_optional(schema: Json) -> None:
    schema["required"].remove("kind")


def _narrowed_type(schema: Json) -> None:
    schema["properties"]["service"] = {"type": "string"}


def _widened_type(schema: Json) -> None:
    schema["properties"]["directory_version"] = {"type": ["integer", "string"]}


def _narrowed_enum(schema: Json) -> None:
    schema["properties"]["kind"]["enum"].remove("demand")


def _widened_enum(schema: Json) -> None:
    schema["properties"]["kind"]["enum"].append("joke")


def _narrowed_range(schema: Json) -> None:
    schema["properties"]["directory_version"]["minimum"] = 5


def _narrowed_length(schema: Json) -> None:
    schema["properties"]["district"]["maxLength"] = 5


def _narrowed_items(schema: Json) -> None:
    schema["properties"]["dangers"]["items"]["enum"] = ["flood"]


def _changed_default(schema: Json) -> None:
    schema["properties"]["priority"]["default"] = "urgent"


def _dropped_format(schema: Json) -> None:
    del schema["properties"]["at"]["format"]


def _closed(schema: Json) -> None:
    schema["additionalProperties"] = False


def _removed_inside(schema: Json) -> None:
    del schema["$defs"]["Place"]["properties"]["village"]


def _required_inside(schema: Json) -> None:
    schema["$defs"]["Place"]["required"] = ["block"]


def _constant_inside(schema: Json) -> None:
    schema["$defs"]["Sealed"]["properties"]["v"]["const"] = 2


BREAKS: list[tuple[Callable[[Json], None], str]] = [
    (_removed, "value.channel: removed"),
    (_renamed, "value.channel: removed"),
    (_new_required, "value.mood: became required"),
    (_optional_became_required, "value.service: became required"),
    (_required_became_optional, "value.kind: is no longer required"),
    (_narrowed_type, "value.service: anyOf changed"),
    (_widened_type, "value.directory_version: type changed"),
    (_narrowed_enum, "value.kind: enum changed"),
    (_widened_enum, "value.kind: enum changed"),
    (_narrowed_range, "value.directory_version: minimum changed"),
    (_narrowed_length, "value.district: maxLength changed"),
    (_narrowed_items, "value.dangers[]: enum changed"),
    (_changed_default, "value.priority: default changed"),
    (_dropped_format, "value.at: format changed"),
    (_closed, "value: additionalProperties changed"),
    (_removed_inside, "value.place.village: removed"),
    (_required_inside, "value.place.block: became required"),
    (_constant_inside, "value.sealed.v: const changed"),
]


@pytest.mark.parametrize(("change", "told"), BREAKS, ids=[c.__name__ for c, _ in BREAKS])
def test_an_injected_break_is_told(change: Callable[[Json], None], told: str) -> None:
    old = schemas()["samvad.case.filed.v1"]
    new = deepcopy(old)
    change(new)
    assert told in breaks(old, new)


def test_optional_fields_and_other_words_are_no_break() -> None:
    old = schemas()["samvad.case.filed.v1"]
    new = deepcopy(old)
    new["properties"]["mood"] = {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}
    new["$defs"]["Place"]["properties"]["ward"] = {"type": "string"}
    new["properties"]["place"]["default"]["ward"] = None
    new["description"] = "In other words."
    new["properties"]["kind"]["description"] = "What it is."
    assert breaks(old, new) == []


class RatedOnceMore(e.Act):
    """As `CaseRated` could become by an honest addition."""

    rating: int = Field(ge=1, le=5)
    helpful: bool | None = None


class RatedOutOfThree(e.Act):
    """As it must not become: four of five stars, stored long ago, would no longer be read."""

    rating: int = Field(ge=1, le=3)


class RatedInWords(e.Act):
    """Nor like this."""

    rating: Literal["good", "bad"]


def test_the_rule_judges_models_too() -> None:
    old = schemas()["samvad.case.rated.v1"]
    assert breaks(old, RatedOnceMore.model_json_schema()) == []
    assert breaks(old, RatedOutOfThree.model_json_schema()) == ["value.rating: maximum changed"]
    assert "value.rating: type changed" in breaks(old, RatedInWords.model_json_schema())
