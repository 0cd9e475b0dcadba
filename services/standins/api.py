"""What tests and demonstrations ask of the stand-ins: what was taken, what became of receipts, misbehave."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import AwareDatetime, Field

from services.standins.behaviour import Behaviour, Behaviours, ProviderName
from services.standins.chats import Chats
from services.standins.courier import Courier, Tally
from services.standins.journal import Journal

MOST_BEHAVIOURS = 50
SeveralBehaviours = Annotated[list[Behaviour], Field(min_length=1, max_length=MOST_BEHAVIOURS)]


def router(
    journal: Journal,
    chats: Chats,
    behaviours: Behaviours,
    couriers: Mapping[ProviderName, Courier[Any]],
) -> APIRouter:
    routes = APIRouter(prefix="/api")

    @routes.get("/messages")
    async def messages(
        to: str = "",
        ticket: str = "",
        since: AwareDatetime | None = None,
        provider: ProviderName | None = None,
        accepted: bool | None = None,
        limit: Annotated[int, Query(ge=1, le=10_000)] = 1000,
    ) -> dict[str, Any]:
        """The newest `limit`, oldest first. `ticket` is looked for in text and key."""
        found = journal.find(
            to=to, text=ticket, since=since, provider=provider or "", accepted=accepted
        )
        newest = list(islice(found, limit))
        return {"count": len(newest), "messages": [t.as_json() for t in reversed(newest)]}

    @routes.delete("/messages")
    async def forget() -> dict[str, int]:
        chats.clear()
        return {"forgotten": journal.clear()}

    @routes.get("/duplicates")
    async def duplicates() -> dict[str, Any]:
        """`count`: messages that a phone got more often than once, beyond the first."""
        count, found = journal.duplicates()
        return {"count": count, "duplicates": found}

    @routes.get("/receipts")
    async def receipts(provider: ProviderName | None = None) -> dict[str, int]:
        """How many receipts (and messages of `/api/inbound`) wait, were taken, or were given up."""
        tallies = [c.tally for name, c in couriers.items() if provider in (None, name)]
        return asdict(sum(tallies, Tally()))

    @routes.get("/behaviour")
    async def behaviour() -> dict[str, Any]:
        return {"behaviour": behaviours.current()}

    @routes.post("/behaviour")
    async def behave(wanted: Behaviour | SeveralBehaviours) -> dict[str, Any]:
        """In place of what the providers named did; a list's are in force at once."""
        behaviours.set(*([wanted] if isinstance(wanted, Behaviour) else wanted))
        return {"behaviour": behaviours.current()}

    @routes.delete("/behaviour")
    async def as_usual() -> dict[str, Any]:
        behaviours.reset()
        return {"behaviour": []}

    return routes
