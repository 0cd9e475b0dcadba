"""Events to bytes and back, and every way in which bytes are not an event."""

from __future__ import annotations

import json
import traceback
import types
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Literal, Union, get_args, get_origin

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AwareDatetime
from pydantic.fields import FieldInfo

from services.kernel.contracts import events as e
from services.kernel.contracts.codec import (
    ROOMS,
    Announced,
    EventId,
    Record,
    Undecodable,
    announce,
    new_traceparent,
    receive,
    trace_id,
)

TICKET = "2600104237"
AT = datetime(2026, 1, 5, 4, 30, 0, 123000, tzinfo=UTC)
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CASE_EVENTS: list[type[e.CaseEvent]] = [
    model for model in e.EVENTS.values() if issubclass(model, e.CaseEvent)
]
BESIDE = [model for model in e.EVENTS.values() if not issubclass(model, e.CaseEvent)]

# ---------------------------------------------------------------- any event of any model

TEXTS = st.text(max_size=20)
INTEGERS = st.integers(-(2**62), 2**62)
# Mongo keeps milliseconds, so instants have no more
INSTANTS = st.integers(0, 4_102_444_800_000).map(
    lambda ms: datetime.fromtimestamp(ms // 1000, UTC) + timedelta(milliseconds=ms % 1000)
)
TICKETS = st.from_regex(r"[0-9]{10}", fullmatch=True)


def values_of(annotation: Any, field: FieldInfo | None = None) -> st.SearchStrategy[Any]:
    """Any value of a field of the contract."""
    origin = get_origin(annotation)
    if origin is Literal:
        return st.sampled_from(get_args(annotation))
    if origin in (Union, types.UnionType):
        return st.one_of(*(values_of(part, field) for part in get_args(annotation)))
    if origin is tuple:
        return st.lists(values_of(get_args(annotation)[0]), max_size=3).map(tuple)
    if origin is dict:
        return st.dictionaries(TEXTS, TEXTS, max_size=3)
    if annotation is type(None):
        return st.none()
    if annotation is AwareDatetime:
        return INSTANTS
    if annotation is bool:
        return st.booleans()
    if annotation is int:
        bounds = field.metadata if field else []
        low = next((b.ge for b in bounds if hasattr(b, "ge")), None)
        high = next((b.le for b in bounds if hasattr(b, "le")), None)
        return INTEGERS if low is high is None else st.integers(low or 0, high or 2**31)
    if annotation is str:
        return TEXTS
    assert issubclass(annotation, e.Model), annotation
    return models(annotation)


def models(model: type[e.Model]) -> st.SearchStrategy[Any]:
    """Any instance of a model; fields with a default may be left out."""
    needed: dict[str, st.SearchStrategy[Any]] = {}
    optional: dict[str, st.SearchStrategy[Any]] = {}
    for name, field in model.model_fields.items():
        target = needed if field.is_required() else optional
        target[name] = TICKETS if name == "ticket" else values_of(field.annotation, field)
    return st.fixed_dictionaries(needed, optional=optional).map(lambda kw: model(**kw))


ANY_CASE_EVENT = st.sampled_from(CASE_EVENTS).flatmap(models)
NUMBERS = st.integers(1, 10**12 - 1)


def as_record(announced: Announced, topic: str = "samvad.complaints.v1") -> Record:
    message = announced.message(topic, "test")
    return Record(topic, 3, 17, message.key, message.headers, message.value, 1)


@given(ANY_CASE_EVENT, NUMBERS)
def test_round_trip_of_any_event(event: e.CaseEvent, n: int) -> None:
    (room,) = event.ROOMS
    n = 1 if room == "intake" else n
    record = as_record(announce(event, room, n, TRACE))
    received = receive(record, uses={event.TYPE})
    assert received.event == event
    assert type(received.event) is type(event)
    assert received.id == EventId(event.ticket, room, n)
    assert (received.type, received.time) == (event.TYPE, event.at)
    assert received.traceparent == TRACE
    assert received.record is record


@given(models(e.CaseFiled), st.integers(2, 10**12 - 1))
def test_a_case_is_filed_once(event: e.CaseFiled, n: int) -> None:
    record = as_record(announce(event, "intake", n, TRACE))
    with pytest.raises(Undecodable, match="filed once"):
        receive(record, uses={event.TYPE})


@pytest.mark.parametrize("model", BESIDE, ids=lambda m: m.TYPE)
def test_round_trip_of_values_beside_the_case(model: type[e.Event]) -> None:
    @given(models(model))
    def check(event: e.Event) -> None:
        assert model.model_validate_json(event.model_dump_json(exclude_none=True)) == event

    check()


@given(ANY_CASE_EVENT)
def test_headers_are_the_cloudevents_attributes(event: e.CaseEvent) -> None:
    (room,) = event.ROOMS
    message = announce(event, room, 5, TRACE).message("samvad.complaints.v1", "/samvad/case")
    assert message.key == event.ticket.encode()
    headers = {name: value.decode("ascii") for name, value in message.headers}
    assert len(headers) == len(message.headers)
    assert headers.pop("ce_time") == event.at.isoformat(timespec="milliseconds")
    assert headers == {
        "ce_specversion": "1.0",
        "ce_id": f"{event.ticket}/{room}/5",
        "ce_source": "/samvad/case",
        "ce_type": event.TYPE,
        "ce_subject": event.ticket,
        "content-type": "application/json",
        "traceparent": TRACE,
    }


@given(ANY_CASE_EVENT)
def test_values_hold_neither_null_nor_attributes(event: e.CaseEvent) -> None:
    (room,) = event.ROOMS
    value = json.loads(announce(event, room, 1).value)
    parts = [value, *(part for part in value.values() if isinstance(part, dict))]
    assert all(item is not None for part in parts for item in part.values())
    assert set(value) <= set(type(event).model_fields)


# ---------------------------------------------------------------- announcing

RATED = e.CaseRated(
    district="d", ticket=TICKET, at=AT, state="closed", by=e.By(role="citizen"), rating=4
)


def test_an_event_is_announced_only_in_its_own_room() -> None:
    for room in set(ROOMS) - {"case"}:
        with pytest.raises(ValueError, match="room"):
            announce(RATED, room, 1)


def test_a_trace_is_begun_where_there_is_none() -> None:
    one, other = announce(RATED, "case", 1), announce(RATED, "case", 1)
    assert one.traceparent != other.traceparent
    assert receive(as_record(one), ()).traceparent == one.traceparent


def test_trace_id_is_the_second_part() -> None:
    assert trace_id(TRACE) == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert len(trace_id(new_traceparent())) == 32


def test_an_instant_of_another_zone_stays_the_same_instant() -> None:
    ist = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    record = as_record(announce(RATED.model_copy(update={"at": ist}), "case", 1))
    received = receive(record, {RATED.TYPE})
    assert received.time == AT
    assert isinstance(received.event, e.CaseRated)
    assert received.event.at == AT


# ---------------------------------------------------------------- receiving

GOOD = as_record(announce(RATED, "case", 2, TRACE))
USES = {RATED.TYPE}


def with_header(name: str, value: bytes | None, record: Record = GOOD) -> Record:
    """`record` with the header replaced, added or, with None, taken away."""
    others = tuple(pair for pair in record.headers if pair[0] != name)
    return replace(record, headers=others if value is None else (*others, (name, value)))


def with_id(text: str) -> Record:
    return replace(with_header("ce_id", text.encode()), key=text.split("/")[0].encode())


@pytest.mark.parametrize(
    "text",
    [
        "",
        TICKET,
        f"{TICKET}/case",
        f"{TICKET}/case/",
        f"{TICKET}/case/0",
        f"{TICKET}/case/-1",
        f"{TICKET}/case/x",
        f"{TICKET}/kitchen/1",
        f"{TICKET}/CASE/1",
        f"{TICKET}/case/1/1",
        f"{TICKET}/case/1\n",
        f" {TICKET}/case/1",
        f"{TICKET[1:]}/case/1",
        f"{TICKET}1/case/1",
        f"{TICKET}/case/{10**12}",
        "२६००१०४२३७/case/1",
        f"{TICKET}/case/१",
    ],
)
def test_an_id_that_is_none_is_undecodable(text: str) -> None:
    with pytest.raises(Undecodable, match="ce_id"):
        EventId.parse(text)
    with pytest.raises(Undecodable, match="ce_id"):
        receive(with_id(text), USES)


@pytest.mark.parametrize("text", [f"{TICKET}/case/007", f"{TICKET}/case/01"])
def test_a_number_has_one_spelling(text: str) -> None:
    with pytest.raises(Undecodable, match="ce_id"):
        EventId.parse(text)


@given(TICKETS, st.sampled_from(ROOMS), NUMBERS)
def test_ids_are_read_as_they_are_written(ticket: str, room: e.Room, n: int) -> None:
    event_id = EventId(ticket, room, n)
    assert EventId.parse(str(event_id)) == event_id


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (with_header("ce_id", None), "ce_id"),
        (with_header("ce_id", b"\xff\xfe"), "ce_id"),
        (with_header("ce_type", None), "ce_type is missing"),
        (with_header("ce_type", b""), "ce_type is missing"),
        (with_header("ce_type", b"\xff"), "ce_type is missing"),
        (replace(GOOD, key=None), "key"),
        (replace(GOOD, key=b"2600104238"), "key"),
        (replace(GOOD, key=b"\xff"), "key"),
        (with_header("ce_time", None), "ce_time is not an instant"),
        (with_header("ce_time", b"yesterday"), "ce_time is not an instant"),
        (with_header("ce_time", b"\xff"), "ce_time is not an instant"),
        (with_header("ce_time", b"2026-01-05T04:30:00"), "ce_time has no offset"),
        (replace(GOOD, value=None), "value: json_invalid"),
        (replace(GOOD, value=b""), "value: json_invalid"),
        (replace(GOOD, value=b"\xff\x00"), "value: json_invalid"),
        (replace(GOOD, value=b"{"), "value: json_invalid"),
        (replace(GOOD, value=b"[]"), "value: model_type"),
        (replace(GOOD, value=b"{}"), "district: missing"),
        (with_id("2600104238/case/2"), "the event's ticket is not that of its id"),
        (with_id(f"{TICKET}/sla/2"), "not an event of this room"),
    ],
)
def test_what_is_undecodable_and_why(record: Record, told: str) -> None:
    with pytest.raises(Undecodable) as caught:
        receive(record, USES)
    assert told in str(caught.value)


