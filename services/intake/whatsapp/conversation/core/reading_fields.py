"""Single fields of the provider's objects: each is what it should be, or it is not there. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

MOST_WORDS = 8_000
"""Characters of what somebody wrote. The provider lets 4096 through; what is longer is cut."""
_NUMBER = re.compile(r"\+?([1-9][0-9]{7,14})")
_ID = re.compile(r"[!-~]{1,512}")
_USER = re.compile(r"[A-Za-z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}")
"""Country, a dot, letters and digits; with ENT between them it is one of several businesses together."""
_UNKEEPABLE = re.compile("[\x00\ud800-\udfff]")
_JOINERS = "\u200c\u200d"
"""Two marks that Devanagari and emoji are written with."""


def object_of(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, Mapping) else {}


def word(value: object) -> str:
    """An id or a number as text, however it is written; "" for what is neither."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10**20:
        return str(value)
    return ""


def id_of(value: object) -> str | None:
    """A message's id, as it can be stored and sent."""
    text = word(value)
    return text if _ID.fullmatch(text) else None


def number_of(value: object) -> str | None:
    """E.164 of a number in international form, with or without its +."""
    found = _NUMBER.fullmatch(word(value))
    return f"+{found[1]}" if found else None


def user_of(value: object) -> str | None:
    """The id of a person who need not show a number (`IN.13491208655302741918`)."""
    text = word(value)
    return text if _USER.fullmatch(text) else None


def words_of(value: object) -> str:
    """What somebody wrote: trimmed, cut, and with what no store takes replaced."""
    if not isinstance(value, str):
        return ""
    return _UNKEEPABLE.sub("\ufffd", value[: 2 * MOST_WORDS].strip()[:MOST_WORDS]).strip()


def name_of(value: object, most: int) -> str:
    """A name in one line, without control characters and invisible marks that turn the text around it."""
    line = words_of(value)
    kept = "".join(char if _is_seen(char) else " " for char in line if not _is_mark(char))
    return " ".join(kept.split())[:most].strip()


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Zl", "Zp")


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Cf" and char not in _JOINERS
