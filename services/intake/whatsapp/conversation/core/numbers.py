"""Numbers in a message: the one that it is, and those of cases. Pure."""

from __future__ import annotations

import re
import unicodedata

from services.kernel.domain import tickets

SELECTORS = "\ufe0e\ufe0f"
_KEYCAP = "\u20e3"
_TICKET = re.compile(r"(?<![\w])(?:[A-Za-z]{2,6}[\s:–-]{0,3})?\d(?:[\s–-]?\d){9}(?!\w)")


def number_of(text: str) -> int | None:
    """The number that a message is, in digits of any script, as `2`, `२`, `2.` or a keycap."""
    bare = text.strip().strip(".)( -:" + SELECTORS + _KEYCAP)
    bare = bare.translate({ord(c): None for c in SELECTORS + _KEYCAP})
    if not 0 < len(bare) <= 2:
        return None
    digits = [unicodedata.decimal(char, None) for char in bare]
    if any(digit is None for digit in digits):
        return None
    return int("".join(str(digit) for digit in digits))


def looks_like_ticket(text: str) -> bool:
    """Whether it is a ticket number with a wrong digit, or one too many or few, and nothing else."""
    bare = [char for char in text if not char.isspace() and char not in "-–."]
    digits = sum(unicodedata.decimal(char, None) is not None for char in bare)
    letters = len(bare) - digits
    return 8 <= digits <= 12 and letters <= 4 and all(
        char.isascii() and char.isalpha() for char in bare[:letters]
    )


def ticket_in(text: str) -> tuple[str | None, str]:
    """The ticket number that stands in a message, and the words beside it."""
    whole = tickets.parse(text)
    if whole is not None:
        return whole, ""
    for one in _TICKET.finditer(text):
        ticket = tickets.parse(one[0])
        if ticket is not None:
            return ticket, f"{text[: one.start()]} {text[one.end() :]}"
    return None, text
