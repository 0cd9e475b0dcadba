"""Records that nobody of the line would publish: what each consumer must survive. Nothing is sent here.

The names say what is wrong. Where a record is of a case, the ticket is the caller's.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from services.kernel.contracts.codec import announce
from services.kernel.contracts.events import (
    EVENTS,
    By,
    CaseAssigned,
    CaseFiled,
    CaseResolved,
    NoticeDelivered,
    Place,
    Room,
    Sealed,
    SlaLapsed,
)
from services.kernel.contracts.topics import COMPLAINTS

Headers = tuple[tuple[str, bytes | None], ...]
DISTRICT = "janjgir-champa"
NOTHING = Sealed(nonce="AA==", data="AA==")
FILED = CaseFiled.TYPE
ASSIGNED = "samvad.case.assigned.v1"
MEGABYTE = 1024 * 1024
ROOM_FOR_HEADERS = 4096


@dataclass(frozen=True)
class Hostile:
    """One record, whatever the topic."""

    name: str
    key: bytes | None = None
    value: bytes | None = None
    headers: Headers = ()
    timestamp_ms: int | None = None

    @property
    def size(self) -> int:
        """Bytes in a batch, about."""
        headers = sum(len(name) + len(value or b"") + 8 for name, value in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers + 32

    def but(self, name: str, **headers: bytes | None) -> Hostile:
        """This record with other headers; None: without it."""
        changed = tuple((k, headers.get(k, v)) for k, v in self.headers)
        return replace(self, name=name, headers=tuple(h for h in changed if h[1] is not None))


def filed(ticket: str, **fields: Any) -> CaseFiled:
    """A `filed` that nobody gave a receipt for."""
    made: dict[str, Any] = {
        "ticket": ticket,
        "district": DISTRICT,
        "at": datetime.now(UTC),
        "kind": "complaint",
        "channel": "web",
        "language": "hi",
        "service": "hand-pump",
        "place": Place(block="akaltara", village="tarod"),
        "directory_version": 1,
        "sealed": NOTHING,
    }
    return CaseFiled(**(made | fields))


def well_formed(name: str, event: Any, room: Room = "intake", n: int = 1) -> Hostile:
    message = announce(event, room, n).message(COMPLAINTS, f"/samvad/{room}")
    return Hostile(name, message.key, message.value, message.headers)


def garbage(seed: int, count: int) -> Iterator[Hostile]:
    """Random bytes in every part."""
    draw = random.Random(seed)
    for number in range(count):
        names = draw.sample(["ce_id", "ce_type", "ce_time", "ce_subject", "traceparent", "x", ""], k=3)
        yield Hostile(
            f"garbage {number}",
            draw.choice([None, draw.randbytes(draw.randrange(40))]),
            draw.choice([None, b"", draw.randbytes(draw.randrange(400))]),
            tuple((name, draw.choice([None, draw.randbytes(draw.randrange(30))])) for name in names),
        )


def unnumbered(ticket: str) -> Iterator[Hostile]:
    """Not events of any case: no consumer can tell their case, room and number."""
    good = well_formed("good", filed(ticket))
    yield Hostile("nothing at all")
    yield Hostile("a key and an empty value", b"k", b"")
    yield Hostile("a megabyte", b"k", b"v" * (MEGABYTE - ROOM_FOR_HEADERS))
    yield replace(good, name="no headers", headers=())
    yield replace(good, name="headers without values", headers=tuple((k, None) for k, _ in good.headers))
    yield replace(good, name="no key", key=None)
    yield replace(good, name="another case's key", key=b"2600104237")
    yield good.but("no type", ce_type=None)
    yield good.but("a type that is not text", ce_type=b"\xff\xfe")
    for what, written in {
        "empty": "",
        "words": "one",
        "an unknown room": f"{ticket}/kitchen/1",
        "no number": f"{ticket}/intake/",
        "number nought": f"{ticket}/intake/0",
        "a negative number": f"{ticket}/intake/-1",
        "a number of twenty digits": f"{ticket}/intake/" + "9" * 20,
        "a short ticket": "26/intake/1",
        "digits of another script": "२६००१०४२३७/intake/1",
        "a line break": f"{ticket}/intake/1\n",
        "NUL": f"{ticket}/intake/1\x00",
    }.items():
        yield good.but(f"ce_id: {what}", ce_id=written.encode())
    yield good.but("ce_id: not text", ce_id=b"\x80\x81")
    for what, written in {
        "no time": "",
        "without a zone": "2026-01-05T10:00:00",
        "a day that there is not": "2026-02-30T10:00:00+05:30",
        "an hour too many": "2026-01-05T25:00:00+05:30",
        "words": "now",
    }.items():
        yield good.but(f"ce_time: {what}", ce_time=written.encode())
    yield Hostile("a header's name that is no text", b"k", b"v", ((NO_TEXT, b"x"),))
    crowd = tuple((f"h{number}", b"x" * 20) for number in range(5000))
    yield replace(good, name="thousands of headers, none that counts", headers=crowd)


class Spelt(str):
    """A header's name of any bytes, in hex: Kafka takes names that are no text."""

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        return bytes.fromhex(self)


NO_TEXT = Spelt("fffe80")


