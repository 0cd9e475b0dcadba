"""How much work a call is, counted and not timed: a busy machine changes nothing about it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any


def calls_in(do: Callable[[], object]) -> int:
    """The functions that are called while `do` runs, Python's and C's; each step of a generator counts."""
    count = 0

    def note(_frame: FrameType, event: str, _what: Any) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        do()
    finally:
        sys.setprofile(before)
    return count
