"""Single fields of the provider's objects: each is what it should be, or it is not there. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Any

from services.kernel.domain.whatsapp_people import word, words_of

_ID = re.compile(r"[!-~]{1,512}")
_JOINERS = "\u200c\u200d"
"""Two marks that Devanagari and emoji are written with."""


def object_of(holder: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = holder.get(name)
    return found if isinstance(found, Mapping) else {}


def id_of(value: object) -> str | None:
    """A message's id, as it can be stored and sent."""
    text = word(value)
    return text if _ID.fullmatch(text) else None


def name_of(value: object, most: int) -> str:
    """A name in one line, without control characters and invisible marks that turn the text around it."""
    line = words_of(value)
    kept = "".join(char if _is_seen(char) else " " for char in line if not _is_mark(char))
    return " ".join(kept.split())[:most].strip()


def _is_seen(char: str) -> bool:
    return unicodedata.category(char) not in ("Cc", "Zl", "Zp")


def _is_mark(char: str) -> bool:
    return unicodedata.category(char) == "Cf" and char not in _JOINERS
