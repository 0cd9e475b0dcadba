"""The sealed envelope: personal data and people's words, AES-256-GCM under a key of the case's own.

The case's data key is made at intake, wrapped by the installation's master key and kept in the
receipt. Erasing a person deletes the wrapped key: what lies in Kafka and in backups then opens for
nobody. The ticket is authenticated with the ciphertext, so that an envelope cannot be moved to
another case.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import AwareDatetime, Field, ValidationError

from services.kernel.contracts.events import Model, Sealed
from services.kernel.domain.directory import Language
from services.kernel.domain.errors import Invalid

M = TypeVar("M", bound=Model)

NONCE_BYTES = 12
KEY_BYTES = 32


class CannotOpen(Exception):
    """The envelope was not sealed with this key for this ticket, or it was tampered with."""


class Private(Model):
    """Content of an envelope: its values never show in a log, a traceback or a debugger's print."""

    def __repr__(self) -> str:
        return f"{type(self).__name__}(sealed content)"

    __str__ = __repr__


class Filing(Private):
    """What `filed` seals: the citizen's words and who he is. Everything may be missing. `user_id`: by which
    WhatsApp reaches a person who shows it no number."""

    text: str = ""
    name: str | None = None
    phone: str | None = None
    user_id: str | None = None
    on_behalf_of: str | None = None
    landmark: str | None = None
    village: str | None = None
    lat: float | None = Field(default=None, ge=-90, le=90)
    lng: float | None = Field(default=None, ge=-180, le=180)


class Words(Private):
    """What an act seals: the words that go with it, and whether the citizen is to read them."""

    note: str | None = None
    public: bool = False


class Requested(Private):
    """What a message without a case seals: to whom, by which channels in their order, and its words.

    `to` is a number (E.164), a WhatsApp user id or an e-mail address of the `audience` (a citizen, an officer
    …). `values` fill the template's variables; `data` is for e-mails that hold a table. `language` None: the
    one in which he was last written to.

    `text`: a reply in the citizen's own conversation, with up to three `buttons` (id, title) or up to ten
    `rows` (id, title, description or "") of a list that is opened by `list_button`. It needs no template and
    goes by WhatsApp within its 24 hours, which a message of his at `answers` has opened; everywhere else the
    template goes, where one is named.
    """

    to: str
    language: Language | None = None
    channels: tuple[Literal["whatsapp", "sms", "email"], ...]
    values: dict[str, str] = {}
    data: dict[str, Any] = {}
    text: str | None = None
    buttons: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, str, str], ...] = ()
    list_button: str = ""
    answers: AwareDatetime | None = None
    urgent: bool = False
    audience: Literal["citizen", "officer", "head", "sdm", "collector", "operator"]


class Caller(Private):
    """What a wish to be called seals: whom, and what about."""

    phone: str
    name: str | None = None
    words: str | None = None


class MasterKeys:
    """The installation's wrapping keys by id: `current` wraps, all unwrap, so keys can rotate."""

    def __init__(self, keys: Mapping[str, bytes], current: str) -> None:
        if current not in keys:
            raise ValueError(f"master key {current!r} is named as current but not given")
        if any(len(key) != KEY_BYTES for key in keys.values()):
            raise ValueError(f"a master key has {KEY_BYTES} bytes")
        self._ciphers = {key_id: AESGCM(key) for key_id, key in keys.items()}
        self._current = current

    def wrap(self, data_key: bytes, ticket: str) -> str:
        """The data key for storage in the receipt: `<key id>:<base64 of nonce and ciphertext>`."""
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._ciphers[self._current].encrypt(nonce, data_key, ticket.encode())
        return f"{self._current}:{b64encode(nonce + sealed).decode()}"

    def unwrap(self, wrapped: str, ticket: str) -> bytes:
        key_id, _, text = wrapped.partition(":")
        try:
            raw = b64decode(text)
            return self._ciphers[key_id].decrypt(
                raw[:NONCE_BYTES], raw[NONCE_BYTES:], ticket.encode()
            )
        except (InvalidTag, KeyError, ValueError) as error:
            raise CannotOpen(f"wrapped key of case {ticket}, master key {key_id!r}") from error


def new_data_key() -> bytes:
    return AESGCM.generate_key(bit_length=256)


def seal(content: Model, data_key: bytes, ticket: str) -> Sealed:
    """Encrypt `content` for `ticket`. Fields that are unset or None are left out.

    Raises Invalid for text that is not Unicode (an unpaired surrogate).
    """
    nonce = os.urandom(NONCE_BYTES)
    try:
        plain = orjson.dumps(content.model_dump(exclude_none=True))
    except TypeError:
        raise Invalid("contains an unpaired surrogate", field="text") from None
    data = AESGCM(data_key).encrypt(nonce, plain, ticket.encode())
    return Sealed(nonce=b64encode(nonce).decode(), data=b64encode(data).decode())


def unseal(sealed: Sealed, as_: type[M], data_key: bytes, ticket: str) -> M:
    """Raises CannotOpen when key or ticket are not those it was sealed with."""
    try:
        plain = AESGCM(data_key).decrypt(
            b64decode(sealed.nonce), b64decode(sealed.data), ticket.encode()
        )
    except (InvalidTag, ValueError) as error:
        raise CannotOpen(f"envelope of case {ticket}") from error
    try:
        return as_.model_validate_json(plain)
    except ValidationError:
        # its text would tell what was sealed
        raise CannotOpen(f"envelope of case {ticket} holds no {as_.__name__}") from None
