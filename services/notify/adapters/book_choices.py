"""Reads `choices.yaml`: how a citizen says that he wants no more messages, or wants them again."""

from __future__ import annotations

from pathlib import Path

from services.kernel.adapters.directory.source import Node, Sequence
from services.notify.adapters.book_file import DATA
from services.notify.adapters.book_nodes import Places, Reader
from services.notify.core.choices import Choices, plain

FILE = "choices.yaml"
KEYS = ("stop", "start")


def load_choices(folder: Path = DATA) -> Choices:
    """The words of the folder's file, or the built-in ones where it has none. Raises BookFaults naming
    everything that is wrong, OSError when the file cannot be read."""
    own = folder / FILE
    file = own if own.exists() else DATA / FILE
    return read_choices(file.read_text(encoding="utf-8"))


def read_choices(text: str) -> Choices:
    """Raises BookFaults."""
    places = Places()
    reader = Reader(FILE, places)
    top = reader.top(text, KEYS)
    seen: dict[str, str] = {}
    stop, start = (_words(reader, key, top.get(key), seen) for key in KEYS)
    places.raise_any()
    return Choices.of(stop, start)


def _words(reader: Reader, key: str, node: Node | None, seen: dict[str, str]) -> list[str]:
    """`seen`: in which list each word stands, as it is compared: without case and punctuation."""
    found: list[str] = []
    for item in reader.items(node):
        word = reader.text(item)
        if not word:
            continue
        same = plain(word)
        if not same:
            reader.fault(item.mark, f"`{word}` has no letter or digit")
        elif same in seen:
            twice = "is given twice" if seen[same] == key else f"stands under `{seen[same]}` too"
            reader.fault(item.mark, f"`{word}` {twice}")
        seen.setdefault(same, key)
        found.append(word)
    if isinstance(node, Sequence) and not node.items:
        reader.fault(node.mark, f"`{key}` must name at least one word")
    return found
