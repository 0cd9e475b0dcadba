"""What the WhatsApp Cloud API takes of a message, in UTF-16 units: Meta counts those in some fields and code
points in others, and there are never fewer units. As documented by Meta in 2026. Pure."""

from __future__ import annotations

MOST_TEXT = 4096
"""A text without anything to tap."""
MOST_BODY = 1024
"""A text with buttons or a list, and a template's."""
MOST_BUTTONS, MOST_BUTTON_TITLE, MOST_BUTTON_ID = 3, 20, 256
"""Also of the button that opens a list."""
MOST_ROWS, MOST_ROW_TITLE, MOST_ROW_DESCRIPTION, MOST_ROW_ID = 10, 24, 72, 200


def utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def cut(text: str, most: int) -> str:
    """`text`, or as much of it as has `most` units with a sign that something is missing; its lines stay."""
    if utf16_units(text) <= most:
        return text
    if most <= 0:
        return ""
    kept = text.encode("utf-16-le", "surrogatepass")[: 2 * (most - 1)]
    return kept.decode("utf-16-le", "ignore").rstrip() + "…"
