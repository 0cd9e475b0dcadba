"""What is appended to the topic for each piece of a body: key, id, district. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

import orjson

from services.intake.whatsapp.webhook.body import Piece
from services.kernel.contracts.beside import WhatsAppReceived
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.codec import Message, beside_the_case
from services.kernel.contracts.topics import WHATSAPP_INBOUND
from services.kernel.domain.naming import Names

SERVICE = "intake-whatsapp"
MOST_VALUE = TOPICS[WHATSAPP_INBOUND].max_message_bytes - 64 * 1024
"""Bytes of a record's value; the rest is for its key and headers."""
_DIGITS = re.compile(r"\+?([0-9]{1,20})")
_ID = re.compile(r"[!-~]{1,512}")
_NUMBER = re.compile(r"[0-9]{1,32}")
_DISTRICT = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class Records:
    """`districts`: by the id of the business number; a number that is not in it is `default`'s."""

    def __init__(self, names: Names, districts: Mapping[str, str], default: str) -> None:
        self._names = names
        self._districts = districts
        self._default = default

    def message(self, piece: Piece, at: datetime) -> Message:
        """`at`: when the body came."""
        event = WhatsAppReceived(
            district=self._districts.get(piece.number, self._default),
            kind=piece.kind,
            number=piece.number,
            at=at,
            item=piece.item,
            contacts=piece.contacts,
        )
        key, ce_id = self._key(piece).encode(), self._id(piece)
        return beside_the_case(event, WHATSAPP_INBOUND, SERVICE, key=key, ce_id=ce_id)

    def _key(self, piece: Piece) -> str:
        """Who it is from or to, so that all about one person stays in order; else the business number."""
        number, user = piece.people
        digits = _DIGITS.fullmatch(number)
        if digits is not None:
            return self._names.phone(f"+{digits[1]}")
        if user or number:
            return self._names.user(user or number)
        return self._names.of(f"number:{piece.number}")

    def _id(self, piece: Piece) -> str:
        """The same for the same piece sent again."""
        told = [piece.wamid]
        if piece.kind == "status":
            status = piece.item.get("status")
            told.append(status if isinstance(status, str) else "")
        if piece.kind != "other" and all(_ID.fullmatch(part) for part in told):
            return "/".join(told)
        whole = orjson.dumps([piece.number, piece.item], option=orjson.OPT_SORT_KEYS)
        return f"{piece.kind}/{self._names.of(f'item:{whole.decode()}')}"


def read_numbers(text: str) -> dict[str, str]:
    """`phone number id:district`, comma-separated → district by number. Raises ValueError naming the part."""
    districts: dict[str, str] = {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        number, _, district = (side.strip() for side in part.partition(":"))
        if not _NUMBER.fullmatch(number) or not _DISTRICT.fullmatch(district):
            raise ValueError(f"`{part}` is not `phone number id:district`")
        if number in districts:
            raise ValueError(f"the number {number} is given twice")
        districts[number] = district
    return districts
