"""The media that phones have sent, on disk, for seven days as the provider keeps them. Bounded: the oldest go
first."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from secrets import randbelow
from typing import Any

import orjson

KEPT = timedelta(days=7)
MOST_BYTES_OF_ONE = 16 * 1024 * 1024
MOST_BODY = MOST_BYTES_OF_ONE + 1024 * 1024
"""What is read of a request: enough to tell whoever sends more than may be that it is too much."""
MOST_BYTES = 256 * 1024 * 1024
MOST_MEDIA = 5_000
_ID = re.compile(r"[0-9]{16}")


@dataclass(frozen=True, slots=True)
class Medium:
    """`sha256` in hex. `at`: when it came."""

    id: str
    mime_type: str
    sha256: str
    size: int
    at: datetime


class MediaStore:
    """`folder` holds a medium's bytes as `<id>` and what is known of it as `<id>.json`."""

    def __init__(self, folder: Path, most_bytes: int = MOST_BYTES, most: int = MOST_MEDIA) -> None:
        self._folder = folder
        self._most_bytes = most_bytes
        self._most = most
        folder.mkdir(parents=True, exist_ok=True)
        read = sorted(_read(folder), key=lambda medium: medium.at)
        self._media = {medium.id: medium for medium in read}
        self._bytes = sum(medium.size for medium in read)

    async def put(self, content: bytes, mime_type: str, now: datetime) -> Medium:
        """Keeps it under an id of its own. Raises OSError."""
        id_ = str(10**15 + randbelow(9 * 10**15))
        digest = hashlib.sha256(content).hexdigest()
        medium = Medium(id_, mime_type, digest, len(content), now)
        await asyncio.to_thread(self._write, medium, content)
        self._media[id_] = medium
        self._bytes += medium.size
        self._make_room()
        return medium

    def get(self, id_: str, now: datetime) -> Medium | None:
        """None for what was never there, or is there no longer."""
        medium = self._media.get(id_)
        return medium if medium is not None and now - medium.at < KEPT else None

    def path(self, medium: Medium) -> Path:
        return self._folder / medium.id

    def __len__(self) -> int:
        return len(self._media)

    def _make_room(self) -> None:
        while len(self._media) > 1 and (
            self._bytes > self._most_bytes or len(self._media) > self._most
        ):
            oldest = self._media.pop(next(iter(self._media)))
            self._bytes -= oldest.size
            self.path(oldest).unlink(missing_ok=True)
            self.path(oldest).with_suffix(".json").unlink(missing_ok=True)

    def _write(self, medium: Medium, content: bytes) -> None:
        path = self.path(medium)
        path.write_bytes(content)
        # what has no description after a kill is not there
        path.with_suffix(".json").write_bytes(orjson.dumps(asdict(medium)))


def _read(folder: Path) -> Iterator[Medium]:
    for path in folder.glob("*.json"):
        try:
            known: dict[str, Any] = orjson.loads(path.read_bytes())
            medium = Medium(**{**known, "at": datetime.fromisoformat(known["at"])})
            whole = path.with_suffix("").stat().st_size == medium.size
        except (OSError, orjson.JSONDecodeError, TypeError, KeyError, ValueError):
            continue
        if whole and _ID.fullmatch(medium.id) and medium.id == path.stem:
            yield medium