def test_a_used_type_that_is_in_no_catalogue_is_undecodable() -> None:
    record = with_header("ce_type", b"samvad.case.sung.v1")
    with pytest.raises(Undecodable, match="not in the catalogue"):
        receive(record, {"samvad.case.sung.v1"})


@pytest.mark.parametrize("kind", [b"samvad.case.sung.v9", RATED.TYPE.encode()])
@pytest.mark.parametrize("value", [None, b"", b"\xff\x00", b"{", b"[]"])
def test_the_value_of_an_unused_type_is_never_looked_at(kind: bytes, value: bytes | None) -> None:
    received = receive(replace(with_header("ce_type", kind), value=value), uses=())
    assert received.event is None
    assert received.id == EventId(TICKET, "case", 2)
    assert received.type == kind.decode()


def test_a_field_that_is_unknown_is_passed_over() -> None:
    assert GOOD.value is not None
    value = GOOD.value.replace(b'"rating":4', b'"rating":4,"of_tomorrow":{"x":[1]}')
    assert receive(replace(GOOD, value=value), USES).event == RATED


@pytest.mark.parametrize(
    "trace",
    [
        None,
        b"",
        b"\xff",
        b"00-xyz",
        TRACE.upper().encode(),
        b"01-" + TRACE[3:].encode(),
        TRACE.encode() + b"\n",
    ],
)
def test_a_trace_that_is_none_is_begun_anew(trace: bytes | None) -> None:
    received = receive(with_header("traceparent", trace), USES)
    assert received.event == RATED
    assert received.traceparent != TRACE
    assert len(trace_id(received.traceparent)) == 32


