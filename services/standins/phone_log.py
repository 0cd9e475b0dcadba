"""What was written on the phones, in a file, so that a restart does not empty them. Bounded: of the oldest
lines the file is rid now and then."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson

MOST = 20_000


class PhoneLog:
    """JSON objects, one a line, oldest first. `path` None keeps them in memory alone."""

    def __init__(self, path: Path | None = None, most: int = MOST) -> None:
        self._path = path
        self._most = most
        self._lines: deque[bytes] = deque(maxlen=most)
        self._written = 0
        self._file: IO[bytes] | None = None
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            if path.exists():
                self._lines.extend(path.read_bytes().splitlines())
            # a line that a kill cut short would spoil the next one
            self._rewrite(path)

    def add(self, entry: dict[str, Any]) -> None:
        line = orjson.dumps(entry)
        self._lines.append(line)
        if self._file is None or self._path is None:
            return
        self._file.write(line + b"\n")
        self._file.flush()
        self._written += 1
        if self._written >= 4 * self._most:
            self._rewrite(self._path)

    def entries(self) -> Iterator[dict[str, Any]]:
        for line in self._lines:
            try:
                entry = orjson.loads(line)
            except orjson.JSONDecodeError:
                continue
            if isinstance(entry, dict):
                yield entry

    def clear(self) -> None:
        self._lines.clear()
        if self._path is not None:
            self._rewrite(self._path)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _rewrite(self, path: Path) -> None:
        self.close()
        fresh = path.with_suffix(".new")
        fresh.write_bytes(b"".join(line + b"\n" for line in self._lines))
        fresh.replace(path)
        self._written = len(self._lines)
        self._file = path.open("ab")
