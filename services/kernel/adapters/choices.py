"""How people say that they want no more messages, or want them again: the words of the installation's own
`choices.yaml`, or the built-in ones. Every fault of the file has its line."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from services.kernel.adapters.directory.faults import Faults
from services.kernel.adapters.directory.source import Mapping, Node, Scalar, Sequence, parse
from services.kernel.domain.choices import Choices, choices, plain
from services.kernel.domain.errors import SamvadError

FILE = "choices.yaml"
"""`stop` and `start`, each a list of what people write: the whole of a message, whatever its case, spaces
and punctuation."""
KEYS = ("stop", "start")


class ChoicesFaults(SamvadError):
    """Words that cannot be used: every fault, as `file:line: what`."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = list(faults)
        super().__init__("\n".join(self.faults))


def load_choices(folder: Path | None = None) -> Choices:
    """The words of the folder's file, or the built-in ones where it has none. Raises ChoicesFaults naming
    everything that is wrong, OSError when the file cannot be read."""
    own = folder / FILE if folder is not None else None
    if own is None or not own.exists():
        return choices()
    return read_choices(own.read_text(encoding="utf-8"))


def read_choices(text: str) -> Choices:
    """Raises ChoicesFaults."""
    faults = Faults()
    top = parse(text, faults)
    seen: dict[str, str] = {}
    stop, start = (_words(key, node, seen, faults) for key, node in _lists(top, faults))
    if faults.found:
        found = sorted({(fault.line, _said(fault.path, fault.message)) for fault in faults.found})
        raise ChoicesFaults(f"{FILE}:{line}: {what}" for line, what in found)
    return Choices.of(stop, start)


def _said(path: str, message: str) -> str:
    return f"{path}: {message}" if path else message


def _lists(top: Node | None, faults: Faults) -> list[tuple[str, Node | None]]:
    """What stands under each key."""
    if not isinstance(top, Mapping):
        if top is not None:
            faults.add("", f"must be a mapping of {', '.join(KEYS)}", mark=top.mark)
        return [(key, None) for key in KEYS]
    for name, mark in top.keys.items():
        if name not in KEYS:
            known = ", ".join(sorted(KEYS))
            faults.add("", f"unknown key `{name}`, not one of {known}", mark=mark)
    for key in KEYS:
        if key not in top.entries:
            faults.add("", f"`{key}` is missing", mark=top.mark)
    return [(key, top.entries.get(key)) for key in KEYS]


def _words(key: str, node: Node | None, seen: dict[str, str], faults: Faults) -> list[str]:
    """`seen`: in which list each word stands, as it is compared: without case and punctuation."""
    if node is None:
        return []
    if not isinstance(node, Sequence):
        faults.add("", "must be a list", mark=node.mark)
        return []
    if not node.items:
        faults.add("", f"`{key}` must name at least one word", mark=node.mark)
    found: list[str] = []
    for item in node.items:
        if not isinstance(item, Scalar) or not item.text:
            faults.add("", "must be a text", mark=item.mark)
            continue
        same = plain(item.text)
        if not same:
            faults.add("", f"`{item.text}` has no letter or digit", mark=item.mark)
        elif same in seen:
            twice = "is given twice" if seen[same] == key else f"stands under `{seen[same]}` too"
            faults.add("", f"`{item.text}` {twice}", mark=item.mark)
        seen.setdefault(same, key)
        found.append(item.text)
    return found