@given(st.lists(st.tuples(TEXTS, st.binary(max_size=30)), max_size=5))
def test_foreign_headers_of_any_bytes_do_no_harm(foreign: list[tuple[str, bytes]]) -> None:
    own = {name for name, _ in GOOD.headers}
    extra = tuple(pair for pair in foreign if pair[0] not in own)
    record = replace(GOOD, headers=(*extra, *GOOD.headers, *extra))
    assert receive(record, USES).event == RATED
    for name, value in extra:
        try:
            first = next(v for k, v in extra if k == name).decode()
        except UnicodeDecodeError:
            assert record.header(name) is None
        else:
            assert record.header(name) == first
        assert isinstance(value, bytes)


@given(
    st.dictionaries(st.sampled_from([name for name, _ in GOOD.headers]), st.binary(max_size=40)),
    st.none() | st.binary(max_size=40),
    st.none() | st.binary(max_size=40),
)
def test_any_bytes_are_an_event_or_undecodable_and_nothing_else(
    headers: dict[str, bytes], key: bytes | None, value: bytes | None
) -> None:
    record = replace(GOOD, key=key, value=value)
    for name, content in headers.items():
        record = with_header(name, content, record)
    with pytest.raises(Undecodable):
        receive(record, USES)  # the value is too short to be an event


