"""The catalogue and the events say the same, and the topics are as they must stay."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from services.kernel.contracts import topics
from services.kernel.contracts.catalogue import (
    DAY_MS,
    FOR_EVER,
    SERVICES,
    TOPICS,
    TYPES,
    Travels,
    topic_configs,
    uses,
)
from services.kernel.contracts.events import EVENTS, RecordDead
from services.notify.adapters.book_file import load_book
from services.routing.adapters.room import CaseRoom
from services.sla.adapters.room import SlaRoom

ROWS: list[Travels] = [row for topic in TOPICS.values() for row in topic.carries]


def test_every_event_is_on_exactly_one_topic_and_nothing_else_is() -> None:
    travelling = Counter(row.type for row in ROWS)
    assert travelling == Counter([*EVENTS, RecordDead.TYPE])


@pytest.mark.parametrize("kind", EVENTS)
def test_every_event_has_its_own_model_and_room(kind: str) -> None:
    _, row = TYPES[kind]
    assert row.model is EVENTS[kind]
    assert (() if row.room is None else (row.room,)) == EVENTS[kind].ROOMS


def test_events_with_a_room_are_those_of_the_complaints_topic() -> None:
    for topic, row in TYPES.values():
        assert (row.room is not None) == (topic.name == topics.COMPLAINTS), row.type


@pytest.mark.parametrize("kind", TYPES)
def test_types_are_named_subject_past_tense_version(kind: str) -> None:
    assert re.fullmatch(r"samvad\.[a-z]+\.[a-z]+(-[a-z]+)*\.v[1-9]", kind)


def test_every_topic_of_the_list_is_in_the_catalogue() -> None:
    names = {value for name, value in vars(topics).items() if name.isupper()}
    assert set(TOPICS) == names
    assert all(name == topic.name for name, topic in TOPICS.items())


def test_only_known_services_produce_and_consume() -> None:
    for row in ROWS:
        assert row.producers, f"nobody announces {row.type}"
        for parties in (row.producers, row.consumers):
            assert set(parties) <= set(SERVICES), row.type
            assert len(set(parties)) == len(parties), row.type
    assert {topic.owner for topic in TOPICS.values()} <= {*SERVICES, "kernel"}


@pytest.mark.parametrize(
    ("room", "writers"),
    [
        ("intake", {"intake-web", "conversation", "intake-phone"}),
        ("sla", {"sla"}),
        ("notices", {"notify"}),
    ],
)
def test_a_room_is_written_only_by_those_who_may(room: str, writers: set[str]) -> None:
    assert {name for row in ROWS if row.room == room for name in row.producers} == writers


def test_no_service_reads_back_the_room_that_is_its_own() -> None:
    for row in ROWS:
        if row.room in ("sla", "notices"):
            assert not set(row.producers) & set(row.consumers), row.type


def test_partition_counts_are_fixed() -> None:
    """Keys would move to other partitions and lose their order: never change a number here."""
    assert {name: topic.partitions for name, topic in TOPICS.items()} == {
        "samvad.complaints.v1": 12,
        "samvad.whatsapp.inbound.v1": 12,
        "samvad.messages.v1": 12,
        "samvad.calls.v1": 6,
        "samvad.directory.v1": 1,
        "samvad.dead-letters.v1": 3,
    }


def test_complaints_are_kept_for_ever_and_never_compacted() -> None:
    topic = TOPICS[topics.COMPLAINTS]
    assert (topic.retention_ms, topic.cleanup) == (FOR_EVER, "delete")


@pytest.mark.parametrize(
    "name", [topics.WHATSAPP_INBOUND, topics.MESSAGES, topics.CALLS, topics.DEAD_LETTERS]
)
def test_what_may_hold_personal_data_beside_a_case_goes_within_a_month(name: str) -> None:
    topic = TOPICS[name]
    assert 14 * DAY_MS <= topic.retention_ms <= 30 * DAY_MS
    assert topic.cleanup == "delete"


def test_the_newest_directory_of_a_district_is_never_lost() -> None:
    assert TOPICS[topics.DIRECTORY].cleanup == "compact"


def test_the_largest_record_fits_into_a_dead_letter() -> None:
    dead = TOPICS[topics.DEAD_LETTERS]
    largest = max(t.max_message_bytes for t in TOPICS.values() if t is not dead)
    headers_and_frame = 64 * 1024
    assert dead.max_message_bytes >= largest * 4 / 3 + headers_and_frame


def test_topic_configs_are_texts_for_kafka() -> None:
    configs = topic_configs()
    assert set(configs) == set(TOPICS)
    assert configs["samvad.complaints.v1"] == {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "max.message.bytes": "1048576",
    }
    assert all(isinstance(v, str) for config in configs.values() for v in config.values())


def test_uses_names_the_types_whose_values_a_service_decodes() -> None:
    assert "samvad.case.filed.v1" in uses("routing", topics.COMPLAINTS)
    assert "samvad.sla.lapsed.v1" in uses("routing", topics.COMPLAINTS)
    assert "samvad.sla.warned.v1" not in uses("sla", topics.COMPLAINTS)
    assert uses("notify", topics.MESSAGES) == {"samvad.message.requested.v1"}
    assert uses("desk", topics.COMPLAINTS) == frozenset()


@pytest.mark.parametrize(
    ("service", "used"),
    [
        ("routing", CaseRoom.uses),
        ("sla", SlaRoom.uses),
        ("notify", dict.fromkeys(load_book().events)),
    ],
)
def test_a_service_decodes_only_what_the_catalogue_gives_it(
    service: str, used: dict[str, object]
) -> None:
    assert set(used) <= uses(service, topics.COMPLAINTS)
