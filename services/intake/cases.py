"""Cases as their citizens follow them: from the store or, before they are routed, from their receipts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from services.intake.following import Followed
from services.kernel.adapters import case_document, mongo
from services.kernel.adapters.case_store import CaseStore, Done
from services.kernel.domain.case import Act, Case
from services.kernel.domain.errors import Unknown

MOST = 20
_RECEIPT = dict.fromkeys(("district", "kind", "received_at", "channel", "client"), 1)
_CASE = dict.fromkeys(("case", "sla.deadline", "sla.paused_until", "sla.lapses_at"), 1)
_KEPT = {"wrapped_key": {"$ne": None}}
"""Nobody can open what was filed without its key: it was erased."""


class Cases(Protocol):
    """Any case by its ticket; whether the asker may see it is the caller's to find out."""

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
            found = await self._store.load(ticket)
        except Unknown:
            return await self._receipts.followed(ticket)
        return _routed(found.document)

    async def act(self, ticket: str, act: Act) -> Done:
        """See `CaseStore.act`."""
        return await self._store.act(ticket, act)


class MongoReceipts:
    """Receipts as they lie in the store, without their events."""

    def __init__(self, receipts: mongo.Collection) -> None:
        self._receipts = receipts

    async def followed(self, ticket: str) -> Followed | None:
        async with mongo.store_errors():
            found = await self._receipts.find_one({"_id": ticket}, _RECEIPT)
        return _received(found) if found is not None else None


class OwnCases:
    """A person's own cases, in all districts of the installation, and nobody else's.

    His are those that he filed in this channel, known by the `client` of their receipts, and those that were
    filed with his number in any other way, but for confidential ones: a number may be a whole family's, and
    what somebody told in confidence elsewhere must not show up here. `since`: when the number became his;
    what was filed with it before is another's. What was erased is nobody's any more. All may raise
    Unavailable.
    """

    def __init__(
        self, store: CaseStore, cases: mongo.Collection, receipts: mongo.Collection
    ) -> None:
        self._store = store
        self._cases = cases
        self._receipts = receipts

    async def of(
        self,
        *,
        phone: str | None,
        client: str,
        channel: str = "whatsapp",
        since: datetime | None = None,
        limit: int = MOST,
    ) -> list[Followed]:
        """At most `limit`, the newest first."""
        filed, others = await asyncio.gather(
            self._filed(channel, client, limit), self._named(phone, since, limit)
        )
        found = others | filed
        return sorted(found.values(), key=lambda one: (one.filed_at, one.ticket), reverse=True)[:limit]

    async def one(
        self,
        ticket: str,
        *,
        phone: str | None,
        client: str,
        channel: str = "whatsapp",
        since: datetime | None = None,
    ) -> Followed | None:
        """The case of `ticket`, if it is his; None as well if there is none, so that nobody can try
        tickets out."""
        async with mongo.store_errors():
            receipt, document = await asyncio.gather(
                self._receipts.find_one({"_id": ticket, **_KEPT}, _RECEIPT),
                self._cases.find_one({"_id": ticket, "case": {"$exists": True}}, _CASE),
            )
        filed = receipt is not None and (receipt["channel"], receipt["client"]) == (channel, client)
        if document is None:
            return _received(receipt) if receipt is not None and filed else None
        found = _routed(document)
        his = _is_named(found.case, phone, since) or filed
        return found if his and not _is_erased(found) else None

    async def act(self, ticket: str, act: Act) -> Done:
        """See `CaseStore.act`. Whether the case is his is the caller's to have asked."""
        return await self._store.act(ticket, act)

    async def _filed(self, channel: str, client: str, limit: int) -> dict[str, Followed]:
        by = {"channel": channel, "client": client}
        async with mongo.store_errors():
            receipts = await self._receipts.find(
                {**by, **_KEPT}, _RECEIPT, sort=[("received_at", -1)], limit=limit
            ).to_list(None)
            tickets = [receipt["_id"] for receipt in receipts]
            if not tickets:
                return {}
            routed = await self._cases.find({"_id": {"$in": tickets}}, _CASE).to_list(None)
        found = {receipt["_id"]: _received(receipt) for receipt in receipts}
        for document in routed:
            if "case" in document:  # else another room was there first
                found[document["_id"]] = _routed(document)
        return {ticket: one for ticket, one in found.items() if not _is_erased(one)}

    async def _named(
        self, phone: str | None, since: datetime | None, limit: int
    ) -> dict[str, Followed]:
        if phone is None:
            return {}
        async with mongo.store_errors():
            documents = await self._cases.find(
                named(phone, since), _CASE, sort=[("case.filed_at", -1)], limit=limit
            ).to_list(None)
        return {document["_id"]: _routed(document) for document in documents}


def named(phone: str, since: datetime | None) -> dict[str, Any]:
    """The cases that everybody who has the number may see."""
    query: dict[str, Any] = {
        # the type too, or the index is not used: it has only those cases that have a number
        "case.phone": {"$eq": phone, "$type": "string"},
        "case.confidential": {"$ne": True},
        "case.erased": {"$ne": True},
    }
    return query if since is None else {**query, "case.filed_at": {"$gt": since}}


def _is_named(case: Case | None, phone: str | None, since: datetime | None) -> bool:
    """What `named` asks the store for."""
    if case is None or phone is None or case.phone != phone:
        return False
    return not case.confidential and (since is None or case.filed_at > since)


def _is_erased(followed: Followed) -> bool:
    return followed.case is not None and followed.case.erased


def _routed(document: Mapping[str, Any]) -> Followed:
    case = case_document.from_fields(document["_id"], document["case"])
    clock = document.get("sla") or {}
    return Followed(
        ticket=case.ticket,
        district=case.district,
        kind=case.kind,
        filed_at=case.filed_at,
        case=case,
        deadline=clock.get("deadline"),
        paused_until=clock.get("paused_until"),
        closes_at=clock.get("lapses_at"),
    )


def _received(receipt: Mapping[str, Any]) -> Followed:
    return Followed(receipt["_id"], receipt["district"], receipt["kind"], receipt["received_at"])
