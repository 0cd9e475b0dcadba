"""Ticket numbers: ten digits that a citizen can speak, key in and write down.

Two digits of the year (IST), seven of a sequence, one Damm check digit. Damm's scheme catches every
single wrong digit and every swap of two neighbours (H. M. Damm, 2004: a totally anti-symmetric
quasigroup of order 10). Shown with the district's letters, `JC-2600104237`; stored bare.
"""

from __future__ import annotations

import unicodedata
from datetime import datetime
from zoneinfo import ZoneInfo

LENGTH = 10
MAX_SEQUENCE = 9_999_999
_MAX_PREFIX = 6

_DAMM = (
    "0317598642",
    "7092154863",
    "4206871359",
    "1750983426",
    "6123045978",
    "3674209581",
    "5869720134",
    "8945362017",
    "9438617205",
    "2581436790",
)


def check_digit(digits: str) -> str:
    """The Damm check digit of `digits` (ASCII). ValueError for anything but digits."""
    if not (digits.isascii() and digits.isdigit()):
        raise ValueError("a check digit needs decimal digits")
    interim = 0
    for digit in digits:
        interim = int(_DAMM[interim][int(digit)])
    return str(interim)


def make(year: int, sequence: int) -> str:
    """The bare ticket of a two-digit year and a sequence number. ValueError outside their range."""
    if not 0 <= year <= 99:
        raise ValueError(f"the year of a ticket has two digits, not {year}")
    if not 0 <= sequence <= MAX_SEQUENCE:
        raise ValueError(f"a ticket's sequence is 0 to {MAX_SEQUENCE}, not {sequence}")
    body = f"{year:02d}{sequence:07d}"
    return body + check_digit(body)


def parse(text: str) -> str | None:
    """The bare ten digits of what a person wrote, or None if it is no ticket number.

    Takes decimal digits of any script, spaces and dashes anywhere, and up to six Latin letters (the
    district's) in front. The letters are not compared: the number is unique in the whole installation.
    """
    digits: list[str] = []
    letters = 0
    for char in text:
        value = unicodedata.decimal(char, None)
        category = unicodedata.category(char)
        if value is not None:
            digits.append(str(value))
        elif char.isspace() or category in ("Pd", "Cf") or char == "\N{MINUS SIGN}":
            continue
        elif char.isascii() and char.isalpha() and not digits and letters < _MAX_PREFIX:
            letters += 1
        else:
            return None
        if len(digits) > LENGTH:
            return None
    bare = "".join(digits)
    return bare if len(bare) == LENGTH and check_digit(bare) == "0" else None


def show(code: str, ticket: str) -> str:
    """How a ticket is written to people: the district's letters, a dash, the ten digits."""
    return f"{code}-{ticket}"


def year_of(now: datetime, zone: str = "Asia/Kolkata") -> int:
    """The two-digit year that a ticket made at `now` carries. ValueError for a naive datetime."""
    if now.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return now.astimezone(ZoneInfo(zone)).year % 100
