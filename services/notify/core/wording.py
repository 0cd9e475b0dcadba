"""Texts: filling in variables, and how long a text is for a channel.

SMS lengths: GSM 03.38 counts septets (extension characters count two), anything else is UCS-2 in
UTF-16 units; 160/153 and 70/67 a segment. What WhatsApp takes is in the kernel's `whatsapp_limits.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from services.kernel.domain.whatsapp_limits import utf16_units

_VARIABLE = re.compile(r"\{([a-z_]+)\}")
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€")

MOST_SMS_SEGMENTS = 3
MOST_SUBJECT_UNITS = 150
MOST_DLT_VARIABLE = 30
"""Characters that a variable of a text registered with DLT may be filled with."""


def variables_of(text: str) -> tuple[str, ...]:
    """The variables of a text in order of their first appearance."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def is_well_formed(text: str) -> bool:
    """Whether every brace belongs to a variable."""
    return not set("{}") & set(_VARIABLE.sub("", text))


def fill(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables filled in. KeyError for a variable without a value."""
    return _VARIABLE.sub(lambda found: values[found[1]], text)


def shorten(value: str, longest: int) -> str:
    """`value` in one line of at most `longest` UTF-16 units, cut between words where it can be.

    A provider refuses a parameter with line breaks, tabs or runs of spaces, and one that is empty.
    """
    words = value.split()
    while len(words) > 1 and utf16_units(" ".join(words)) > longest:
        words.pop()
    line = " ".join(words)
    while utf16_units(line) > longest:
        line = line[:-1]
    if len(words) < len(value.split()):
        line = line.rstrip(",;:")
    return line or "-"


def septets(text: str) -> int | None:
    """The text's length in the GSM alphabet, or None where it has characters that it lacks."""
    if not all(char in _BASIC or char in _EXTENSION for char in text):
        return None
    return len(text) + sum(1 for char in text if char in _EXTENSION)


def segments(text: str) -> int:
    """How many SMS the text is sent and billed as."""
    length = septets(text)
    if length is not None:
        return 1 if length <= 160 else -(-length // 153)
    units = utf16_units(text)
    return 1 if units <= 70 else -(-units // 67)


def as_entities(text: str) -> str:
    """Every UTF-16 unit as `&#NNNN;`: how Mobile Seva takes what the GSM alphabet lacks."""
    raw = text.encode("utf-16-be")
    return "".join(f"&#{int.from_bytes(raw[i : i + 2], 'big')};" for i in range(0, len(raw), 2))
