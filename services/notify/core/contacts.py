"""What is known of an address: whether it can be anybody's, who wrote from it, who wants no messages, and
where who had it is reached now."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from services.kernel.contracts.base import Sealed
from services.kernel.domain.directory import Language
from services.kernel.domain.errors import Invalid
from services.kernel.domain.phones import normalise

_E164 = re.compile(r"\+[1-9][0-9]{7,14}")


def reachable(phone: str | None) -> str | None:
    """The number in E.164, or None where there is none that could be anybody's."""
    if not phone:
        return None
    if _E164.fullmatch(phone):
        return phone
    try:
        return normalise(phone)
    except Invalid:
        return None


def is_number(address: str) -> bool:
    """Whether it is a number: every other address of WhatsApp is a user id, which no SMS reaches."""
    return address.startswith("+")


BAD_FOR = timedelta(days=30)
"""How long a number counts as nobody's on a channel: numbers are given to others, phones are mended."""
WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class Moved:
    """From `at` on who had an address has another one: `sealed`, under a key of its own (`wrapped_key`)."""

    at: datetime
    sealed: Sealed
    wrapped_key: str


@dataclass(frozen=True)
class Contact:
    """What is known of an address.

    `window_until`: until then WhatsApp takes free text, since the person wrote 24 hours before it;
    `closed_at`: when it last refused it nevertheless. `bad`: when a provider said of a channel that the
    address is nobody's. `language`: the one in which he was last written to outside of a case. `moved`: those
    who had the address one after the other, and have another one now.
    """

    window_until: datetime | None = None
    opted_out_at: datetime | None = None
    bad: Mapping[str, datetime] = field(default_factory=dict)
    language: Language | None = None
    closed_at: datetime | None = None
    moved: tuple[Moved, ...] = ()

    @property
    def heard_at(self) -> datetime | None:
        """When he last wrote by WhatsApp."""
        return self.window_until - WINDOW if self.window_until is not None else None

    def heard(self, at: datetime) -> Contact:
        """The same after a message of his at `at`."""
        if self.window_until is not None and at + WINDOW <= self.window_until:
            return self
        return replace(self, window_until=at + WINDOW)

    def in_window(self, now: datetime) -> bool:
        heard_at = self.heard_at
        if heard_at is None or now >= heard_at + WINDOW:
            return False
        return self.closed_at is None or self.closed_at < heard_at

    def is_bad(self, channel: str, now: datetime) -> bool:
        at = self.bad.get(channel)
        if at is None or now - at >= BAD_FOR:
            return False
        # whoever writes from it by WhatsApp is there
        return not (channel == "whatsapp" and self.heard_at is not None and self.heard_at > at)

    def moved_after(self, since: datetime) -> Moved | None:
        """Where he is reached who had the address at `since`, if he has it no more."""
        return min((one for one in self.moved if one.at > since), key=lambda one: one.at, default=None)


UNKNOWN = Contact()
