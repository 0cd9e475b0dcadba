"""Takes a data file apart: what is not as it should be becomes a fault and a blank to go on with."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import time
from typing import TypeVar

from services.kernel.adapters.directory.faults import Faults, Mark
from services.kernel.adapters.directory.source import Mapping, Node, Scalar, Sequence, parse
from services.kernel.domain.directory import LANGUAGES, Language
from services.kernel.domain.errors import SamvadError

T = TypeVar("T", bound=str)
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


class BookFaults(SamvadError):
    """Data that cannot be used: every fault, as `file:line: what`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


@dataclass
class Places:
    """Faults as they are found, and where that of which they are told stands in its file."""

    faults: list[tuple[str, int, str]] = field(default_factory=list)
    at: dict[str, tuple[str, Mark]] = field(default_factory=dict)

    def add(self, file: str, mark: Mark, message: str) -> None:
        self.faults.append((file, mark.line, message))

    def about(self, place: str, message: str) -> None:
        file, mark = self.at[place]
        self.add(file, mark, message)

    def raise_any(self) -> None:
        if self.faults:
            raise BookFaults(f"{file}:{line}: {what}" for file, line, what in sorted(self.faults))


@dataclass
class Reader:
    """Reads the nodes of one file."""

    file: str
    places: Places

    def fault(self, mark: Mark, message: str) -> None:
        self.places.add(self.file, mark, message)

    def mark(self, place: str, mark: Mark) -> None:
        """Where `place` stands, for what is later found wrong with it."""
        self.places.at[place] = (self.file, mark)

    def top(self, text: str, names: tuple[str, ...], more: tuple[str, ...] = ()) -> dict[str, Node]:
        faults = Faults()
        node = parse(text, faults)
        for fault in faults.in_order():
            where = f"{fault.path}: " if fault.path else ""
            self.fault(Mark(fault.line, fault.column), f"{where}{fault.message}")
        return self.fields(node, names, more) if node is not None else {}

    def fields(
        self, node: Node | None, needed: Iterable[str], more: Iterable[str]
    ) -> dict[str, Node]:
        """A mapping's entries; an unknown or missing one is a fault."""
        needed = tuple(needed)
        known = {*needed, *more}
        if node is None:
            return {}
        if not isinstance(node, Mapping):
            self.fault(node.mark, f"must be a mapping of {', '.join(sorted(known))}")
            return {}
        for name, mark in node.keys.items():
            if name not in known:
                self.fault(mark, f"unknown key `{name}`, not one of {', '.join(sorted(known))}")
        for name in needed:
            if name not in node.entries:
                self.fault(node.mark, f"`{name}` is missing")
        return {name: inner for name, inner in node.entries.items() if name in known}

    def entries(self, node: Node | None) -> Iterator[tuple[str, Node, Mark]]:
        if isinstance(node, Mapping):
            for name, inner in node.entries.items():
                yield name, inner, node.keys[name]
        elif node is not None:
            self.fault(node.mark, "must be a mapping")

    def items(self, node: Node | None) -> list[Node]:
        if node is None:
            return []
        if not isinstance(node, Sequence):
            self.fault(node.mark, "must be a list")
            return []
        return node.items

    def text(self, node: Node | None) -> str:
        if node is None:
            return ""
        if not isinstance(node, Scalar) or not node.text:
            self.fault(node.mark, "must be a text")
            return ""
        return node.text

    def number(self, node: Node | None, least: int, most: int) -> int:
        text = self.text(node)
        if text.isascii() and text.isdigit() and least <= int(text) <= most:
            return int(text)
        if node is not None:
            self.fault(node.mark, f"must be a whole number from {least} to {most}")
        return most

    def flag(self, node: Node | None) -> bool:
        text = self.text(node)
        if text not in ("true", "false", ""):
            self._not_one_of(node, text, ("true", "false"))
        return text == "true"

    def clock(self, node: Node | None) -> time:
        """A time of day, written as 08:00."""
        found = _CLOCK.fullmatch(self.text(node))
        if found:
            return time(int(found[1]), int(found[2]))
        if node is not None:
            self.fault(node.mark, "must be a time of day such as 08:00, in quotes")
        return time()

    def choice(self, node: Node | None, of: tuple[T, ...]) -> T:
        text = self.text(node)
        if text and text not in of:
            self._not_one_of(node, text, of)
        return next((value for value in of if value == text), of[0])

    def choices(self, node: Node | None, of: tuple[T, ...]) -> tuple[T, ...]:
        """A list of one or more, none of them twice."""
        found: list[T] = []
        for item in self.items(node):
            value = self.choice(item, of)
            if value in found:
                self.fault(item.mark, f"`{value}` is given twice")
            found.append(value)
        if not found and isinstance(node, Sequence):
            self.fault(node.mark, f"must name at least one of {', '.join(of)}")
        return tuple(found)

    def languages(self, node: Node | None) -> dict[Language, str]:
        """A text in every language."""
        fields = self.fields(node, LANGUAGES, ())
        return {language: self.text(fields.get(language)) for language in LANGUAGES}

    def _not_one_of(self, node: Node | None, text: str, of: tuple[str, ...]) -> None:
        if node is not None:
            self.fault(node.mark, f"`{text}` is not one of {', '.join(of)}")
