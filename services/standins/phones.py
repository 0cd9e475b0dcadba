"""The phones: who writes and is written to on WhatsApp, and what each of them shows.

A person is one, with a number, a user id or both. Everything that a page shows of him carries the number of
the last change to it, so that the page asks for what is new since it last looked. Bounded: the oldest
messages are forgotten, and who has none left and shows no user id.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from secrets import token_hex
from typing import Any, Literal

from services.standins.journal import FURTHER, Taken
from services.standins.said import Said, said_of_taken

MOST_MESSAGES = 20_000
TYPING = timedelta(seconds=25)
Status = Literal["sent", "delivered", "read", "failed"]


@dataclass(slots=True, eq=False)
class Message:
    """`mine`: written on the phone. `changed`: the number of the last change. `taken`: what the stand-in has
    of one that was sent to the phone. `emoji`: what the phone's owner put to it. `shown`: the phone has told
    that it was read."""

    id: str
    at: datetime
    mine: bool
    said: Said
    status: str
    changed: int
    number: int
    taken: Taken | None = None
    edited: bool = False
    revoked: bool = False
    emoji: str = ""
    shown: bool = False

    def as_json(self) -> dict[str, Any]:
        said = {"kind": self.said["kind"], "text": ""} if self.revoked else self.said
        return {
            "id": self.id,
            "at": self.at.isoformat(timespec="milliseconds"),
            "mine": self.mine,
            "status": self.status,
            "edited": self.edited,
            "revoked": self.revoked,
            "emoji": self.emoji,
            "changed": self.changed,
            "number": self.number,
            **said,
        }


@dataclass(slots=True, eq=False)
class Phone:
    """`number` without +, `user_id`: either may be empty."""

    number: str = ""
    user_id: str = ""
    name: str = ""
    messages: deque[Message] = field(default_factory=deque)
    typing_until: datetime | None = None

    @property
    def addresses(self) -> tuple[str, ...]:
        return tuple(filter(None, (self.number, self.user_id)))


class Phones:
    """By number and by user id. `epoch` is another whenever everything is to be asked for anew."""

    def __init__(self, most: int = MOST_MESSAGES) -> None:
        self._most = most
        self._by_address: dict[str, Phone] = {}
        self._by_id: dict[str, tuple[Phone, Message]] = {}
        self._order: deque[Message] = deque()
        self._changes = 0
        self._messages = 0
        self.epoch = token_hex(4)

    @property
    def changes(self) -> int:
        """The number of the last change."""
        return self._changes

    def known(self, address: str) -> Phone | None:
        return self._by_address.get(address)

    def addresses(self, address: str) -> tuple[str, ...]:
        """All of whoever this one is of; itself where nobody is known."""
        phone = self.known(address)
        return phone.addresses if phone else (address,)

    def met(self, number: str, user_id: str, name: str = "") -> Phone:
        """The phone of whoever wrote, who is known by both from now on."""
        found = {id(p): p for a in (number, user_id) if a and (p := self.known(a))}
        phone, *others = found.values() or (Phone(),)
        for other in others:
            self._join(phone, other)
        return self._now(phone, number or phone.number, user_id or phone.user_id, name)

    def moved(self, number: str, user_id: str, *, to_number: str, to_user: str) -> Phone:
        """Whoever had these has others now; what is empty stays as it was."""
        phone = self.met(number, user_id)
        return self._now(phone, to_number or phone.number, to_user or phone.user_id)

    def wrote(self, phone: Phone, id_: str, at: datetime, said: Said) -> None:
        """A message from the phone, unless it is there already."""
        if id_ not in self._by_id:
            self._add(phone, id_, at, said, mine=True, status="sent")

    def got(self, taken: Taken) -> None:
        """A message for the phone."""
        phone = self.known(taken.to)
        if phone is None:
            user = not taken.to.isdigit()
            phone = self.met("" if user else taken.to, taken.to if user else "")
        phone.typing_until = None
        self._add(
            phone, taken.id, taken.at, said_of_taken(taken),
            mine=False, status=taken.status, taken=taken,
        )  # fmt: skip

    def told(self, id_: str, status: str) -> bool:
        """This has become of a message; whether that is news."""
        found = self._by_id.get(id_)
        if found is None or FURTHER.index(status) <= FURTHER.index(found[1].status):
            return False
        found[1].status = status
        self._change(found[1])
        return True

    def read_by_us(self, id_: str, typing_since: datetime | None) -> list[str] | None:
        """The business has read this and all before it, and perhaps begun to write: the ids of what it had
        not read. None if no phone wrote such a message."""
        found = self._by_id.get(id_)
        if found is None or not found[1].mine:
            return None
        phone, last = found
        phone.typing_until = typing_since + TYPING if typing_since else None
        earlier = [m.id for m in phone.messages if m.mine and m.number <= last.number]
        return [one for one in earlier if self.told(one, "read")]

    def edited(self, id_: str, text: str) -> None:
        if (found := self._by_id.get(id_)) and found[1].mine:
            found[1].said = {**found[1].said, "text": text}
            found[1].edited = True
            self._change(found[1])

    def revoked(self, id_: str) -> None:
        if (found := self._by_id.get(id_)) and found[1].mine:
            found[1].revoked = True
            self._change(found[1])

    def reacted(self, id_: str, emoji: str) -> None:
        if found := self._by_id.get(id_):
            found[1].emoji = emoji
            self._change(found[1])

    def author(self, id_: str) -> str | None:
        """The number of the phone that wrote a message, "" where it shows none; None if none wrote it."""
        found = self._by_id.get(id_)
        return found[0].number if found and found[1].mine else None

    def since(self, phone: Phone, after: int, most: int) -> list[Message]:
        """What has changed since change number `after`: the newest `most`, oldest first."""
        changed = [message for message in phone.messages if message.changed > after]
        return changed[-most:]

    def unseen(self, phone: Phone) -> Iterator[Message]:
        """What was delivered to the phone and is seen now: each once."""
        for message in phone.messages:
            if message.taken and message.status == "delivered" and not message.shown:
                message.shown = True
                yield message

    def clear(self) -> None:
        """Nobody has any messages any more."""
        self._by_id.clear()
        self._order.clear()
        for phone in self._by_address.values():
            phone.messages.clear()
        self.epoch = token_hex(4)

    def _add(
        self, phone: Phone, id_: str, at: datetime, said: Said, *,
        mine: bool, status: str, taken: Taken | None = None,
    ) -> None:  # fmt: skip
        self._changes += 1
        self._messages += 1
        message = Message(id_, at, mine, said, status, self._changes, self._messages, taken)
        phone.messages.append(message)
        self._by_id[id_] = (phone, message)
        self._order.append(message)
        while len(self._order) > self._most:
            self._forget(self._order.popleft())

    def _change(self, message: Message) -> None:
        self._changes += 1
        message.changed = self._changes

    def _forget(self, message: Message) -> None:
        found = self._by_id.pop(message.id, None)
        if found is None:
            return
        phone = found[0]
        phone.messages.remove(message)
        if not phone.messages and not phone.user_id:
            self._by_address.pop(phone.number, None)

    def _now(self, phone: Phone, number: str, user_id: str, name: str = "") -> Phone:
        for address in phone.addresses:
            if self._by_address.get(address) is phone:
                del self._by_address[address]
        phone.number, phone.user_id, phone.name = number, user_id, name or phone.name
        for address in phone.addresses:
            before = self._by_address.get(address)
            if before is not None and before is not phone:
                # a number that goes to somebody else is nobody's other
                before.number = "" if before.number == address else before.number
                before.user_id = "" if before.user_id == address else before.user_id
            self._by_address[address] = phone
        return phone

    def _join(self, phone: Phone, other: Phone) -> None:
        """One person was known as two."""
        both = sorted((*phone.messages, *other.messages), key=lambda message: message.number)
        phone.messages = deque(both)
        for message in other.messages:
            self._by_id[message.id] = (phone, message)
            self._change(message)
        phone.number = phone.number or other.number
        phone.user_id = phone.user_id or other.user_id
        phone.name = phone.name or other.name
        for address in other.addresses:
            self._by_address[address] = phone
