"""The bodies of the webhook, as Meta writes them. Pure.

One that comes by itself holds up to MOST_IN_BODY updates, spread over several changes, as a real one may be;
one that is asked for lies as it was asked for.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from services.standins.items import DISPLAYED
from services.standins.written import Spread

Field = Literal["statuses", "messages"]
MOST_IN_BODY = 100
MOST_IN_CHANGE = 10
ACCOUNT = "100000000000000"


@dataclass(frozen=True)
class Update:
    """One status or one message; `contact` says who sent the message. `of` is a status's message. `number`:
    the id of the business's number, if not the usual one. `spread`: how it lies in a body that was asked
    for."""

    field: Field
    item: Mapping[str, Any]
    contact: Mapping[str, Any] | None = None
    of: str = ""
    number: str = ""
    spread: Spread | None = None


def body_of(updates: Sequence[Update], phone_number_id: str) -> bytes:
    """The bytes that are sent: everything beyond ASCII is escaped, as Meta does."""
    spread = updates[0].spread
    parts = list(_as_it_comes(updates) if spread is None else _as_asked(updates, spread))
    changes = [_change(part, phone_number_id) for part in parts]
    grouped = [[change] for change in changes] if spread == "entries" else [changes]
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "changes": several} for several in grouped],
    }
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def _as_it_comes(updates: Sequence[Update]) -> Iterator[Sequence[Update]]:
    """What lies in a change each."""
    for field in ("statuses", "messages"):
        of_field = [update for update in updates if update.field == field]
        for number in dict.fromkeys(update.number for update in of_field):
            of_number = [update for update in of_field if update.number == number]
            for start in range(0, len(of_number), MOST_IN_CHANGE):
                yield of_number[start : start + MOST_IN_CHANGE]


def _as_asked(updates: Sequence[Update], spread: Spread) -> Iterator[Sequence[Update]]:
    """The same, in the order given: a change holds one field of one number."""
    if spread != "one":
        yield from ([update] for update in updates)
        return
    for _, part in groupby(updates, lambda update: (update.field, update.number)):
        yield list(part)


def _change(part: Sequence[Update], phone_number_id: str) -> dict[str, Any]:
    field = part[0].field
    value: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "metadata": {
            "display_phone_number": DISPLAYED,
            "phone_number_id": part[0].number or phone_number_id,
        },
    }
    contacts: list[Mapping[str, Any]] = []
    for update in part:
        if update.contact and update.contact not in contacts:
            contacts.append(update.contact)
    if contacts:
        value["contacts"] = contacts
    value[field] = [update.item for update in part]
    return {"value": value, "field": "messages"}
