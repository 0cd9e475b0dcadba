"""What is offered under a text: whether WhatsApp takes it as buttons or a list, and the same in plain words
where it does not. Pure, and it never raises: whatever is not taken is said in another form.

Lengths are in UTF-16 units: Meta counts those in some fields and code points in others.
"""

from __future__ import annotations

from collections.abc import Sequence

from services.kernel.domain.whatsapp_limits import (
    MOST_BODY,
    MOST_BUTTON_ID,
    MOST_BUTTON_TITLE,
    MOST_BUTTONS,
    MOST_ROW_DESCRIPTION,
    MOST_ROW_ID,
    MOST_ROW_TITLE,
    MOST_ROWS,
    MOST_TEXT,
    cut,
    utf16_units,
)
from services.notify.core.wording import shorten

MOST_LINE = 200
"""Of an option that is said in plain words."""
Buttons = Sequence[tuple[str, str]]
Rows = Sequence[tuple[str, str, str]]


def buttons_fit(text: str, buttons: Buttons) -> bool:
    """Whether Meta takes them: few, short, none empty, and no two alike."""
    titles = [title for _, title in buttons]
    ids = [id_ for id_, _ in buttons]
    return (
        _is_within(text, MOST_BODY)
        and 0 < len(buttons) <= MOST_BUTTONS
        and all(_is_within(title, MOST_BUTTON_TITLE) for title in titles)
        and all(_is_within(id_, MOST_BUTTON_ID) for id_ in ids)
        and _all_differ(titles)
        and _all_differ(ids)
    )


def list_fits(text: str, rows: Rows, button: str) -> bool:
    """Whether Meta takes a list of one section; a description may be missing."""
    titles = [title for _, title, _ in rows]
    ids = [id_ for id_, _, _ in rows]
    return (
        _is_within(text, MOST_BODY)
        and _is_within(button, MOST_BUTTON_TITLE)
        and 0 < len(rows) <= MOST_ROWS
        and all(_is_within(title, MOST_ROW_TITLE) for title in titles)
        and all(_is_within(id_, MOST_ROW_ID) for id_ in ids)
        and all(utf16_units(said) <= MOST_ROW_DESCRIPTION for _, _, said in rows)
        and _all_differ(titles)
        and _all_differ(ids)
    )


def in_plain(text: str, buttons: Buttons = (), rows: Rows = ()) -> str:
    """The text with all that is offered numbered beneath it, at most MOST_TEXT long; empty where nothing is
    said at all. Of what is too long the text is cut before the options are."""
    offered = [(title, said) for _, title, said in rows] + [(title, "") for _, title in buttons]
    lines = [
        f"{number}. {shorten(' – '.join(filter(str.strip, option)), MOST_LINE)}"
        for number, option in enumerate(offered, start=1)
    ]
    options = cut("\n".join(lines), MOST_TEXT)
    if not options:
        return cut(text, MOST_TEXT) if text.strip() else ""
    between = "\n\n"
    above = cut(text.rstrip(), MOST_TEXT - len(between) - utf16_units(options))
    return f"{above}{between}{options}" if above.strip() else options


def _is_within(text: str, most: int) -> bool:
    return bool(text.strip()) and utf16_units(text) <= most


def _all_differ(texts: Sequence[str]) -> bool:
    return len({text.strip() for text in texts}) == len(texts)
