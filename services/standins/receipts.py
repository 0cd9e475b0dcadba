"""What WhatsApp tells its customer: receipts and messages, to its webhook, signed as Meta signs them."""

from __future__ import annotations

import hashlib
import hmac
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import aiohttp

from services.standins.behaviour import Ruling
from services.standins.bodies import MOST_IN_BODY, Update, body_of
from services.standins.chats import Chats
from services.standins.courier import Courier, Patience
from services.standins.journal import Journal, Taken

PATIENCE = Patience(tries=20, first_pause=0.5, longest_pause=30.0)
"""Some eight minutes, for the seven days of the real one."""
TITLES = {
    131026: "Message undeliverable",
    131047: "Re-engagement message",
    131048: "Spam rate limit hit",
    131049: "Message not delivered to maintain healthy ecosystem engagement",
    131053: "Media upload error",
    131056: "Pair rate limit hit",
}


class Webhook:
    """What waits for, and has been taken by, the customer's webhook. `secret` signs its bodies."""

    def __init__(
        self, journal: Journal, chats: Chats, *, url: str, secret: str, phone_number_id: str
    ) -> None:
        self._journal = journal
        self._chats = chats
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
            self._tell(taken, status, at, wanted.fail_code, after)

    def tell_read(self, taken: Taken, at: datetime) -> None:
        """Its phone has shown the message."""
        self._tell(taken, "read", at)

    def _tell(
        self, taken: Taken, status: str, at: datetime,
        fail_code: int | None = None, after: float = 0.0,
    ) -> None:  # fmt: skip
        addresses = self._chats.addresses(taken.to)
        item = status_of(taken, status, at, fail_code, addresses)
        self.courier.put(Update("statuses", item, of=taken.id), after)

    async def _deliver(self, session: aiohttp.ClientSession, updates: Sequence[Update]) -> bool:
        for update in updates:
            if update.of:
                self._journal.mark(update.of, update.item["status"])
                self._chats.told(update.of, update.item["status"])
        raw = body_of(updates, self._number)
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "facebookexternalua",
            "X-Hub-Signature-256": signature(raw, self._secret),
        }
        async with session.post(
            self._url, data=raw, headers=headers, allow_redirects=False
        ) as answer:
            arrived = answer.status == 200
        if arrived:
            for update in updates:
                if update.field == "messages" and isinstance(wamid := update.item.get("id"), str):
                    self._chats.told(wamid, "delivered")
        return arrived


def status_of(
    taken: Taken, status: str, at: datetime, fail_code: int | None, addresses: Sequence[str]
) -> dict[str, Any]:
    """One entry of `statuses`. `addresses`: the recipient's number, user id or both."""
    item: dict[str, Any] = {"id": taken.id, "status": status, "timestamp": str(int(at.timestamp()))}
    for address in addresses:
        item["recipient_id" if address.isdigit() else "recipient_user_id"] = address
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


def signature(raw: bytes, secret: bytes) -> str:
    """The value of X-Hub-Signature-256."""
    return "sha256=" + hmac.new(secret, raw, hashlib.sha256).hexdigest()
