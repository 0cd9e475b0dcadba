"""Events to and from Kafka: CloudEvents 1.0, Kafka binding, binary mode.

Attributes travel as `ce_*` headers and the value is the event as JSON, so a consumer can number,
skip and set aside a record without ever decoding its value. `ce_id` is `<ticket>/<room>/<n>`.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import cast, get_args

from pydantic import ValidationError

from services.kernel.contracts.events import (
    EVENTS,
    CallbackRequested,
    CaseEvent,
    CaseFiled,
    DirectoryPublished,
    Event,
    MessageRequested,
    RecordDead,
    Room,
    WhatsAppReceived,
)

SPEC_VERSION = "1.0"
CONTENT_TYPE = "application/json"
ROOMS: tuple[Room, ...] = get_args(Room)

_ID = re.compile(r"([0-9]{10})/([a-z]+)/([1-9][0-9]{0,11})")
_TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")


class Undecodable(Exception):
    """The bytes are not an event of the contract; the message names the part, never the content."""


@dataclass(frozen=True, slots=True)
class EventId:
    """One counter a room of a case; `n` counts from 1."""

    ticket: str
    room: Room
    n: int

    def __str__(self) -> str:
        return f"{self.ticket}/{self.room}/{self.n}"

    @staticmethod
    def parse(text: str) -> EventId:
        found = _ID.fullmatch(text)
        if found is None or found[2] not in ROOMS:
            raise Undecodable("ce_id is not <ticket>/<room>/<n>")
        return EventId(found[1], cast(Room, found[2]), int(found[3]))


@dataclass(frozen=True, slots=True)
class Message:
    """What is published: key, headers and value of one record."""

    topic: str
    key: bytes
    headers: tuple[tuple[str, bytes], ...]
    value: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Record:
    """What was consumed, as raw bytes, with where it stood."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None = field(repr=False)
    timestamp_ms: int = 0

    def header(self, name: str) -> str | None:
        """The first header of that name as text; None when absent or not UTF-8."""
        return _text(next((value for given, value in self.headers if given == name), None))

    def first_headers(self) -> dict[str, bytes]:
        """By name; of several with one name the first."""
        return dict(reversed(self.headers))


@dataclass(frozen=True, slots=True)
class Announced:
    """An event with its number, as it lies in an outbox until Kafka has acknowledged it."""

    id: EventId
    type: str
    time: datetime
    value: bytes = field(repr=False)
    traceparent: str

    def message(self, topic: str, source: str) -> Message:
        headers = (
            ("ce_specversion", SPEC_VERSION.encode()),
            ("ce_id", str(self.id).encode()),
            ("ce_source", source.encode()),
            ("ce_type", self.type.encode()),
            ("ce_subject", self.id.ticket.encode()),
            ("ce_time", self.time.isoformat(timespec="milliseconds").encode()),
            ("content-type", CONTENT_TYPE.encode()),
            ("traceparent", self.traceparent.encode()),
        )
        return Message(topic, self.id.ticket.encode(), headers, self.value)


def announce(event: CaseEvent, room: Room, n: int, traceparent: str | None = None) -> Announced:
    """Number `event` as the n-th of `room`; a trace is begun where there is none to go on with.

    Raises ValueError or Undecodable for what is not an event of the room or has no ticket and number.
    """
    if room not in event.ROOMS:
        raise ValueError(f"{event.TYPE} is not an event of room {room}")
    EventId.parse(f"{event.ticket}/{room}/{n}")  # what no reader could read is never announced
    return Announced(
        id=EventId(event.ticket, room, n),
        type=event.TYPE,
        time=event.at,
        value=event.model_dump_json(exclude_none=True).encode(),
        traceparent=traceparent or new_traceparent(),
    )


Beside = DirectoryPublished | MessageRequested | WhatsAppReceived | CallbackRequested | RecordDead
"""What travels beside the cases: it has no number, and whoever publishes it says which it is."""


