"""Reads one mapping of a district's file, key by key, and collects every fault on the way.

A value that cannot be read is answered with a blank of its type, so that reading goes on.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from difflib import get_close_matches
from typing import TypeVar

from services.kernel.adapters.directory import values
from services.kernel.adapters.directory.faults import Faults
from services.kernel.adapters.directory.source import Mapping, Node, Scalar, Sequence
from services.kernel.domain.directory import WEEKDAYS, Allowance, Text, Window

T = TypeVar("T")
C = TypeVar("C", bound=str)

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_FLAGS = {"true": True, "yes": True, "false": False, "no": False}


def register(node: Node, path: str, faults: Faults) -> None:
    """Notes where every path of the tree stands, for faults that are found later."""
    if isinstance(node, Mapping):
        for key, child in node.entries.items():
            inside = f"{path}.{key}" if path else key
            written = isinstance(child, Scalar) and child.text is not None
            faults.marks.at[inside] = child.mark if written else node.keys[key]
            register(child, inside, faults)
    elif isinstance(node, Sequence):
        for index, child in enumerate(node.items):
            faults.marks.at[f"{path}[{index}]"] = child.mark
            register(child, f"{path}[{index}]", faults)


@dataclass
class Entry:
    """A mapping at `path`. `node` is None where something else stands, which has been noted."""

    node: Mapping | None
    path: str
    faults: Faults
    working_day: int = values.WORKING_DAY_SECONDS
    asked: set[str] = field(default_factory=set)

    def at(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def read(self, build: Callable[[Entry], T]) -> T:
        """Builds the value of this entry; keys that `build` never asked for are faults."""
        value = build(self)
        for key in self.node.entries if self.node else ():
            if key not in self.asked:
                near = get_close_matches(key, sorted(self.asked), n=1)
                hint = (
                    f"did you mean `{near[0]}`?"
                    if near
                    else f"known are {', '.join(sorted(self.asked))}"
                )
                mark = self.node.keys[key] if self.node else None
                self.faults.add(self.at(key), f"`{key}` is not known here: {hint}", mark=mark)
        return value

    def text(self, key: str) -> str:
        """A text that must be there."""
        found = self.maybe(key)
        if found is None and not self._has(key):
            self._missing(key)
        return found or ""

    def maybe(self, key: str) -> str | None:
        """A text that may be left out."""
        return self._scalar(self._get(key), self.at(key))

    def words(self, key: str) -> tuple[str, ...]:
        items = self._items(key)
        return tuple(
            self._scalar(item, f"{self.at(key)}[{n}]") or "" for n, item in enumerate(items)
        )

    def both(self, key: str) -> Text:
        """A text in both languages."""
        return self.entry(key).read(lambda name: Text(hi=name.text("hi"), en=name.text("en")))

    def choice(self, key: str, options: tuple[C, ...], default: C | None = None) -> C:
        node = self._get(key)
        if node is None:
            if default is None:
                self._missing(key)
            return default or options[0]
        return self._choice(node, self.at(key), options)

    def choices(
        self, key: str, options: tuple[C, ...], default: tuple[C, ...] = ()
    ) -> tuple[C, ...]:
        if self._get(key) is None:
            return default
        items = enumerate(self._items(key))
        return tuple(self._choice(item, f"{self.at(key)}[{n}]", options) for n, item in items)

    def flag(self, key: str) -> bool:
        return self._parsed(key, _read_flag, False)

    def number(self, key: str, default: int) -> int:
        return self._parsed(key, _read_number, default)

    def day(self, key: str) -> date:
        if self._get(key) is None:
            self._missing(key)
        return self._parsed(key, _read_day, date.min)

    def length(self, key: str) -> Allowance | None:
        return self._parsed(key, lambda text: values.read_length(text, self.working_day), None)

    def working_seconds(self, key: str, default: int | None = None) -> int:
        if self._get(key) is None and default is None:
            self._missing(key)
        return self._parsed(
            key, lambda text: values.read_working_seconds(text, self.working_day), default or 0
        )

    def windows(self, key: str) -> tuple[Window, ...]:
        """One window, or a list of them."""
        found = []
        node, path = self._get(key), self.at(key)
        single = isinstance(node, Scalar)
        items = [node] if isinstance(node, Scalar) else self._items(key)
        for index, item in enumerate(items):
            place = path if single else f"{path}[{index}]"
            text = self._scalar(item, place)
            window = self._try(values.read_window, text, place) if text is not None else None
            found += [window] if window else []
        return tuple(found)

    def week(self, key: str) -> dict[str, tuple[Window, ...]]:
        """The windows of each day of the week; a day that is left out has none."""
        days: dict[str, tuple[Window, ...]] = {}
        table = self.entry(key)
        for name in table.node.entries if table.node else ():
            windows = table.windows(name)
            for day in self._try(values.read_weekdays, name, table.at(name)) or ():
                if day in days:
                    self.faults.add(table.at(name), f"{day} is given twice")
                else:
                    days[day] = windows
                    self._alias(table.at(name), table.at(day))
        return {day: days[day] for day in WEEKDAYS if days.get(day)}

    def entry(self, key: str) -> Entry:
        """A mapping that must be there."""
        node = self._get(key)
        if node is None:
            self._missing(key)
        return self._entry(node, self.at(key))

    def each(self, key: str, build: Callable[[Entry], T]) -> tuple[T, ...]:
        """A list of mappings. A broken one is kept as a blank, so that indexes stay the file's."""
        items = enumerate(self._items(key))
        return tuple(self._entry(item, f"{self.at(key)}[{n}]").read(build) for n, item in items)

    # ------------------------------------------------------------ the steps below

    def _get(self, key: str) -> Node | None:
        self.asked.add(key)
        node = self.node.entries.get(key) if self.node else None
        return None if isinstance(node, Scalar) and node.text is None else node

    def _has(self, key: str) -> bool:
        return self._get(key) is not None

    def _missing(self, key: str) -> None:
        if self.node is not None:
            self.faults.add(self.at(key), f"`{key}` is missing")

    def _entry(self, node: Node | None, path: str) -> Entry:
        mapping = node if isinstance(node, Mapping) else None
        if node is not None and mapping is None:
            self.faults.add(path, "this must be a group of `key: value`")
        return Entry(mapping, path, self.faults, self.working_day)

    def _items(self, key: str) -> list[Node]:
        node = self._get(key)
        if isinstance(node, Sequence):
            return node.items
        if node is not None:
            self.faults.add(self.at(key), "this must be a list")
        return []

    def _scalar(self, node: Node | None, path: str) -> str | None:
        if node is None:
            return None
        if not isinstance(node, Scalar):
            self.faults.add(path, "this must be a single text")
            return None
        if not node.text:
            self.faults.add(path, "this is empty")
            return None
        if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in node.text):
            self.faults.add(path, "this has a control character or a line break in it")
            return None
        return node.text

    def _choice(self, node: Node, path: str, options: tuple[C, ...]) -> C:
        text = self._scalar(node, path)
        for option in options:
            if text == option:
                return option
        if text is not None:
            self.faults.add(path, f"`{text}` is none of {', '.join(options)}")
        return options[0]

    def _parsed(self, key: str, parse: Callable[[str], T], blank: T) -> T:
        text = self._scalar(self._get(key), self.at(key))
        value = self._try(parse, text, self.at(key)) if text is not None else None
        return blank if value is None else value

    def _try(self, parse: Callable[[str], T], text: str, path: str) -> T | None:
        try:
            return parse(text)
        except ValueError as error:
            self.faults.add(path, str(error))
            return None

    def _alias(self, written: str, meant: str) -> None:
        """`week.mon-fri[0]` is also where `week.mon[0]` stands."""
        marks = self.faults.marks.at
        length = len(written)
        for path in [path for path in marks if path == written or path.startswith(f"{written}[")]:
            marks.setdefault(meant + path[length:], marks[path])


def _read_flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError(f"`{text}` is neither yes nor no")
    return _FLAGS[text.lower()]


def _read_number(text: str) -> int:
    if not re.fullmatch(r"\d{1,6}", text):
        raise ValueError(f"`{text}` is no whole number")
    return int(text)


def _read_day(text: str) -> date:
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise ValueError(f"`{text}` is no date: write it as `2026-01-26`")