# ---------------------------------------------------------------- errors tell no content

MARK = "MARKED-WORDS-मैं"


def told_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + str(error)


@pytest.mark.parametrize("model", CASE_EVENTS, ids=lambda m: m.TYPE)
def test_no_fault_of_a_value_tells_the_value(model: type[e.CaseEvent]) -> None:
    (room,) = model.ROOMS
    event_id = f"{TICKET}/{room}/1".encode()
    kind = model.TYPE.encode()
    for name in model.model_fields:
        wrong = f'{{"{name}":{{"{MARK}":["{MARK}"]}},"{MARK}":"{MARK}"}}'.encode()
        record = replace(with_header("ce_type", kind, with_header("ce_id", event_id)), value=wrong)
        with pytest.raises(Undecodable) as caught:
            receive(record, {model.TYPE})
        assert MARK not in told_of(caught.value)
        assert "missing" in str(caught.value)


@pytest.mark.parametrize("name", ["ce_id", "ce_type", "ce_time"])
def test_no_fault_of_a_header_tells_the_header(name: str) -> None:
    with pytest.raises(Undecodable) as caught:
        receive(with_header(name, MARK.encode()), {*USES, MARK})
    assert MARK not in told_of(caught.value)


def test_no_fault_of_a_key_or_of_broken_json_tells_it() -> None:
    broken = f'{{"rating": {MARK}'.encode()
    for record in (replace(GOOD, key=MARK.encode()), replace(GOOD, value=broken)):
        with pytest.raises(Undecodable) as caught:
            receive(record, USES)
        assert MARK not in told_of(caught.value)


def test_what_lies_in_an_outbox_does_not_show_its_value() -> None:
    noted = RATED.model_copy(update={"state": MARK})
    announced = announce(noted, "case", 1)
    assert MARK.encode() in announced.value
    assert MARK not in repr(announced)
    received = receive(as_record(announced), uses=())
    assert MARK not in repr(received)