def beside_the_case(
    event: Beside,
    topic: str,
    service: str,
    *,
    key: bytes,
    ce_id: str,
    traceparent: str | None = None,
) -> Message:
    """The message of an event of no case's room; a trace is begun where there is none to go on with."""
    if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        traceparent = new_traceparent()
    headers = (
        ("ce_specversion", SPEC_VERSION.encode()),
        ("ce_id", ce_id.encode()),
        ("ce_source", f"/samvad/{service}".encode()),
        ("ce_type", event.TYPE.encode()),
        ("ce_time", event.at.isoformat(timespec="milliseconds").encode()),
        ("content-type", CONTENT_TYPE.encode()),
        ("traceparent", traceparent.encode()),
    )
    return Message(topic, key, headers, event.model_dump_json(exclude_none=True).encode())


@dataclass(frozen=True, slots=True)
class Received:
    """A record whose attributes were read. `event` is None for types that are not used."""

    id: EventId
    type: str
    time: datetime
    traceparent: str
    event: Event | None
    record: Record = field(repr=False)


def identify(record: Record) -> EventId:
    """Which event it is, the rest unread. Raises Undecodable."""
    return EventId.parse(record.header("ce_id") or "")


def receive(
    record: Record, uses: Iterable[str] = (), *, event_id: EventId | None = None
) -> Received:
    """Read the attributes, and the value only of types in `uses`; `event_id`, where it is known already.
    Raises Undecodable."""
    event_id = event_id or identify(record)
    headers = record.first_headers()
    kind = _text(headers.get("ce_type"))
    if not kind:
        raise Undecodable("ce_type is missing")
    if record.key != event_id.ticket.encode():
        raise Undecodable("the record's key is not the ticket")
    try:
        time = datetime.fromisoformat(_text(headers.get("ce_time")) or "")
    except ValueError:
        raise Undecodable("ce_time is not an instant") from None
    if time.tzinfo is None:
        raise Undecodable("ce_time has no offset")
    traceparent = _text(headers.get("traceparent"))
    if traceparent is None or _TRACEPARENT.fullmatch(traceparent) is None:
        traceparent = new_traceparent()
    return Received(
        id=event_id,
        type=kind,
        time=time,
        traceparent=traceparent,
        event=_decode(kind, event_id, record.value) if kind in uses else None,
        record=record,
    )


def decode(received: Received, uses: Iterable[str]) -> Received:
    """`received` with its value read, where its type is in `uses`. Raises Undecodable."""
    if received.event is not None or received.type not in uses:
        return received
    event = _decode(received.type, received.id, received.record.value)
    return Received(
        received.id, received.type, received.time, received.traceparent, event, received.record
    )


def _decode(kind: str, event_id: EventId, value: bytes | None) -> Event:
    model = EVENTS.get(kind)
    if model is None:
        raise Undecodable("the type is not in the catalogue")
    if event_id.room not in model.ROOMS:
        raise Undecodable("the type is not an event of this room")
    try:
        event = model.model_validate_json(value or b"")
    except ValidationError as error:
        # only where and what kind of fault: the content may be somebody's words
        faults = "; ".join(
            f"{'.'.join(str(part) for part in fault['loc']) or 'value'}: {fault['type']}"
            for fault in error.errors(include_input=False, include_url=False)[:5]
        )
        raise Undecodable(faults) from None
    if isinstance(event, CaseEvent) and event.ticket != event_id.ticket:
        raise Undecodable("the event's ticket is not that of its id")
    if isinstance(event, CaseFiled) and event_id.n != 1:
        raise Undecodable("a case is filed once, before everything else")
    return event


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def new_traceparent() -> str:
    """A W3C trace context that begins here (version 00, sampled). It is no secret, and asking the system for
    random bytes costs as much as the rest of an event."""
    return f"00-{random.getrandbits(128):032x}-{random.getrandbits(64):016x}-01"


def trace_id(traceparent: str) -> str:
    return traceparent.split("-")[1]
