"""Every message that the stand-ins took, in memory and appended to a file, so that a message sent again
after a restart is still seen to be a double. Bounded: the oldest are forgotten."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import orjson

MOST = 200_000


@dataclass(frozen=True, slots=True)
class Taken:
    """One request's message to one phone. `identity`: what two sendings of one message share.

    `accepted` is whether the phone got it; a hanging request's phone did, though the caller cannot
    know. `code` is the error that was answered, or empty.
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

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "at": self.at.isoformat(timespec="milliseconds")}


def same_phone(one: str, other: str) -> bool:
    """Whether two ways of writing a number mean the same phone: the last ten digits."""
    digits = ["".join(c for c in text if c.isdigit())[-10:] for text in (one, other)]
    return digits[0] == digits[1] != ""


class Journal:
    """What was taken, oldest first. `path` None keeps it in memory alone."""

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        self._path = path
        self._most = most
        self._taken: deque[Taken] = deque()
        self._counts: Counter[str] = Counter()
        self._lines = 0
        self._file: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._restore(path)

    def add(self, taken: Taken) -> None:
        self._keep(taken)
        if self._file is not None:
            self._file.write(_line(taken))
            self._file.flush()
            self._lines += 1
            if self._lines >= 2 * self._most:
                self._rewrite()

    def clear(self) -> int:
        """Forget everything; how many there were."""
        count = len(self._taken)
        self._taken.clear()
        self._counts.clear()
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
                (not to or same_phone(taken.to, to))
                and (not text or text in taken.text or text in taken.key)
                and (not provider or taken.provider == provider)
                and accepted in (None, taken.accepted)
            ):
                yield taken

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

    def _keep(self, taken: Taken) -> None:
        self._taken.append(taken)
        if taken.accepted:
            self._counts[taken.identity] += 1
        while len(self._taken) > self._most:
            gone = self._taken.popleft()
            if gone.accepted:
                self._counts[gone.identity] -= 1
                if not self._counts[gone.identity]:
                    del self._counts[gone.identity]

    def _restore(self, path: Path) -> None:
        if path.exists():
            with path.open("rb") as lines:
                for taken in _read(lines):
                    self._keep(taken)
                    self._lines += 1
        # a line that a kill cut short would spoil the next one
        self._rewrite()

    def _rewrite(self) -> None:
        assert self._path is not None
        self.close()
        fresh = self._path.with_suffix(".new")
        with fresh.open("wb") as file:
            file.writelines(_line(taken) for taken in self._taken)
        fresh.replace(self._path)
        self._lines = len(self._taken)
        self._file = self._path.open("ab")


def _line(taken: Taken) -> bytes:
    return orjson.dumps(taken.as_json()) + b"\n"


def _read(lines: Iterable[bytes]) -> Iterator[Taken]:
    for line in lines:
        try:
            fields = orjson.loads(line)
            taken = Taken(**fields)
            yield replace(taken, at=datetime.fromisoformat(fields["at"]))
        except (orjson.JSONDecodeError, TypeError, KeyError, ValueError):
            continue
