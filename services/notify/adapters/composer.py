"""Looks up what a message needs of the moment: the citizen's number in his filing, an officer's in the
newest directory, the words in the envelope of their event, and what is known of the address."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.adapters.logging import get_logger
from services.kernel.adapters.tokens import link_key
from services.kernel.contracts.envelope import CannotOpen, MasterKeys, Requested, Words, unseal
from services.kernel.contracts.events import CaseReplied, QuestionAsked
from services.kernel.domain.errors import Retry, Unknown
from services.kernel.domain.naming import Names
from services.notify.adapters.contact_store import ContactStore
from services.notify.adapters.filings import Filed, Filings
from services.notify.adapters.mail_frame import render
from services.notify.adapters.moves import Moves
from services.notify.core.book import CITIZENS, Book, Channel
from services.notify.core.composing import Found, compose
from services.notify.core.contacts import UNKNOWN, Contact, is_number, reachable
from services.notify.core.messages import Message
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing

log = get_logger()
TO_THE_CITIZEN = frozenset({QuestionAsked.TYPE, CaseReplied.TYPE})
"""Events whose words are meant for the citizen, whatever they say of it."""
MOST_MOVES = 10
"""So often at most an address is followed to the next one."""


class Composes(Protocol):
    """What the sender asks before it claims."""

    async def compose(
        self, messages: Sequence[Message], channel: Channel, now: datetime
    ) -> Mapping[str, Outgoing | Outcome]:
        """What goes out, or why nothing can, by the message's id. What cannot be told now, since a key
        cannot be unwrapped, is left out. Raises Retry."""
        ...

    async def contact_names(self, messages: Sequence[Message], channel: Channel) -> Mapping[str, str]:
        """The name (HMAC) of each message's address on the channel, where it has one."""
        ...


@dataclass(frozen=True)
class Links:
    """How a citizen follows his case on the web: a link that carries its own key."""

    public_url: str
    secret: str

    def of(self, ticket: str) -> str:
        return f"{self.public_url}/s/{ticket}/{link_key(self.secret, ticket)}"


