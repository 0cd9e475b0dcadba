"""Telephone numbers of a directory: officers' in E.164, public ones as people dial them."""

from __future__ import annotations

import re

from services.kernel.domain.errors import Invalid
from services.kernel.domain.phones import normalise

_SHORT = re.compile(r"[1-9][0-9]{2,3}")


def international(text: str) -> str | None:
    """The number in E.164 (`+91…`), or None where the text is no telephone number."""
    try:
        return normalise(text)
    except Invalid:
        return None


def can_be_dialled(text: str) -> bool:
    """Whether the text is a telephone number or a short code such as 112 or 1077."""
    return _SHORT.fullmatch(text) is not None or international(text) is not None
