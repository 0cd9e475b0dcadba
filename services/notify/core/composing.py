"""A stored message and what is looked up when it is sent → what goes out, or why nothing can. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from services.kernel.contracts.envelope import Requested
from services.notify.core.book import CITIZENS, Book, Channel, Template
from services.notify.core.contacts import UNKNOWN, Contact
from services.notify.core.delivery import NO_ADDRESS, OPTED_OUT
from services.notify.core.messages import Message
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from services.notify.core.values import LINK, NO_WORDS, WORDS
from services.notify.core.wording import fill, shorten, variables_of


@dataclass(frozen=True)
class Found:
    """What a message needs of the moment: address (E.164, WhatsApp user id or e-mail) and what is known of
    it, the event's words where its reader may have them, the citizen's link, and the envelope of a message
    without a case. `since`: when the address was told us; None where it is the one of now."""

    address: str | None = None
    contact: Contact = UNKNOWN
    since: datetime | None = None
    words: str | None = field(default=None, repr=False)
    link: str = field(default="", repr=False)
    requested: Requested | None = None


def compose(
    message: Message, channel: Channel, found: Found, book: Book, now: datetime
) -> Outgoing | Outcome:
    """What goes to the provider of `channel`, or the permanent failure that it is without a call."""
    if found.address is None:
        return Outcome("permanent", NO_ADDRESS)
    bound = message.audience in CITIZENS and not (message.at_once or message.urgent)
    if bound and found.contact.opted_out_at is not None:
        return Outcome("permanent", OPTED_OUT)
    free = found.requested
    contact = found.contact
    if free is not None and free.answers is not None:
        # whoever hears of what is written may not have come to it yet; never later than it was answered
        contact = contact.heard(min(free.answers, message.created_at))
    if contact.is_bad(channel, now):
        return Outcome("permanent", "known_bad_address")
    in_window = channel == "whatsapp" and contact.in_window(now)
    is_reply = free is not None and free.text is not None and channel == "whatsapp"
    if free is not None and free.text is not None and in_window:
        return Outgoing(
            key=message.id,
            to=found.address,
            language=message.language,
            text=free.text,
            in_window=True,
            buttons=free.buttons,
            rows=free.rows,
            list_button=free.list_button,
            urgent=message.urgent,
        )
    template = book.templates.get(message.template)
    wording = template.wordings.get((channel, message.language)) if template else None
    if template is None or wording is None:
        return Outcome("permanent", "outside_window" if is_reply else "no_such_template")
    values = _values(message, found, book)
    names = variables_of(wording.text)
    if any(name not in values for name in (*names, *variables_of(wording.subject))):
        return Outcome("permanent", "template_changed")
    return Outgoing(
        key=message.id,
        to=found.address,
        language=message.language,
        text=fill(wording.text, values),
        registered=wording.registered,
        parameters=tuple(values[n] for n in template.variables if n in names),
        in_window=in_window,
        buttons=_buttons(template, message),
        subject=fill(wording.subject, values),
        urgent=message.urgent,
    )


def _values(message: Message, found: Found, book: Book) -> Mapping[str, str]:
    missing = book.words[NO_WORDS][message.language] if NO_WORDS in book.words else ""
    late = {**message.values, WORDS: found.words or missing}
    if message.ticket is not None:
        late[LINK] = found.link
    if found.requested is not None:
        # whoever asks for a message without a case gives all of its values
        late |= found.requested.values
    return {name: shorten(value, book.longest.get(name, 200)) for name, value in late.items()}


def _buttons(template: Template, message: Message) -> tuple[tuple[str, str], ...]:
    if message.ticket is None:
        return ()  # what comes back would name no case
    return tuple(
        (f"{button.id}:{message.ticket}", button.titles[message.language])
        for button in template.buttons
    )
