"""A part of a file, as a player asks for it to begin in the middle (RFC 9110, chapter 14). Pure."""

from __future__ import annotations

import re

_ONE = re.compile(r"bytes=[ \t]*([0-9]{0,18})-([0-9]{0,18})[ \t]*", re.IGNORECASE)


class Unsatisfiable(Exception):
    """It asks for what lies behind the end."""


def parse(header: str | None, size: int) -> tuple[int, int] | None:
    """The bytes from the first to before the second that are asked for of `size`; None: all of them, as for
    everything that is no single range of bytes. Raises Unsatisfiable."""
    found = _ONE.fullmatch(header.strip()) if header is not None else None
    if found is None or found[0] is None:
        return None
    first, last = found[1], found[2]
    if not first and not last:
        return None
    if not first:
        if int(last) == 0 or size == 0:
            raise Unsatisfiable
        return max(size - int(last), 0), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(int(last) + 1, size) if last else size