def odd_but_good(ticket: str) -> Iterator[Hostile]:
    """Fit to be handled, with something beside it that is not."""
    good = well_formed("good", filed(ticket))
    yield good.but("a traceparent that is none", traceparent=b"00-zz\xff")
    crowd = tuple((f"h{number}", b"x" * 20) for number in range(5000))
    yield replace(good, name="thousands of headers more", headers=(*good.headers, *crowd))
    yield replace(good, name="every header twice", headers=(*good.headers, *good.headers))
    odd = (("", b""), ("a\x00b", None), ("n" * 100_000, b"v"))
    yield replace(good, name="odd names of headers", headers=(*odd, *good.headers))
    yield replace(good, name="a name that is no text", headers=((NO_TEXT, b""), *good.headers))
    yield replace(good, name="a timestamp before all time", timestamp_ms=-5)


def numbered(type_: str, ticket: str) -> Hostile:
    """The first event of its room, by its headers of `type_`; its value is a filing's."""
    room = EVENTS[type_].ROOMS[0]
    good = well_formed(type_, filed(ticket))
    return good.but(type_, ce_type=type_.encode(), ce_id=f"{ticket}/{room}/1".encode())


def broken_values(head: Hostile) -> Iterator[Hostile]:
    """`head` with values that are no event of any type."""
    value: dict[str, Any] = json.loads(head.value or b"{}")

    def with_(**changes: Any) -> bytes:
        return json.dumps({**value, **changes}).encode("utf-8", "surrogatepass")

    for what, written in {
        "no value": None,
        "an empty value": b"",
        "half of it": (head.value or b"")[:40],
        "not UTF-8": b"\xff\xfe\xfd",
        "a list": b"[]",
        "null": b"null",
        "a number of a million digits": b"9" * (MEGABYTE - ROOM_FOR_HEADERS),
        "deep lists": b"[" * 100_000 + b"]" * 100_000,
        "deep objects": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        "another ticket": with_(ticket="2600104237"),
        "a ticket of another type": with_(ticket=2600104237),
        "no district": with_(district=None),
        "a district that is a list": with_(district=["a"]),
        "a time without a zone": with_(at="2026-01-05T10:00:00"),
        "a time before all times": with_(at="-9999-01-01T00:00:00Z"),
        "an unpaired surrogate": with_(district="a\ud800"),
        "an escaped unpaired surrogate": b'{"district": "\\ud800"}',
        "not a number": with_(at=float("nan")),
    }.items():
        yield replace(head, name=f"{head.name}: {what}", value=written)


def told_again(ticket: str, rooms: Mapping[Room, int]) -> Iterator[Hostile]:
    """Of a case that is there, with numbers that were applied: whatever they say, it was said already.

    `rooms`: the last number of each of its rooms."""
    again = well_formed("again", filed(ticket))
    yield well_formed("filed again, otherwise", filed(ticket, kind="demand", priority="emergency"))
    yield replace(again, name="filed again, as rubbish", value=b"{" * 50)
    yield again.but("filed again, of a foreign type", ce_type=b"com.example.filed")
    for room, last in rooms.items():
        for n in range(1, last + 1):
            here = again.but(f"{room}/{n} again, as a filing", ce_id=f"{ticket}/{room}/{n}".encode())
            yield here
            yield replace(here, name=f"{room}/{n} again, without a value", value=None)


def far_ahead(ticket: str, rooms: Mapping[Room, int]) -> Iterator[Hostile]:
    """Of a case that is there, with numbers whose predecessors nobody has sent."""
    resolved = CaseResolved(
        ticket=ticket, district=DISTRICT, at=datetime.now(UTC), state="resolved", by=By(role="officer")
    )
    lapsed = SlaLapsed(ticket=ticket, district=DISTRICT, at=datetime.now(UTC))
    for distance in (2, 1000, 10**11):
        yield well_formed("resolved, later", resolved, "case", rooms["case"] + distance)
        yield well_formed("lapsed, later", lapsed, "sla", rooms["sla"] + distance)
        yield well_formed("filed, later", filed(ticket), "intake", 1 + distance)


def before_filed(ticket: str) -> Iterator[tuple[Hostile, frozenset[str]]]:
    """Well-formed events of a case that was never filed, and the consumers that cannot go on with them."""
    at = datetime.now(UTC)
    common: dict[str, Any] = {"ticket": ticket, "district": DISTRICT, "at": at}
    by, reason = By(role="routing"), "nobody knows"
    assigned = CaseAssigned(
        **common, state="assigned", by=by, department="phe", directory_version=1, reason=reason
    )
    yield well_formed("assigned, never filed", assigned, "case"), frozenset({"sla"})
    yield well_formed("lapsed, never filed", SlaLapsed(**common), "sla"), frozenset({"routing"})
    delivered = NoticeDelivered(**common, about="x", audience="citizen", channel="sms")
    yield well_formed("delivered, never filed", delivered, "notices"), frozenset({"sla"})


def never_complete(ticket: str) -> Iterator[Hostile]:
    """Filings that decode and lean on what is not there: never rejected, held."""
    yield well_formed("an unknown district", filed(ticket, district="atlantis"))
    yield well_formed("a directory version that is not there", filed(ticket, directory_version=99))
