"""Every message that the stand-ins took, in memory and appended to a file, so that a message sent again
after a restart is still seen to be a double. Bounded: the oldest are forgotten."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson

MOST = 200_000


@dataclass(frozen=True, slots=True)
class Taken:
    """One request's message to one phone or mailbox. `identity`: what two sendings of one message share.

    `accepted` is whether the phone got it; a hanging request's phone did, though the caller cannot
    know. `code` is the error that was answered, or empty. `buttons` are (id, title). `status` is the
    furthest that receipts have told: sent, delivered, read or failed, empty without any.
    """

    id: str
    at: datetime
    provider: str
    to: str
    kind: str
    template: str
    language: str
    text: str
    key: str
    identity: str
    accepted: bool
    code: str = ""
    segments: int = 0
    subject: str = ""
    html: str = ""
    buttons: tuple[tuple[str, str], ...] = ()
    status: str = ""
    layout: dict[str, Any] = field(default_factory=dict)
    replies_to: str = ""

    def as_json(self) -> dict[str, Any]:
        values = {name: getattr(self, name) for name in NAMES}
        return {**values, "at": self.at.isoformat(timespec="milliseconds")}


NAMES = tuple(one.name for one in fields(Taken))
FURTHER = ("", "sent", "delivered", "read", "failed")
"""The statuses in their order: receipts that come late or out of it move none back."""


def same_address(one: str, other: str) -> bool:
    """Whether two ways of writing mean the same phone (the last ten digits), WhatsApp user or mailbox."""
    if any(char == "@" or char.isalpha() for char in one + other):
        return one.strip().casefold() == other.strip().casefold()
    digits = ["".join(c for c in text if c.isdigit())[-10:] for text in (one, other)]
    return digits[0] == digits[1] != ""


class Journal:
    """What was taken, oldest first. `path` None keeps it in memory alone."""

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        self._path = path
        self._most = most
        self._taken: deque[Taken] = deque()
        self._counts: Counter[str] = Counter()
        self._status: dict[str, str] = {}
        self._lines = 0
        self._file: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._restore(path)

    def add(self, taken: Taken) -> None:
        self._keep(taken)
        self._write(taken.as_json())
        if self._file is not None:
            self._file.flush()

    def mark(self, id_: str, status: str) -> None:
        """A receipt has told this of a message."""
        if self._further(id_, status):
            # not worth a flush of its own: a kill loses a tick on the page at most
            self._write({"of": id_, "status": status})

    def clear(self) -> int:
        """Forget everything; how many there were."""
        count = len(self._taken)
        self._taken.clear()
        self._counts.clear()
        self._status.clear()
        if self._path is not None:
            self._rewrite()
        return count

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def find(
        self,
        *,
        to: str = "",
        text: str = "",
        since: datetime | None = None,
        provider: str = "",
        accepted: bool | None = None,
    ) -> Iterator[Taken]:
        """Newest first. `text` is looked for in the text and in the key."""
        for taken in reversed(self._taken):
            if since is not None and taken.at < since:
                return
            if (
                (not to or same_address(taken.to, to))
                and (not text or text in taken.text or text in taken.key)
                and (not provider or taken.provider == provider)
                and accepted in (None, taken.accepted)
            ):
                yield self._as_told(taken)

    def one(self, id_: str) -> Taken | None:
        return next((self._as_told(t) for t in reversed(self._taken) if t.id == id_), None)

    def times(self, taken: Taken) -> int:
        """How often its phone got the message."""
        return self._counts[taken.identity] if taken.accepted else 0

    def duplicates(self) -> tuple[int, list[dict[str, Any]]]:
        """How many messages a phone got too often, and which."""
        doubled = {identity: n for identity, n in self._counts.items() if n > 1}
        if not doubled:
            return 0, []
        found: dict[str, dict[str, Any]] = {}
        for taken in self._taken:
            if taken.accepted and taken.identity in doubled:
                entry = found.setdefault(
                    taken.identity,
                    {
                        "provider": taken.provider,
                        "to": taken.to,
                        "key": taken.key,
                        "template": taken.template,
                        "text": taken.text,
                        "times": doubled[taken.identity],
                        "at": [],
                    },
                )
                entry["at"].append(taken.at.isoformat(timespec="milliseconds"))
        return sum(doubled.values()) - len(doubled), list(found.values())

    def __len__(self) -> int:
        return len(self._taken)

    def _as_told(self, taken: Taken) -> Taken:
        status = self._status.get(taken.id, taken.status)
        return taken if status == taken.status else replace(taken, status=status)

    def _further(self, id_: str, status: str) -> bool:
        """Whether it is news; of a message that is forgotten nothing is."""
        known = self._status.get(id_)
        if known is None or FURTHER.index(status) <= FURTHER.index(known):
            return False
        self._status[id_] = status
        return True

    def _keep(self, taken: Taken) -> None:
        self._taken.append(taken)
        self._status[taken.id] = taken.status
        if taken.accepted:
            self._counts[taken.identity] += 1
        while len(self._taken) > self._most:
            gone = self._taken.popleft()
            self._status.pop(gone.id, None)
            if gone.accepted:
                self._counts[gone.identity] -= 1
                if not self._counts[gone.identity]:
                    del self._counts[gone.identity]

    def _restore(self, path: Path) -> None:
        if path.exists():
            with path.open("rb") as lines:
                for read in _read(lines):
                    if isinstance(read, Taken):
                        self._keep(read)
                    else:
                        self._further(*read)
        # a line that a kill cut short would spoil the next one
        self._rewrite()

    def _write(self, line: dict[str, Any]) -> None:
        if self._file is not None:
            self._file.write(_line(line))
            self._lines += 1
            if self._lines >= 4 * self._most:
                self._rewrite()

    def _rewrite(self) -> None:
        assert self._path is not None
        self.close()
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(_line(self._as_told(taken).as_json()) for taken in self._taken)
        fresh.replace(self._path)
        self._lines = len(self._taken)
        self._file = self._path.open("ab")


def _line(line: dict[str, Any]) -> bytes:
    return orjson.dumps(line) + b"\n"


def _read(lines: Iterable[bytes]) -> Iterator[Taken | tuple[str, str]]:
    """Messages, also as they were written before they had all their fields, and (id, status)."""
    for line in lines:
        try:
            given = orjson.loads(line)
            if "of" in given:
                FURTHER.index(given["status"])
                yield given["of"], given["status"]
                continue
            at = datetime.fromisoformat(given["at"])
            buttons = tuple((id_, title) for id_, title in given.get("buttons", ()))
            taken = Taken(**{**given, "at": at, "buttons": buttons})
            FURTHER.index(taken.status)
            yield taken
        except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
            continue


def language_of(text: str) -> str:
    """hi where anything of it is in Devanagari, else en."""
    return "hi" if any("\u0900" <= char <= "\u097f" for char in text) else "en"
