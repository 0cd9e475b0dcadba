"""Following and answering one's case: reads the case or, before it is routed, its receipt."""

from __future__ import annotations

from typing import Protocol

from services.intake.web.status import Followed
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import CaseStore, Done
from services.kernel.domain.case import Act
from services.kernel.domain.errors import Unknown


class Cases(Protocol):
    """What the pages need of the store."""

    async def find(self, ticket: str) -> Followed | None: ...
    async def act(self, ticket: str, act: Act) -> Done: ...


class ReadsReceipts(Protocol):
    async def followed(self, ticket: str) -> Followed | None: ...


class StoredCases:
    """Cases of the case store, and receipts for those that routing has not stored yet."""

    def __init__(self, store: CaseStore, receipts: ReadsReceipts) -> None:
        self._store = store
        self._receipts = receipts

    async def find(self, ticket: str) -> Followed | None:
        """None when no such ticket was given out. Raises Unavailable."""
        try:
            stored = await self._store.load(ticket)
        except Unknown:
            return await self._receipts.followed(ticket)
        case, clock = stored.case, stored.document.get("sla") or {}
        return Followed(
            ticket=ticket,
            district=case.district,
            kind=case.kind,
            filed_at=case.filed_at,
            case=case,
            deadline=clock.get("deadline"),
            paused_until=clock.get("paused_until"),
            closes_at=clock.get("lapses_at"),
        )

    async def act(self, ticket: str, act: Act) -> Done:
        """See `CaseStore.act`."""
        return await self._store.act(ticket, act)


class MongoReceipts:
    """Receipts as they lie in the store, without their events."""

    def __init__(self, receipts: mongo.Collection) -> None:
        self._receipts = receipts

    async def followed(self, ticket: str) -> Followed | None:
        async with mongo.store_errors():
            found = await self._receipts.find_one(
                {"_id": ticket}, {"district": 1, "kind": 1, "received_at": 1}
            )
        if found is None:
            return None
        return Followed(ticket, found["district"], found["kind"], found["received_at"])
