"""Reads `templates.yaml`: the messages in every channel and language, lengths, and fixed words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from services.kernel.adapters.directory.faults import Mark
from services.kernel.adapters.directory.source import Node
from services.kernel.domain.directory import LANGUAGES, Language
from services.notify.adapters.book_nodes import Reader
from services.notify.core.book import CHANNELS, Button, Channel, Template, Wording

KEYS = ("longest", "words", "templates")
MOST_LONGEST = 1000
_Wordings = dict[tuple[Channel, Language], Wording]


@dataclass(frozen=True)
class Written:
    """What the file says."""

    templates: Mapping[str, Template]
    longest: Mapping[str, int]
    words: Mapping[str, Mapping[Language, str]]


def read_texts(reader: Reader, text: str) -> Written:
    top = reader.top(text, KEYS)
    longest: dict[str, int] = {}
    for name, node, mark in reader.entries(top.get("longest")):
        reader.mark(f"longest {name}", mark)
        longest[name] = reader.number(node, 1, MOST_LONGEST)
    words: dict[str, Mapping[Language, str]] = {}
    if "words" in top:
        reader.mark("words", top["words"].mark)
    for name, node, mark in reader.entries(top.get("words")):
        reader.mark(f"words {name}", mark)
        words[name] = reader.languages(node)
    return Written(dict(_templates(reader, top.get("templates"))), longest, words)


def _templates(reader: Reader, node: Node | None) -> Iterator[tuple[str, Template]]:
    for name, inner, mark in reader.entries(node):
        reader.mark(f"template {name}", mark)
        fields = reader.fields(inner, ("variables",), (*CHANNELS, "buttons"))
        wordings: _Wordings = {}
        for channel in CHANNELS:
            if channel in fields:
                for language, wording, at in _wordings(
                    reader, name, channel, fields[channel], wordings
                ):
                    wordings[channel, language] = wording
                    reader.mark(f"template {name} {channel} {language}", at)
        variables = tuple(reader.text(item) for item in reader.items(fields.get("variables")))
        buttons = tuple(_buttons(reader, name, fields.get("buttons")))
        yield name, Template(name, variables, wordings, buttons)


def _wordings(
    reader: Reader, template: str, channel: Channel, node: Node, before: _Wordings
) -> Iterator[tuple[Language, Wording, Mark]]:
    """`before`: the template's wordings in the channels that were read already."""
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
        elif channel == "sms":
            parts = reader.fields(inner, ("id", "text"), ())
            wording = Wording(reader.text(parts.get("text")), reader.text(parts.get("id")))
            yield language, wording, inner.mark
        else:
            same = before.get(("whatsapp", language))
            needed = ("subject",) if same is not None else ("subject", "text")
            parts = reader.fields(inner, needed, ("text",))
            text = same.text if same and "text" not in parts else reader.text(parts.get("text"))
            yield language, Wording(text, subject=reader.text(parts.get("subject"))), inner.mark


def _buttons(reader: Reader, template: str, node: Node | None) -> Iterator[Button]:
    for item in reader.items(node):
        fields = reader.fields(item, ("id", *LANGUAGES), ())
        button = Button(
            reader.text(fields.get("id")),
            {language: reader.text(fields.get(language)) for language in LANGUAGES},
        )
        reader.mark(f"template {template} button {button.id}", item.mark)
        yield button
