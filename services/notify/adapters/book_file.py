"""Reads `rules.yaml` and `templates.yaml` into a checked `Book`; every fault has file and line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar, get_args

from services.kernel.adapters.directory.faults import Faults, Mark
from services.kernel.adapters.directory.source import Mapping, Node, Scalar, Sequence, parse
from services.kernel.domain.directory import LANGUAGES, Language
from services.kernel.domain.errors import SamvadError
from services.notify.adapters.book_check import check_book
from services.notify.core.book import (
    AUDIENCES,
    CHANNELS,
    CONDITIONS,
    Audience,
    Book,
    Channel,
    Route,
    Rule,
    Template,
    Wording,
)

DATA = Path(__file__).resolve().parent.parent / "data"
RULES, TEMPLATES = "rules.yaml", "templates.yaml"
T = TypeVar("T", bound=str)


class BookFaults(SamvadError):
    """Data that cannot be used: every fault, as `file:line: what`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


@dataclass
class Places:
    """Faults as they are found, and where rules and templates stand in their files."""

    faults: list[tuple[str, int, str]] = field(default_factory=list)
    at: dict[str, tuple[str, Mark]] = field(default_factory=dict)

    def add(self, file: str, mark: Mark, message: str) -> None:
        self.faults.append((file, mark.line, message))

    def about(self, place: str, message: str) -> None:
        file, mark = self.at[place]
        self.add(file, mark, message)


def load_book(folder: Path = DATA) -> Book:
    """Raises BookFaults naming everything that is wrong, OSError when a file cannot be read."""
    texts = {name: (folder / name).read_text(encoding="utf-8") for name in (RULES, TEMPLATES)}
    return read_book(texts[RULES], texts[TEMPLATES])


def read_book(rules: str, templates: str) -> Book:
    """The book of two files' texts. Raises BookFaults."""
    places = Places()
    ruled = _Reader(RULES, places).top(rules, ("rules", "channels"))
    written = _Reader(TEMPLATES, places).top(templates, ("longest", "words", "templates"))
    reader = _Reader(TEMPLATES, places)
    longest = {
        name: reader.number(node, 1, 200)
        for name, node, _ in reader.entries(written.get("longest"))
    }
    book = Book(
        rules=tuple(_rules(_Reader(RULES, places), ruled.get("rules"))),
        templates=dict(_templates(reader, written.get("templates"))),
        routes=dict(_routes(_Reader(RULES, places), ruled.get("channels"))),
        longest=longest,
        words={
            name: _languages(reader, node, name, reader.text)
            for name, node, _ in reader.entries(written.get("words"))
        },
    )
    if not places.faults:
        check_book(book, places.about)
    if places.faults:
        raise BookFaults(f"{file}:{line}: {what}" for file, line, what in sorted(places.faults))
    return book


def _rules(reader: _Reader, node: Node | None) -> Iterator[Rule]:
    for index, item in enumerate(reader.items(node)):
        fields = reader.fields(item, ("event", "to", "template"), ("when",))
        reader.places.at[f"rule {index}"] = (reader.file, item.mark)
        when = fields.get("when")
        yield Rule(
            event=reader.text(fields.get("event")),
            audience=reader.choice(fields.get("to"), AUDIENCES),
            template=reader.text(fields.get("template")),
            when=reader.choice(when, CONDITIONS) if when else None,
        )


def _routes(reader: _Reader, node: Node | None) -> Iterator[tuple[Audience, Route]]:
    found: set[str] = set()
    for name, inner, mark in reader.entries(node):
        if name not in AUDIENCES:
            reader.fault(mark, f"unknown audience `{name}`, not one of {', '.join(AUDIENCES)}")
            continue
        found.add(name)
        fields = reader.fields(inner, ("otherwise",), ("filed_by",))
        by = {
            channel: reader.choice(to, CHANNELS)
            for channel, to, _ in reader.entries(fields.get("filed_by"))
        }
        yield name, Route(reader.choice(fields.get("otherwise"), CHANNELS), by)
    for audience in AUDIENCES:
        if audience not in found and node is not None:
            reader.fault(node.mark, f"channels: audience `{audience}` is missing")


def _templates(reader: _Reader, node: Node | None) -> Iterator[tuple[str, Template]]:
    for name, inner, mark in reader.entries(node):
        reader.places.at[f"template {name}"] = (reader.file, mark)
        fields = reader.fields(inner, ("variables",), get_args(Channel))
        wordings: dict[tuple[Channel, Language], Wording] = {}
        for channel in CHANNELS:
            if channel in fields:
                for language, wording, at in _wordings(reader, name, channel, fields[channel]):
                    wordings[channel, language] = wording
                    reader.places.at[f"template {name} {channel} {language}"] = (reader.file, at)
        variables = tuple(reader.text(item) for item in reader.items(fields.get("variables")))
        yield name, Template(name, variables, wordings)


def _wordings(
    reader: _Reader, template: str, channel: Channel, node: Node
) -> Iterator[tuple[Language, Wording, Mark]]:
    own = ("name",) if channel == "whatsapp" else ()
    fields = reader.fields(node, own, LANGUAGES)
    for language in LANGUAGES:
        inner = fields.get(language)
        if inner is None:
            reader.fault(
                node.mark, f"template `{template}`: {channel}: language {language} is missing"
            )
        elif channel == "whatsapp":
            name = reader.text(fields.get("name"))
            yield language, Wording(reader.text(inner), name), inner.mark
        else:
            parts = reader.fields(inner, ("id", "text"), ())
            wording = Wording(reader.text(parts.get("text")), reader.text(parts.get("id")))
            yield language, wording, inner.mark


def _languages(
    reader: _Reader, node: Node, name: str, read: Callable[[Node | None], str]
) -> dict[Language, str]:
    fields = reader.fields(node, LANGUAGES, ())
    return {language: read(fields.get(language)) for language in LANGUAGES}


@dataclass
class _Reader:
    """Takes nodes apart. What is not as it should be becomes a fault and a blank to go on with."""

    file: str
    places: Places

    def fault(self, mark: Mark, message: str) -> None:
        self.places.add(self.file, mark, message)

    def top(self, text: str, names: tuple[str, ...]) -> dict[str, Node]:
        faults = Faults()
        node = parse(text, faults)
        for fault in faults.in_order():
            where = f"{fault.path}: " if fault.path else ""
            self.fault(Mark(fault.line, fault.column), f"{where}{fault.message}")
        return self.fields(node, names, ()) if node is not None else {}

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

    def choice(self, node: Node | None, of: tuple[T, ...]) -> T:
        text = self.text(node)
        if node is not None and text and text not in of:
            self.fault(node.mark, f"`{text}` is not one of {', '.join(of)}")
        return next((value for value in of if value == text), of[0])
