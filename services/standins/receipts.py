"""What WhatsApp tells its customer: the webhook's bodies, signed as Meta signs them.

A body holds up to MOST_IN_BODY updates, spread over several changes, as a real one may be.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import aiohttp

from services.standins.behaviour import Ruling
from services.standins.courier import Courier, Patience
from services.standins.journal import Journal, Taken

Field = Literal["statuses", "messages"]
MOST_IN_BODY = 100
MOST_IN_CHANGE = 10
PATIENCE = Patience(tries=20, first_pause=0.5, longest_pause=30.0)
"""Some eight minutes, for the seven days of the real one."""
ACCOUNT = "100000000000000"
DISPLAYED = "15550000001"
TITLES = {
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "Message not delivered to maintain healthy ecosystem engagement",
    131053: "Media upload error",
    131056: "Pair rate limit hit",
}


@dataclass(frozen=True)
class Update:
    """One status or one message; `contact` says who sent the message. `of` is a status's message."""

    field: Field
    item: Mapping[str, Any]
    contact: Mapping[str, Any] | None = None
    of: str = ""


class Webhook:
    """What waits for, and has been taken by, the customer's webhook. `secret` signs its bodies."""

    def __init__(self, journal: Journal, *, url: str, secret: str, phone_number_id: str) -> None:
        self._journal = journal
        self._url = url
        self._secret = secret.encode()
        self._number = phone_number_id
        self.courier: Courier[Update] = Courier(
            self._deliver, PATIENCE, most_in_one=MOST_IN_BODY, at_once=4
        )

    def tell_of(self, taken: Taken, ruling: Ruling, chance: random.Random) -> None:
        """The receipts of a message that was taken now, as the ruling has them."""
        wanted = ruling.receipts
        usual = ["sent", "failed" if wanted.fail_code else "delivered"]
        if wanted.read and not wanted.fail_code:
            usual.append("read")
        after = ruling.receipts_after
        at = taken.at + timedelta(seconds=after)
        for status in wanted.order(usual, chance):
            item = status_of(taken, status, at, wanted.fail_code)
            self.courier.put(Update("statuses", item, of=taken.id), after)

    async def _deliver(self, session: aiohttp.ClientSession, updates: Sequence[Update]) -> bool:
        for update in updates:
            if update.of:
                self._journal.mark(update.of, update.item["status"])
        raw = body_of(updates, self._number)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(raw, self._secret),
        }
        async with session.post(
            self._url, data=raw, headers=headers, allow_redirects=False
        ) as answer:
            return answer.status == 200


def status_of(taken: Taken, status: str, at: datetime, fail_code: int | None) -> dict[str, Any]:
    """One entry of `statuses`."""
    item: dict[str, Any] = {
        "id": taken.id,
        "status": status,
        "timestamp": str(int(at.timestamp())),
        "recipient_id": taken.to,
    }
    if taken.key:
        item["biz_opaque_callback_data"] = taken.key
    if status == "failed":
        assert fail_code is not None
        title = TITLES.get(fail_code, "Message failed to send")
        item["errors"] = [
            {"code": fail_code, "title": title, "message": title, "error_data": {"details": title}}
        ]
    elif status != "read":
        free = taken.kind != "template"
        item["pricing"] = {
            "billable": not free,
            "pricing_model": "PMP",
            "type": "free_customer_service" if free else "regular",
            "category": "service" if free else "utility",
        }
    return item


def body_of(updates: Sequence[Update], phone_number_id: str) -> bytes:
    """The bytes that are sent: everything beyond ASCII is escaped, as Meta does."""
    changes = []
    for field in ("statuses", "messages"):
        of_field = [update for update in updates if update.field == field]
        for start in range(0, len(of_field), MOST_IN_CHANGE):
            part = of_field[start : start + MOST_IN_CHANGE]
            value: dict[str, Any] = {
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": DISPLAYED,
                    "phone_number_id": phone_number_id,
                },
            }
            contacts = [update.contact for update in part if update.contact]
            if contacts:
                value["contacts"] = contacts
            value[field] = [update.item for update in part]
            changes.append({"value": value, "field": "messages"})
    body = {
        "object": "whatsapp_business_account",
        "entry": [{"id": ACCOUNT, "changes": changes}],
    }
    return json.dumps(body, separators=(",", ":")).encode("ascii")


def signature(raw: bytes, secret: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
