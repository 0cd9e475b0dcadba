"""What people write on WhatsApp and what they get: applied to the phones that show it and to the 24 hours
that it opens, and kept over a restart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from services.standins.journal import Taken
from services.standins.phone_log import PhoneLog
from services.standins.phones import Message, Phone, Phones
from services.standins.said import object_of, said_of_item, text_of
from services.standins.window import Windows

MOST_RESTORED = 2_000
"""Messages to phones that are shown again after a restart."""
_OPENS_NOTHING = frozenset({"system", "edit", "revoke"})
_NOTHING: Mapping[str, Any] = {}


class Chats:
    def __init__(self, phones: Phones, windows: Windows, log: PhoneLog) -> None:
        self._phones = phones
        self._windows = windows
        self._log = log

    def heard(self, item: Mapping[str, Any], contact: Mapping[str, Any] | None, now: datetime) -> None:
        """One entry of a webhook's `messages` was written. Of whom nothing can be told, nothing is shown."""
        self._apply(item, contact or _NOTHING, now)
        self._log.add({"at": now.isoformat(), "item": item, "contact": contact})

    def got(self, taken: Taken) -> None:
        """A message was taken for a phone."""
        self._phones.got(taken)

    def told(self, id_: str, status: str) -> None:
        """A receipt, or that the webhook took what was written."""
        if self._phones.told(id_, status) and self._phones.author(id_) is not None:
            self._log.add({"of": id_, "status": status})

    def read_by_us(self, id_: str, typing_since: datetime | None) -> bool:
        """The business has read what was written so far; False if nobody wrote such a message."""
        read = self._phones.read_by_us(id_, typing_since)
        for one in read or ():
            self._log.add({"of": one, "status": "read"})
        return read is not None

    @property
    def epoch(self) -> str:
        return self._phones.epoch

    @property
    def changes(self) -> int:
        return self._phones.changes

    def since(self, phone: Phone, after: int, most: int) -> list[Message]:
        return self._phones.since(phone, after, most)

    def unseen(self, phone: Phone) -> Iterator[Message]:
        return self._phones.unseen(phone)

    def knows(self, address: str) -> bool:
        return self._phones.known(address) is not None

    def phone(self, address: str) -> Phone | None:
        return self._phones.known(address)

    def author(self, id_: str) -> str | None:
        """The number of the phone that wrote a message, "" where it shows none; None if none wrote it."""
        return self._phones.author(id_)

    def addresses(self, address: str) -> tuple[str, ...]:
        """Number and user id of whoever this one is of."""
        return self._phones.addresses(address)

    def is_open(self, address: str, now: datetime) -> bool:
        """Whether its owner may be written to freely."""
        return any(self._windows.is_open(one, now) for one in self._phones.addresses(address))

    def clear(self) -> None:
        self._phones.clear()
        self._log.clear()

    def close(self) -> None:
        self._log.close()

    def restore(self, taken: Iterable[Taken]) -> None:
        """What was there before a restart. `taken`: WhatsApp messages that phones got, newest first."""
        newest = list(islice(taken, MOST_RESTORED))
        sent = [(one.at, one) for one in reversed(newest)]
        for entry in self._log.entries():
            item, at = entry.get("item"), _instant(entry.get("at"))
            if isinstance(item, dict) and at is not None:
                while sent and sent[0][0] < at:
                    self.got(sent.pop(0)[1])
                contact = entry.get("contact")
                self._apply(item, contact if isinstance(contact, dict) else _NOTHING, at)
            elif isinstance(entry.get("of"), str) and entry.get("status") in ("delivered", "read"):
                self._phones.told(entry["of"], entry["status"])
        for _, one in sent:
            self.got(one)

    def _apply(self, item: Mapping[str, Any], contact: Mapping[str, Any], now: datetime) -> None:
        number = text_of(item, "from") or text_of(contact, "wa_id")
        user_id = text_of(item, "from_user_id") or text_of(contact, "user_id")
        if not (number or user_id):
            return
        kind = text_of(item, "type")
        told = object_of(item, kind)
        if kind == "system":
            phone = self._moved(number, user_id, told)
        else:
            name = text_of(object_of(contact, "profile"), "name")
            phone = self._phones.met(number, user_id, "" if name in (number, user_id) else name)
        at = _written(item, now)
        if kind not in _OPENS_NOTHING:
            for address in phone.addresses:
                self._windows.wrote(address, at)
        if kind == "edit":
            text = text_of(object_of(object_of(told, "message"), "text"), "body")
            self._phones.edited(text_of(told, "original_message_id"), text)
        elif kind == "revoke":
            self._phones.revoked(text_of(told, "original_message_id"))
        elif kind == "reaction":
            self._phones.reacted(text_of(told, "message_id"), text_of(told, "emoji"))
        elif wamid := text_of(item, "id"):
            self._phones.wrote(phone, wamid, at, said_of_item(item))

    def _moved(self, number: str, user_id: str, told: Mapping[str, Any]) -> Phone:
        before = text_of(told, "previous_user_id") or user_id
        to_number = text_of(told, "wa_id") if told.get("type") == "user_changed_number" else ""
        to_user = text_of(told, "user_id") or (user_id if user_id != before else "")
        if to_number and number:
            self._windows.moved(number, to_number)
        if to_user and before:
            self._windows.moved(before, to_user)
        return self._phones.moved(number, before, to_number=to_number, to_user=to_user)


def _written(item: Mapping[str, Any], now: datetime) -> datetime:
    """When it was written, by the timestamp; never later than now."""
    text = text_of(item, "timestamp")
    if text.isascii() and text.isdigit() and len(text) < 11:
        at = datetime.fromtimestamp(int(text), UTC)
        return at if at < now.replace(microsecond=0) else now
    return now


def _instant(text: object) -> datetime | None:
    try:
        at = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return at if at is not None and at.tzinfo is not None else None
