"""Reads the supervisor's log as it grows: who ended, how, and who was started with which pid."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_ENDED = re.compile(r" (?P<kind>exited|stopped): (?P<name>\S+) \((?P<how>.*)\)$")
_SPAWNED = re.compile(r" spawned: '(?P<name>[^']+)' with pid (?P<pid>\d+)$")


@dataclass(frozen=True)
class Ended:
    """A process ended: by itself, or because somebody asked the supervisor to stop it."""

    name: str
    how: str
    asked: bool


@dataclass(frozen=True)
class Spawned:
    """A process was started."""

    name: str
    pid: int


class Journal:
    """Follows the log from its present end on; goes on at the beginning where the log was
    rotated."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._inode, self._offset = self._end()
        self._rest = ""

    def _end(self) -> tuple[int, int]:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return 0, 0
        return status.st_ino, status.st_size

    def new(self) -> Iterator[Ended | Spawned]:
        """What happened since the last call."""
        inode, size = self._end()
        if inode != self._inode or size < self._offset:
            self._inode, self._offset, self._rest = inode, 0, ""
        if size == self._offset:
            return
        with self._path.open("r", encoding="utf-8", errors="replace") as log:
            log.seek(self._offset)
            text = self._rest + log.read()
            self._offset = log.tell()
        *lines, self._rest = text.split("\n")
        for line in lines:
            happened = parse(line)
            if happened is not None:
                yield happened


def parse(line: str) -> Ended | Spawned | None:
    """The event that a line of the log tells of, if any."""
    ended = _ENDED.search(line)
    if ended:
        how = re.sub(r"; (not )?expected$", "", ended["how"])
        return Ended(ended["name"], how, ended["kind"] == "stopped")
    spawned = _SPAWNED.search(line)
    return Spawned(spawned["name"], int(spawned["pid"])) if spawned else None