class Composer:
    def __init__(
        self,
        book: Book,
        filings: Filings,
        directories: DirectoryStore,
        store: ContactStore,
        contacts: Names,
        links: Links,
        keys: MasterKeys,
    ) -> None:
        self._book = book
        self._filings = filings
        self._directories = directories
        self._store = store
        self._contacts = contacts
        self._links = links
        self._keys = keys
        self._moves = Moves(contacts, keys)

    async def compose(
        self, messages: Sequence[Message], channel: Channel, now: datetime
    ) -> Mapping[str, Outgoing | Outcome]:
        # a citizen's address has the name of its message's recipient: both are looked up at once
        named = {m.recipient for m in messages if m.audience in CITIZENS and channel != "email"}
        found, known = await asyncio.gather(
            self._find(messages, channel), self._store.read(named)
        )
        found, known = await self._follow(found, {**dict.fromkeys(named, UNKNOWN), **known}, channel)
        composed: dict[str, Outgoing | Outcome] = {}
        for message in messages:
            if message.id not in found:
                continue
            mine = found[message.id]
            contact = known.get(self._name(mine.address, channel) or "", UNKNOWN)
            going = compose(message, channel, replace(mine, contact=contact), self._book, now)
            if isinstance(going, Outgoing) and channel == "email":
                going = self._mail(message, going, mine)
            composed[message.id] = going
        return composed

    async def contact_names(self, messages: Sequence[Message], channel: Channel) -> Mapping[str, str]:
        found, _ = await self._follow(await self._find(messages, channel), {}, channel)
        return {
            id_: name
            for id_, one in found.items()
            if (name := self._name(one.address, channel)) is not None
        }

    async def _follow(
        self, found: Mapping[str, Found], known: Mapping[str, Contact], channel: Channel
    ) -> tuple[dict[str, Found], dict[str, Contact]]:
        """Addresses that were told us long ago, followed to where their people are reached now, without those
        that cannot be opened now; and what is known of all of them. `known`: what was read already."""
        now, contacts = {**found}, {**known}
        for _ in range(MOST_MOVES):
            names = {id_: name for id_, one in now.items() if (name := self._name(one.address, channel))}
            unread = {*names.values()} - contacts.keys()
            contacts |= {**dict.fromkeys(unread, UNKNOWN), **await self._store.read(unread)}
            followed = False
            for id_, name in names.items():
                since = now[id_].since
                moved = contacts[name].moved_after(since) if since is not None else None
                if moved is None:
                    continue
                followed = True
                try:
                    address = self._moves.open(name, moved)
                except CannotOpen:
                    log.error("composer.cannot_unwrap_move")
                    del now[id_]
                    continue
                if address is not None and channel == "sms" and not is_number(address):
                    address = None
                now[id_] = replace(now[id_], address=address, since=moved.at)
            if not followed:
                break
        return now, contacts

    def _name(self, address: str | None, channel: Channel) -> str | None:
        if address is None:
            return None
        return self._contacts.mail(address) if channel == "email" else self._moves.name(address)

    async def _find(self, messages: Sequence[Message], channel: Channel) -> dict[str, Found]:
        tickets = {ticket for m in messages for ticket in (m.source, m.ticket if m.sealed else None)}
        filed = await self._filings.read({ticket for ticket in tickets if ticket is not None})
        found: dict[str, Found] = {}
        for message in messages:
            one = await self._one(message, channel, filed)
            if one is not None:
                found[message.id] = one
        return found

    async def _one(
        self, message: Message, channel: Channel, filed: Mapping[str, Filed]
    ) -> Found | None:
        """None where a key cannot be unwrapped."""
        if message.wrapped_key is not None:
            return self._requested(message, channel)
        case = filed.get(message.ticket or "")
        if case is not None and case.locked:
            return None
        words = _words(message, case)
        if message.audience not in CITIZENS:
            return Found(await self._staff(message, channel), words=words)
        source = filed.get(message.source or "")
        if source is not None and source.locked:
            return None
        if channel == "email" or source is None or source.filing is None:
            return Found(None)
        link = self._links.of(message.source) if message.source else ""
        address = reachable(source.filing.phone)
        if address is None and channel == "whatsapp":
            address = source.filing.user_id
        return Found(address, since=source.event.at, words=words, link=link)

    def _requested(self, message: Message, channel: Channel) -> Found | None:
        key = message.key or ""
        if message.sealed is None or message.wrapped_key is None:
            return Found(None)
        try:
            data_key = self._keys.unwrap(message.wrapped_key, key)
        except CannotOpen:
            log.error("composer.cannot_unwrap", template=message.template)
            return None
        try:
            asked = unseal(message.sealed, Requested, data_key, key)
        except CannotOpen:
            log.error("composer.cannot_open", template=message.template)
            return Found(None)
        return Found(self._asked_for(message, asked, channel), requested=asked)

    def _asked_for(self, message: Message, asked: Requested, channel: Channel) -> str | None:
        if channel == "email":
            return asked.to
        # by its name: a user id may look like anything
        if message.audience in CITIZENS and message.recipient == self._contacts.user(asked.to):
            return asked.to if channel == "whatsapp" else None
        return reachable(asked.to)

    async def _staff(self, message: Message, channel: Channel) -> str | None:
        try:
            directory = await self._directories.newest(message.district)
        except Unknown as error:
            raise Retry(f"district {message.district} has no directory") from error
        if message.audience == "operator":
            return directory.call_centre.email if channel == "email" else None
        officer = directory.officer_by_id.get(message.person or "")
        if officer is None or officer.retired:
            return None
        return officer.email if channel == "email" else reachable(officer.phone)

    def _mail(self, message: Message, going: Outgoing, found: Found) -> Outgoing | Outcome:
        data = found.requested.data if found.requested is not None else {}
        try:
            text, html = render(message.template, going.subject, going.text, message.language, data)
        except Exception as error:
            log.error("composer.mail", template=message.template, why=type(error).__name__)
            return Outcome("permanent", "mail_cannot_be_rendered")
        return replace(going, text=text, html=html)


def _words(message: Message, case: Filed | None) -> str | None:
    """What stands in the event's envelope, where this reader may have it."""
    if message.sealed is None or case is None or case.key is None or message.ticket is None:
        return None
    try:
        words = unseal(message.sealed, Words, case.key, message.ticket)
    except CannotOpen:
        log.error("composer.cannot_open", ticket=message.ticket)
        return None
    theirs = message.audience not in CITIZENS or words.public or message.event in TO_THE_CITIZEN
    return words.note if theirs else None
