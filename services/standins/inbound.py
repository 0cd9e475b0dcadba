"""What a citizen writes on WhatsApp: his phone shows it, it opens his 24 hours, and goes to the webhook."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Body

from services.kernel.adapters.clock import Clock
from services.kernel.domain.errors import Invalid, Unavailable
from services.standins.bodies import Update
from services.standins.chats import Chats
from services.standins.items import DISPLAYED, contact_of, item_of, media_of
from services.standins.media import Samples
from services.standins.media_store import MediaStore, Medium
from services.standins.receipts import Webhook
from services.standins.samples import samples
from services.standins.whatsapp import new_wamid
from services.standins.written import Media, Sent, Spread, Written, read_request


def router(
    webhook: Webhook, chats: Chats, store: MediaStore, ready_made: Samples, clock: Clock
) -> APIRouter:
    routes = APIRouter()

    @routes.post("/api/inbound", status_code=202)
    async def write(body: Annotated[dict[str, Any], Body()]) -> dict[str, Any]:
        """Answers with the message's id, of a batch with all `ids`. 503 while too much waits for the
        webhook."""
        several = "messages" in body
        sent, spread, repeat = read_request(body)
        updates = [await _update(one, spread) for one in sent]
        if spread is None and repeat == 1:
            taken = webhook.courier.put(updates[0])
        else:
            taken = all(webhook.courier.put_together(updates) for _ in range(repeat))
        if not taken:
            raise Unavailable("the webhook")
        now = clock()
        for update in updates:
            if update.field == "messages":
                chats.heard(update.item, update.contact, now)
        ids = [_id(update) for update in updates]
        return {"ids": ids} if several else {"id": ids[0]}

    async def _update(sent: Sent, spread: Spread | None) -> Update:
        number = sent.phone_number_id or ""
        if not isinstance(sent, Written):
            return Update(sent.field, sent.item, sent.contact, number=number, spread=spread)
        told = media_of(sent)
        medium = await _medium(told) if told else None
        author = chats.author(sent.context) if sent.context else None
        item = item_of(
            sent, medium, sent.id or new_wamid(), clock(), DISPLAYED if author is None else author
        )
        return Update("messages", item, contact_of(sent), number=number, spread=spread)

    async def _medium(told: Media) -> Medium | None:
        """The file that is named; one that nobody has is named all the same."""
        if told.sample is None:
            return store.get(told.id or "", clock())
        sample = samples().get(told.sample)
        if sample is None:
            raise Invalid(f"one of {', '.join(samples())}", field="sample")
        return await ready_made.medium(sample)

    return routes


def _id(update: Update) -> str:
    wamid = update.item.get("id")
    return wamid if isinstance(wamid, str) else ""
