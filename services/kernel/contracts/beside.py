"""What travels beside the cases: directories, messages and call-backs asked for, what a provider sent, and
records that were set aside."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import AwareDatetime, Field

from services.kernel.contracts.base import Event, Model, Sealed


class DirectoryPublished(Event):
    """A new directory version of a district is in the store."""

    TYPE = "samvad.directory.published.v1"
    version: int = Field(ge=1)
    at: AwareDatetime


class MessageRequested(Event):
    """A message that has no case. `recipient` is the HMAC of the address, `template` one of the book.

    `sealed` (`envelope.Requested`) holds address and words under a key of the message's own, bound to `key`;
    `wrapped_key` is that key as the master keys wrap it: there is no receipt where it could lie.
    """

    TYPE = "samvad.message.requested.v1"
    key: str
    recipient: str
    template: str
    at: AwareDatetime
    sealed: Sealed
    wrapped_key: str | None = None


class WhatsAppReceived(Event):
    """One message or status of a webhook's body, as the provider sent it. `at`: when we received it.

    `number` is the id of the business number that it came to; `contacts` what the body says of its senders.
    `item` is the provider's own object, with whatever it may hold; `kind` other: neither of the two.
    """

    TYPE = "samvad.whatsapp.received.v1"
    kind: Literal["message", "status", "other"]
    number: str
    at: AwareDatetime
    item: dict[str, Any]
    contacts: tuple[dict[str, Any], ...] = ()


class CallbackRequested(Event):
    """A person wants to be called, or a message could not be delivered by any channel. `person`: the officer
    who is to be called, None for a citizen or the call centre itself.

    Without a ticket `sealed` (`envelope.Caller`) says whom, under a key of its own, bound to `key` and
    wrapped in `wrapped_key`."""

    TYPE = "samvad.callback.requested.v1"
    key: str
    ticket: str | None = None
    person: str | None = None
    reason: str
    at: AwareDatetime
    sealed: Sealed | None = None
    wrapped_key: str | None = None


class RecordDead(Model):
    """A record that `consumer` set aside, as it was, and where it came from.

    Key, value and the headers' values are base64 of the bytes; None where the record had none.
    """

    TYPE: ClassVar[str] = "samvad.record.dead.v1"
    consumer: str
    reason: str
    topic: str
    partition: int
    offset: int
    key: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    value: str | None = None
    at: AwareDatetime
