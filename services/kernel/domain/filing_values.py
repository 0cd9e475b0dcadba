"""One value of what a citizen gave, checked: what is wrong with it is a `Fault`, raised as `Wrong`. Pure."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, TypeVar

MOST_NAMED = 40
"""Allowed values that a reason spells out; `allowed` has them all."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with one field. `code`: missing, too_long, not_allowed, unknown_field or invalid."""

    field: str
    code: str
    reason: str
    allowed: tuple[str, ...] = ()


class Wrong(Exception):
    """The value cannot be taken, for `fault`."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.reason)
        self.fault = fault


def not_allowed(field: str, what: str, allowed: Iterable[str]) -> Fault:
    """`what` is not among `allowed`; the value itself is somebody's words and is not repeated."""
    known = tuple(allowed)
    named = ", ".join(known[:MOST_NAMED]) + (", …" if len(known) > MOST_NAMED else "")
    return Fault(field, "not_allowed", f"{what}; allowed: {named}", known)


C = TypeVar("C", bound=str)


def choice(field: str, value: str | None, allowed: tuple[C, ...], default: C | None) -> C:
    """One of `allowed`; nothing given is the `default`, where there is one."""
    if not value:
        if default is None:
            raise Wrong(Fault(field, "missing", f"{field} is missing", tuple(allowed)))
        return default
    chosen = next((one for one in allowed if one == value), None)
    if chosen is None:
        raise Wrong(not_allowed(field, f"no such {field}", allowed))
    return chosen


def line(field: str, value: str | None, most: int) -> str | None:
    """One line: runs of white space become one space; nothing left is None."""
    if value is None:
        return None
    found = " ".join(clean(field, value).split())
    if len(found) > most:
        raise Wrong(too_long(field, most))
    return found if says_something(found) else None


def clean(field: str, value: str) -> str:
    """`value` with one kind of line end and without control characters (a word processor's leftovers)."""
    if "\x00" in value:
        raise Wrong(Fault(field, "invalid", "contains a NUL character"))
    if any("\ud800" <= char <= "\udfff" for char in value):
        raise Wrong(Fault(field, "invalid", "contains an unpaired surrogate"))
    lines = value.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(
        " " if unicodedata.category(char) == "Cc" and char not in "\n\t" else char for char in lines
    )


def says_something(text: str) -> bool:
    """Whether anything of it is to be seen: letters, digits, signs; not only spaces and joiners."""
    return any(unicodedata.category(char)[0] in "LNSP" for char in text)


def too_long(field: str, most: int) -> Fault:
    return Fault(field, "too_long", f"more than {most} characters")


def degrees(field: str, value: Any, most: int) -> float | None:
    """Of latitude (`most` 90) or longitude (180)."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Wrong(Fault(field, "invalid", "not a number"))
    if not (math.isfinite(value) and -most <= value <= most):
        raise Wrong(Fault(field, "invalid", f"degrees from -{most} to {most} are wanted"))
    return float(value)
