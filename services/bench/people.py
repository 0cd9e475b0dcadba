"""Whom the load plays: citizens who file, and a Collector who works their cases at the desk."""

from __future__ import annotations

from datetime import timedelta

import orjson

from services.kernel.adapters import tokens
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import DEVELOPMENT_SECRET

DISTRICT = "janjgir-champa"
_PLACES = (
    (
        "hand-pump",
        {"block": "akaltara", "village": "Tarod"},
        "हमारे मोहल्ले का हैंडपंप तीन हफ्ते से खराब है, पानी लाने दो किलोमीटर जाना पड़ता है",
    ),
    (
        "power-cut",
        {"block": "bamhnidih"},
        "बिजली रोज शाम को चली जाती है और रात भर नहीं आती, बच्चों की पढ़ाई रुक गई है",
    ),
    (
        "road",
        {"block": "nawagarh"},
        "The road to the school is broken; the bus has not come since the rains",
    ),
    (
        "garbage",
        {"block": "pamgarh"},
        "कचरा गाड़ी दो हफ्ते से नहीं आई, नाली के पास ढेर लगा है और बदबू फैल रही है",
    ),
)


def phone(number: int) -> str:
    """A citizen's own number; ten digits that no exchange gives out."""
    return f"9{number % 10**9:09d}"


def filing(number: int) -> bytes:
    """The body of the number-th case, as the JSON API takes it: about 400 bytes."""
    service, place, text = _PLACES[number % len(_PLACES)]
    return orjson.dumps(
        {
            "kind": "complaint",
            "text": f"{text} ({number})",
            "service": service,
            "place": place,
            "citizen": {"name": f"रामकली {number % 997}", "phone": phone(number)},
        }
    )


def token() -> str:
    """The Collector's, for a stack with development secrets."""
    return tokens.issue(
        DEVELOPMENT_SECRET,
        role="collector",
        person="collector-1",
        district=DISTRICT,
        now=system_clock(0)(),
        lifetime=timedelta(hours=12),
    )


def bearer() -> dict[str, str]:
    return {"Authorization": f"Bearer {token()}"}
