"""The checks of one text: its variables, and whether it fits its channel with the longest values."""

from __future__ import annotations

import re
from collections.abc import Callable

from services.kernel.domain.directory import Language
from services.kernel.domain.whatsapp_limits import (
    MOST_BODY,
    MOST_BUTTON_TITLE,
    MOST_BUTTONS,
    utf16_units,
)
from services.notify.core.book import Book, Channel, Template, Wording
from services.notify.core.wording import (
    MOST_DLT_VARIABLE,
    MOST_SMS_SEGMENTS,
    MOST_SUBJECT_UNITS,
    fill,
    is_well_formed,
    segments,
    septets,
    variables_of,
)

_META_NAME = re.compile(r"[a-z0-9_]{1,512}")
_DLT_ID = re.compile(r"[0-9]{19}")
_BUTTON_ID = re.compile(r"[a-z_]{1,40}")
Fault = Callable[[str], None]


def check_wording(
    book: Book,
    template: Template,
    channel: Channel,
    language: Language,
    wording: Wording,
    fault: Fault,
) -> None:
    """Tell `fault` what is wrong with one text of a template."""
    if not (is_well_formed(wording.text) and is_well_formed(wording.subject)):
        fault("a brace that belongs to no {variable}")
        return
    names = dict.fromkeys((*variables_of(wording.subject), *variables_of(wording.text)))
    unknown = [name for name in names if name not in template.variables]
    for name in unknown:
        fault(f"unknown variable `{name}`: it is not among the template's variables")
    if unknown or any(name not in book.longest for name in names):
        return
    if channel == "whatsapp":
        _check_whatsapp(book, wording, fault)
    elif channel == "sms":
        _check_sms(book, language, wording, fault)
    else:
        _check_email(book, wording, fault)


def check_buttons(template: Template, fault: Callable[[str, str], None]) -> None:
    """Tell `fault` which button is wrong, and how."""
    seen: set[str] = set()
    for number, button in enumerate(template.buttons, start=1):
        if number > MOST_BUTTONS:
            fault(button.id, f"WhatsApp shows {MOST_BUTTONS} buttons at most")
        if not _BUTTON_ID.fullmatch(button.id):
            fault(button.id, "a button's id is of small Latin letters and _, 40 at most")
        if button.id in seen:
            fault(button.id, f"the button `{button.id}` is given twice")
        seen.add(button.id)
        for title in button.titles.values():
            if utf16_units(title) > MOST_BUTTON_TITLE:
                fault(
                    button.id,
                    f"`{title}` is too long for a button: {utf16_units(title)}, "
                    f"at most {MOST_BUTTON_TITLE}",
                )
        if "whatsapp" not in {channel for channel, _ in template.wordings}:
            fault(button.id, "only a WhatsApp text can have buttons")


def _check_sms(book: Book, language: Language, wording: Wording, fault: Fault) -> None:
    if not _DLT_ID.fullmatch(wording.registered):
        fault(f"`{wording.registered}` is no DLT template id, which has 19 digits")
    for name in variables_of(wording.text):
        if book.longest[name] > MOST_DLT_VARIABLE:
            fault(f"`{name}` may be {book.longest[name]} long, but DLT takes {MOST_DLT_VARIABLE}")
    parts = segments(with_longest(book, wording.text))
    if parts > MOST_SMS_SEGMENTS:
        fault(
            f"too long for sms: {parts} segments with the longest values, "
            f"at most {MOST_SMS_SEGMENTS}"
        )
    if language == "en" and septets(wording.text) is None:
        fault("an English SMS has characters outside the GSM alphabet, which doubles its price")


def _check_whatsapp(book: Book, wording: Wording, fault: Fault) -> None:
    if not _META_NAME.fullmatch(wording.registered):
        fault(f"`{wording.registered}` is no name for Meta: small Latin letters, digits and _")
    units = utf16_units(with_longest(book, wording.text))
    if units > MOST_BODY:
        fault(
            f"too long for whatsapp: {units} with the longest values, at most {MOST_BODY}"
        )
    if wording.text.startswith("{") or wording.text.endswith("}"):
        # Meta does not approve such a template
        fault("a WhatsApp template may not begin or end with a variable")


def _check_email(book: Book, wording: Wording, fault: Fault) -> None:
    if "\n" in wording.subject or "\r" in wording.subject:
        fault("the subject of an e-mail is one line")
    units = utf16_units(with_longest(book, wording.subject))
    if units > MOST_SUBJECT_UNITS:
        fault(
            f"the subject is too long: {units} with the longest values, at most {MOST_SUBJECT_UNITS}"
        )


def with_longest(book: Book, text: str) -> str:
    """The text with every variable at its longest, in the alphabet of the text itself."""
    letter = "x" if septets(text) is not None else "क"
    return fill(text, {name: letter * book.longest[name] for name in variables_of(text)})
