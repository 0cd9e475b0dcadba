"""Filing a case, the same for every intake: consider → ticket → seal → event → receipt.

A channel brings an `Application` and a key under which the same request may come again; it is answered
when the receipt is stored. Publishing is the receipts' own affair.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.receipts import Accepted, Receipt
from services.kernel.contracts.codec import announce
from services.kernel.contracts.envelope import Filing, MasterKeys, new_data_key, seal
from services.kernel.contracts.events import CaseFiled, Place, Sealed
from services.kernel.domain import tickets
from services.kernel.domain.directory import District, Kind
from services.kernel.domain.errors import Refused, Unavailable, Unknown
from services.kernel.domain.filing import (
    MOST_SUGGESTED,
    Application,
    Considered,
    Faulty,
    Suggest,
    consider,
    dangers,
    not_allowed,
)
from services.kernel.domain.suggest import Suggester, Suggestion

LONG_TEXT = 300
"""Characters from which on a text is read in a thread: a millisecond or two becomes tens."""


class Directories(Protocol):
    """The directory's versions; see `adapters/directory/store.py`."""

    async def newest(self, district: str) -> District: ...
    async def districts(self) -> list[str]: ...


class Accepts(Protocol):
    """Where receipts are kept; see `adapters/receipts.py`."""

    async def find(self, channel: str, client: str, key: str, digest: str) -> Accepted | None: ...
    async def accept(self, receipt: Receipt) -> Accepted: ...
    async def ticket(self, channel: str, client: str, key: str) -> str | None: ...


class Numbers(Protocol):
    """Where ticket numbers come from; see `adapters/leases.py`."""

    async def take(self, now: datetime) -> str: ...


@dataclass(frozen=True)
class Filed:
    """A case with a receipt. `number` is how the ticket is written to people."""

    ticket: str
    number: str
    kind: str
    received_at: datetime
    repeated: bool
    dangers: tuple[str, ...]
    directory: District


class Filer:
    """Takes applications of one installation; knows nothing of the channel but its name."""

    def __init__(
        self,
        directories: Directories,
        receipts: Accepts,
        numbers: Numbers,
        keys: MasterKeys,
        clock: Clock,
    ) -> None:
        self._directories = directories
        self._receipts = receipts
        self._numbers = numbers
        self._keys = keys
        self._clock = clock
        self._suggesters: dict[str, tuple[int, Suggester]] = {}
        self._building = asyncio.Lock()

    async def file(
        self, application: Application, *, channel: str, client: str, key: str | None
    ) -> Filed:
        """File it, or find the case that the same request made before. `client` and `key` make the
        request known again within the channel; without a key it is one of its own.
        Raises Faulty, KeyReused, Unavailable."""
        digest = application.digest()
        try:
            directory = await self._directory(application.district)
            suggest = await self.suggest(directory)
            considered = await _consider(application, directory, suggest)
        except Refused:
            # what was accepted once stays accepted, though the directory may have changed since
            earlier = await self._receipts.find(channel, client, key, digest) if key else None
            if earlier is None:
                raise
            directory = await self._directories.newest(earlier.district)
            return _filed(earlier, dangers(application.text or ""), directory)
        now = self._clock()
        ticket = await self._numbers.take(now)
        data_key = new_data_key()
        sealed = seal(to_seal(considered), data_key, ticket)
        event = to_event(considered, ticket, directory.id, channel, now, sealed)
        accepted = await self._receipts.accept(
            Receipt(
                ticket=ticket,
                channel=channel,
                client=client,
                key=key or f"once-{secrets.token_urlsafe(18)}",
                digest=digest,
                district=directory.id,
                kind=considered.kind,
                received_at=now,
                wrapped_key=self._keys.wrap(data_key, ticket),
                # a trace begins here: one that comes from the public is not gone on with
                filed=announce(event, "intake", 1),
            )
        )
        return _filed(accepted, considered.dangers, directory)

    async def _build(self, directory: District) -> Suggester:
        """Once a version, however many ask at once, and long enough to be kept off the loop."""
        async with self._building:
            version, suggester = self._suggesters.get(directory.id, (-1, None))
            if suggester is None or version != directory.version:
                suggester = await asyncio.to_thread(Suggester, directory)
                self._suggesters[directory.id] = (directory.version, suggester)
            return suggester

    async def earlier(self, channel: str, client: str, key: str) -> str | None:
        """The ticket that a request with this key was given, whatever it said. Raises Unavailable."""
        return await self._receipts.ticket(channel, client, key)

    async def _directory(self, district: str) -> District:
        try:
            return await self._directories.newest(district)
        except Unknown:
            known = await self._directories.districts()
        if not known:
            raise Unavailable("the directory")  # an installation before its first `directory apply`
        raise Faulty([not_allowed("district", "no such district", known)])

    async def suggest(self, directory: District) -> Suggest:
        """What services words may be about, by a version of a directory."""
        version, suggester = self._suggesters.get(directory.id, (-1, None))
        if suggester is None or version != directory.version:
            suggester = await self._build(directory)
        known = suggester

        def suggest(text: str, kind: Kind) -> tuple[Suggestion, ...]:
            return known.suggest(text, kind, MOST_SUGGESTED)

        return suggest


async def _consider(application: Application, directory: District, suggest: Suggest) -> Considered:
    if len(application.text or "") < LONG_TEXT:
        return consider(application, directory, suggest)
    return await asyncio.to_thread(consider, application, directory, suggest)


def to_seal(considered: Considered) -> Filing:
    """What of it is personal."""
    return Filing(
        text=considered.text,
        name=considered.name,
        phone=considered.phone,
        user_id=considered.user_id,
        on_behalf_of=considered.on_behalf_of,
        landmark=considered.landmark,
        village=considered.village_text,
        lat=considered.lat,
        lng=considered.lng,
    )


def to_event(
    considered: Considered, ticket: str, district: str, channel: str, at: datetime, sealed: Sealed
) -> CaseFiled:
    """What of it travels openly, with the envelope."""
    return CaseFiled(
        ticket=ticket,
        district=district,
        at=at,
        kind=considered.kind,
        channel=channel,
        language=considered.language,
        priority=considered.priority,
        service=considered.service,
        suggested=considered.suggested,
        place=Place(block=considered.block, village=considered.village),
        directory_version=considered.directory_version,
        confidential=considered.confidential,
        named_official=considered.named_official,
        dangers=considered.dangers,
        has_phone=considered.phone is not None,
        has_user_id=considered.user_id is not None,
        media=considered.media,
        recordings=considered.recordings,
        sealed=sealed,
    )


def _filed(accepted: Accepted, found: tuple[str, ...], directory: District) -> Filed:
    return Filed(
        ticket=accepted.ticket,
        number=tickets.show(directory.code, accepted.ticket),
        kind=accepted.kind,
        received_at=accepted.received_at,
        repeated=accepted.repeated,
        dangers=found,
        directory=directory,
    )
