"""What is known of an address: whether it can be anybody's, who wrote from it, and who wants no messages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

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


BAD_FOR = timedelta(days=30)
"""How long a number counts as nobody's on a channel: numbers are given to others, phones are mended."""
WINDOW = timedelta(hours=24)


@dataclass(frozen=True)
class Contact:
    """What is known of an address. `window_until`: until then WhatsApp takes free text, since the person
    wrote; `bad`: when a provider said of a channel that the address is nobody's; `language`: the one in
    which he was last written to outside of a case."""

    window_until: datetime | None = None
    opted_out_at: datetime | None = None
    bad: Mapping[str, datetime] = field(default_factory=dict)
    language: Language | None = None

    def in_window(self, now: datetime) -> bool:
        return self.window_until is not None and now < self.window_until

    def is_bad(self, channel: str, now: datetime) -> bool:
        at = self.bad.get(channel)
        return at is not None and now - at < BAD_FOR


UNKNOWN = Contact()
