"""Faults of a district file: what is wrong, how badly, and where an editor finds it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from services.kernel.domain.errors import SamvadError

Level = Literal["error", "warning"]


@dataclass(frozen=True, order=True)
class Mark:
    """A place in the file, counted from 1 as editors do."""

    line: int = 1
    column: int = 1


@dataclass(frozen=True)
class Fault:
    """One thing wrong at `path`, such as `services[12].policy`. A warning stops nothing."""

    path: str
    line: int
    column: int
    message: str
    level: Level = "error"

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        return f"{self.line}:{self.column}: {self.level}: {where}{self.message}"


class DirectoryFaults(SamvadError):
    """A district file that cannot be used: all of its faults, in the file's order."""

    def __init__(self, faults: Iterable[Fault], *, source: str = "") -> None:
        self.faults = list(faults)
        self.source = source
        super().__init__(
            "\n".join(f"{source}:{fault}" if source else str(fault) for fault in self.faults)
        )


@dataclass
class Marks:
    """Where each path of a file stands; one that is not in the file, where its parent does."""

    at: dict[str, Mark] = field(default_factory=dict)

    def find(self, path: str) -> Mark:
        for step in lineage(path):
            if step in self.at:
                return self.at[step]
        return Mark()


@dataclass
class Faults:
    """Collects faults, so that one reading finds all of them."""

    marks: Marks = field(default_factory=Marks)
    found: list[Fault] = field(default_factory=list)

    def add(
        self, path: str, message: str, *, level: Level = "error", mark: Mark | None = None
    ) -> None:
        place = mark or self.marks.find(path)
        self.found.append(Fault(path, place.line, place.column, message, level))

    def warn(self, path: str, message: str) -> None:
        self.add(path, message, level="warning")

    def in_order(self) -> list[Fault]:
        return sorted(self.found, key=lambda fault: (fault.line, fault.column))


def without_echoes(first: list[Fault], then: list[Fault]) -> list[Fault]:
    """The faults of `then` that are not merely a consequence of one of `first`.

    A value that could not be read is filled with a blank so that the checks can go on; what they
    say of the blank, or of what holds it, would only repeat the fault at its own path.
    """
    broken = {fault.path for fault in first if fault.level == "error" and fault.path}
    above = {step for path in broken for step in lineage(path)}
    return [
        fault
        for fault in then
        if not (fault.path in above or any(step in broken for step in lineage(fault.path)))
    ]


def lineage(path: str) -> Iterable[str]:
    """`a.b[3].c`, `a.b[3]`, `a.b`, `a`, and last the whole file, whose path is empty."""
    while path:
        yield path
        path = path[: max(path.rfind("."), path.rfind("["), 0)]
    yield ""
