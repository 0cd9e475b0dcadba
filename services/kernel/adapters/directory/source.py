"""YAML text to a tree of marked nodes, for files that people write.

Only plain YAML is taken: no anchors, aliases, tags or second document. So nothing can unfold into
more than was written, and nothing is built but text, lists and mappings. What a scalar means
(a number, a date, the code NO) is decided by the field that it stands in, never guessed.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field

import yaml

from services.kernel.adapters.directory.faults import Faults, Mark

MAX_CHARACTERS = 2_000_000
"""A state-sized district has some 2 000 villages and 2 000 officers: well below a megabyte."""

MAX_DEPTH = 16

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_NULLS = frozenset({"", "~", "null", "Null", "NULL"})


@dataclass(frozen=True)
class Scalar:
    """A text, or None for an empty value. Text is NFC, without white space at its ends."""

    mark: Mark
    text: str | None


@dataclass
class Sequence:
    mark: Mark
    items: list[Node] = field(default_factory=list)


@dataclass
class Mapping:
    """`keys` has the place of each key; of a key given twice the first value is kept."""

    mark: Mark
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Mark] = field(default_factory=dict)


Node = Scalar | Sequence | Mapping


def parse(text: str, faults: Faults) -> Node | None:
    """The one document in `text`; None, with faults, where it is no YAML at all."""
    if len(text) > MAX_CHARACTERS:
        faults.add("", f"the file is longer than {MAX_CHARACTERS} characters")
        return None
    try:
        text.encode("utf-8")
        return _Composer(faults).compose(yaml.parse(text, Loader=_LOADER))
    except yaml.reader.ReaderError as error:
        faults.add(
            "", f"a character that YAML does not take: {error.reason}", mark=_reached(text, error)
        )
    except yaml.MarkedYAMLError as error:
        place = error.problem_mark or error.context_mark
        mark = Mark(place.line + 1, place.column + 1) if place else Mark()
        faults.add("", f"not YAML: {error.problem or error.context or 'unreadable'}", mark=mark)
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        faults.add("", f"not YAML: {error}")
    return None


def _reached(text: str, error: yaml.reader.ReaderError) -> Mark:
    before = text[: error.position] if isinstance(error.position, int) else ""
    return Mark(before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1)


class _Composer:
    """Builds the tree from parser events, with a stack of its own instead of recursion."""

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.root: Node | None = None
        self.open: list[Sequence | Mapping] = []
        self.pending: list[tuple[str, Mark] | None] = []
        self.paths: list[str] = [""]

    def compose(self, events: Iterator[yaml.Event]) -> Node | None:
        documents = 0
        for event in events:
            start = event.start_mark
            mark = Mark(start.line + 1, start.column + 1) if start else Mark()
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self.faults.add("", "a second document: one file is one district", mark=mark)
                    return None
            elif isinstance(event, yaml.AliasEvent):
                self._refuse_anchor(mark)
                self._place(Scalar(mark, None))
            elif isinstance(event, yaml.CollectionEndEvent):
                self.open.pop()
                self.pending.pop()
                self.paths.pop()
            elif isinstance(event, yaml.NodeEvent) and not self._begin(event, mark):
                return None
        if self.root is None:
            self.faults.add("", "the file is empty")
        return self.root

    def _begin(self, event: yaml.NodeEvent, mark: Mark) -> bool:
        if event.anchor is not None:
            self._refuse_anchor(mark)
        if getattr(event, "tag", None) not in (None, "!"):
            self.faults.add(self.paths[-1], "YAML tags (!…) are not taken here", mark=mark)
        if isinstance(event, yaml.ScalarEvent):
            plain = bool(event.implicit[0])
            value = unicodedata.normalize("NFC", event.value).strip()
            self._place(Scalar(mark, None if plain and value in _NULLS else value))
            return True
        if len(self.open) == MAX_DEPTH:
            self.faults.add(self.paths[-1], f"nested deeper than {MAX_DEPTH} levels", mark=mark)
            return False
        node = Mapping(mark) if isinstance(event, yaml.MappingStartEvent) else Sequence(mark)
        path = self._place(node)
        self.open.append(node)
        self.pending.append(None)
        self.paths.append(path)
        return True

    def _refuse_anchor(self, mark: Mark) -> None:
        hint = "write it out; a calendar takes another's holidays with `holidays_of`"
        self.faults.add(
            self.paths[-1], f"anchors (&) and aliases (*) are not taken: {hint}", mark=mark
        )

    def _place(self, node: Node) -> str:
        """Puts the node where the parser stands, and answers the node's path."""
        if not self.open:
            self.root = node
            return ""
        parent, path = self.open[-1], self.paths[-1]
        if isinstance(parent, Sequence):
            parent.items.append(node)
            return f"{path}[{len(parent.items) - 1}]"
        waiting = self.pending[-1]
        if waiting is None:
            self.pending[-1] = self._key(node, path)
            return path
        self.pending[-1] = None
        key, mark = waiting
        inside = f"{path}.{key}" if path else key
        if not key:
            return path
        if key in parent.entries:
            first = parent.keys[key].line
            self.faults.add(inside, f"`{key}` is given twice (first in line {first})", mark=mark)
            return inside
        parent.entries[key] = node
        parent.keys[key] = mark
        return inside

    def _key(self, node: Node, path: str) -> tuple[str, Mark]:
        if isinstance(node, Scalar) and node.text:
            return node.text, node.mark
        self.faults.add(path, "a key must be a word", mark=node.mark)
        return "", node.mark
