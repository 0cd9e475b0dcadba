"""What the conversation says: texts by key in the person's tongue, cut to what the Cloud API takes. Pure.

Lengths are counted in UTF-16 units, the strictest way in which Meta counts anywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.intake.texts import Texts
from services.intake.whatsapp.conversation.core.model import Option, Reply, Tongue
from services.kernel.domain.directory import Calendar, Language
from services.kernel.domain.whatsapp_limits import (
    MOST_BODY,
    MOST_BUTTON_TITLE,
    MOST_BUTTONS,
    MOST_ROW_DESCRIPTION,
    MOST_ROW_TITLE,
    MOST_ROWS,
    MOST_TEXT,
    cut,
    utf16_units,
)

MOST_SHORT_WORD = 160
BETWEEN = "\n\n"


def telephone(number: str) -> str:
    """A number in E.164 as its owner can check it."""
    own = number.removeprefix("+91")
    return f"{own[:5]} {own[5:]}" if own != number and len(own) == 10 else number


def language_of(tongue: Tongue | None) -> Language:
    return "en" if tongue == "en" else "hi"


class Voice:
    """Looks texts up. A key that is not there is our fault and raises KeyError. `chhattisgarhi`: strings by
    key, where they are given."""

    def __init__(self, texts: Texts, chhattisgarhi: Mapping[str, str]) -> None:
        self._texts = texts
        self._chhattisgarhi = chhattisgarhi

    def say(self, key: str, tongue: Tongue | None, **values: str) -> str:
        own = self._chhattisgarhi.get(key) if tongue == "hne" else None
        if own is not None:
            return own.format_map(values) if values else own
        return self._texts.say(key, language_of(tongue), **values)

    def has(self, key: str) -> bool:
        return key in self._texts

    def instant(self, at: datetime, zone: str, tongue: Tongue | None) -> str:
        return self._texts.instant(at, zone, language_of(tongue))

    def hours(self, calendar: Calendar, tongue: Tongue | None) -> str:
        return "; ".join(self._texts.hours(calendar, language_of(tongue)))


def reply(text: str, options: Sequence[Option] = (), list_button: str = "", **more: Any) -> Reply:
    """A reply with as much of everything as the provider takes: words, up to three options as buttons, more,
    or longer ones, as a list."""
    if not options:
        return Reply(cut(text, MOST_TEXT), **more)
    body = cut(text, MOST_BODY)
    shown = options[:MOST_ROWS]
    few = len(shown) <= MOST_BUTTONS
    if few and all(utf16_units(o.title) <= MOST_BUTTON_TITLE and not o.description for o in shown):
        titled = _distinct(shown, MOST_BUTTON_TITLE)
        return Reply(body, buttons=tuple((o.id, o.title) for o in titled), **more)
    rows = _distinct(shown, MOST_ROW_TITLE)
    return Reply(
        body,
        rows=tuple((o.id, o.title, cut(o.description, MOST_ROW_DESCRIPTION)) for o in rows),
        list_button=cut(list_button, MOST_BUTTON_TITLE),
        **more,
    )


def together(replies: Sequence[Reply]) -> list[Reply]:
    """What is sent for them: a short word before a question ("this is added, too") stands in one message with
    it, so that a phone rings once, and the two come in their order. What tells of a case, or of danger, stays
    by itself."""
    sent: list[Reply] = []
    for one in replies:
        before = sent[-1] if sent else None
        if before is not None and _is_short_word(before) and (one.buttons or one.rows):
            text = f"{before.text}{BETWEEN}{one.text}"
            if utf16_units(text) <= MOST_BODY:
                sent[-1] = replace(one, text=text)
                continue
        sent.append(one)
    return sent


def _is_short_word(one: Reply) -> bool:
    is_bare = not (one.buttons or one.rows or one.fallback or one.urgent)
    return is_bare and utf16_units(one.text) <= MOST_SHORT_WORD


def _distinct(options: Sequence[Option], most: int) -> list[Option]:
    """Titles within their length, no two alike: the provider refuses a message with two."""
    taken: set[str] = set()
    found: list[Option] = []
    for place, option in enumerate(options, start=1):
        title = cut(option.title, most)
        if title in taken:
            title = f"{cut(option.title, most - 3)} {place}"
        taken.add(title)
        found.append(Option(option.id, title, option.description))
    return found
