"""What a citizen writes on WhatsApp: it opens his 24 hours, and goes to the webhook."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.http import check_text
from services.kernel.domain.errors import Invalid, Unavailable
from services.standins.content import MOST_TEXT
from services.standins.receipts import Update, Webhook
from services.standins.whatsapp import new_wamid
from services.standins.window import Windows


def _sound(text: str) -> str:
    try:
        return check_text(text, "")
    except Invalid as error:
        raise ValueError(error.reason) from None


class Written(BaseModel):
    """A text from a phone, whose owner calls himself `name`."""

    model_config = ConfigDict(extra="forbid")

    sender: str = Field(alias="from", pattern=r"^\+?[1-9][0-9]{6,14}$")
    text: Annotated[str, AfterValidator(_sound)] = Field(min_length=1, max_length=MOST_TEXT)
    name: Annotated[str, AfterValidator(_sound)] = Field(default="", max_length=100)


def router(webhook: Webhook, windows: Windows, clock: Clock) -> APIRouter:
    routes = APIRouter()

    @routes.post("/api/inbound", status_code=202)
    async def write(written: Written) -> dict[str, str]:
        """Answers with the message's id. 503 while too much waits for the webhook."""
        now = clock()
        phone = written.sender.removeprefix("+")
        wamid = new_wamid()
        message = {
            "from": phone,
            "id": wamid,
            "timestamp": str(int(now.timestamp())),
            "type": "text",
            "text": {"body": written.text},
        }
        contact = {"profile": {"name": written.name or phone}, "wa_id": phone}
        if not webhook.courier.put(Update("messages", message, contact)):
            raise Unavailable("the webhook")
        windows.wrote(phone, now)
        return {"id": wamid}

    return routes
