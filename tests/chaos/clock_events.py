"""What the clock says of cases of `mungeli.yaml`: what is owed, by plain arithmetic, and what the topic
holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from services.cli.topic.model import check
from services.kernel.adapters.kafka import read_whole
from services.kernel.contracts.codec import EventId, Record, Undecodable
from services.kernel.contracts.topics import COMPLAINTS

DISTRICT = "mungeli"
MINUTE = timedelta(minutes=1)
# what the file says, in minutes that run day and night: the limits of a service, the steps of its ladder
LIMITS: dict[str, dict[str, int]] = {
    "ambulance": {"acknowledge": 1, "resolve": 2},
    "khoon": {"acknowledge": 2, "resolve": 4},
    "oxygen": {"acknowledge": 3, "resolve": 6},
    "dava": {"acknowledge": 4, "first_response": 6, "resolve": 8},
    "bistar": {"acknowledge": 5, "first_response": 7, "resolve": 9},
    "panjiyan": {"resolve": 1},
}
LADDER: dict[str, tuple[int, ...]] = {
    "acknowledge": (0, 1),
    "first_response": (0,),
    "resolve": (0, 1, 2, 3),
}
SHORT_LADDER = {"resolve": (0,)}
HEALTH = ("ambulance", "khoon", "oxygen", "dava", "bistar")
MANY = "panjiyan"
"""Three events a case and nobody to tell, so that hundreds cost little."""
WARN_PERCENT = 50
AHEAD_SECONDS = 13 * 60
"""A clock so far ahead has passed the last step of the longest ladder: 9 + 3 minutes."""


@dataclass(frozen=True, order=True)
class Said:
    """One event of the clock by its content; `rung` 0 but for escalations."""

    at: datetime
    what: str
    target: str
    due_at: datetime
    rung: int = 0


@dataclass(frozen=True)
class Heard:
    """One record of room `sla` as it lies on the topic."""

    ticket: str
    n: int
    said: Said
    partition: int
    offset: int
    timestamp_ms: int


def owed(filed_at: datetime, service: str, met: Collection[str] = ()) -> list[Said]:
    """Everything that falls due for a case on which nothing is done but what meets `met`."""
    found: list[Said] = []
    ladder = SHORT_LADDER if service == MANY else LADDER
    for target, minutes in LIMITS[service].items():
        if target in met:
            continue
        due = filed_at + minutes * MINUTE
        found.append(Said(filed_at + minutes * MINUTE * WARN_PERCENT / 100, "warned", target, due))
        found.append(Said(due, "breached", target, due))
        found += [
            Said(due + after * MINUTE, "escalated", target, due, rung)
            for rung, after in enumerate(ladder[target], start=1)
        ]
    return sorted(found)


class Topic:
    """The cases' records, read whole."""

    def __init__(self, records: Sequence[Record], tickets: Collection[str]) -> None:
        self.records = [r for r in records if (r.key or b"").decode("utf-8", "replace") in tickets]
        self.heard = [heard for record in self.records if (heard := _hear(record)) is not None]
        self._first: dict[str, dict[int, Heard]] = {}
        for heard in self.heard:
            self._first.setdefault(heard.ticket, {}).setdefault(heard.n, heard)

    @classmethod
    async def of(cls, kafka: str, tickets: Collection[str]) -> Topic:
        return cls([record async for record in read_whole(kafka, COMPLAINTS)], tickets)

    def first(self, ticket: str) -> list[Heard]:
        """What the clock said of a case: each number as it came first, in the order of the topic."""
        return list(self._first.get(ticket, {}).values())

    @property
    def repeated(self) -> int:
        """Records that came once more, since who published them died before he knew of it."""
        return len(self.heard) - sum(len(found) for found in self._first.values())

    def faults(self) -> list[str]:
        """Gaps, doubles and what is out of turn, as the checker of the topic sees it."""
        return [f"{f.kind}: {f.ce_id}: {f.why}" for f in check(self.records).faults]

    def wrong(self, ticket: str, wanted: Sequence[Said]) -> list[str]:
        """What was not said exactly once, numbered in due order, stamped with its due instant."""
        heard = self.first(ticket)
        said = [one.said for one in heard]
        wrong = [f"{ticket}: never {one}" for one in (Counter(wanted) - Counter(said))]
        wrong += [f"{ticket}: not owed {one}" for one in (Counter(said) - Counter(wanted))]
        if [one.n for one in heard] != list(range(1, len(heard) + 1)):
            wrong.append(f"{ticket}: numbered {[one.n for one in heard]}")
        instants = [one.at for one in said]
        if instants != sorted(instants):
            wrong.append(f"{ticket}: not in due order: {[str(one) for one in instants]}")
        return wrong


def _hear(record: Record) -> Heard | None:
    try:
        event_id = EventId.parse(record.header("ce_id") or "")
    except Undecodable:
        return None
    if event_id.room != "sla":
        return None
    value = json.loads(record.value or b"{}")
    said = Said(
        at=datetime.fromisoformat(value["at"]),
        what=(record.header("ce_type") or "").split(".")[2],
        target=value["target"],
        due_at=datetime.fromisoformat(value["due_at"]),
        rung=value.get("rung", 0),
    )
    place = (record.partition, record.offset, record.timestamp_ms)
    return Heard(event_id.ticket, event_id.n, said, *place)
