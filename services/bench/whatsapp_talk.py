"""What the load says on WhatsApp: citizens who tell of a trouble step by step, in Meta's shapes. Pure.

Six messages from the first greeting to the tap that files the case. Each answers what the chatbot has asked
by then, so it can be sent without reading the replies.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from services.bench import people
from services.kernel.adapters.settings import DEVELOPMENT_SECRET

PATH = "/webhooks/whatsapp"
NUMBER_ID = "100000000000001"
SIGNATURE = "X-Hub-Signature-256"
STEPS = ("greeting", "story", "choice", "place", "name", "confirm")
_STORIES = (
    (
        "hand-pump",
        "हैंडपंप",
        "तरौद",
        "हमारे मोहल्ले का हैंडपंप तीन हफ्ते से खराब है, पानी लाने दो किलोमीटर जाना पड़ता है",
    ),
    (
        "power-cut",
        "बिजली बंद",
        "कपिस्दा",
        "बिजली रोज शाम को चली जाती है और रात भर नहीं आती, बच्चों की पढ़ाई रुक गई है",
    ),
    (
        "road",
        "सड़क",
        "शिवरीनारायण",
        "स्कूल जाने वाली सड़क टूट गई है, बारिश के बाद से बस नहीं आती",
    ),
    (
        "garbage",
        "कचरा",
        "मुलमुला",
        "कचरा गाड़ी दो हफ्ते से नहीं आई, नाली के पास ढेर लगा है और बदबू फैल रही है",
    ),
)
"""The service that it is about, its row in the list, the village, the words."""
_NAMES = ("रामकली साहू", "सुखराम यादव", "फुलबासन बाई", "भागवत कश्यप", "दुलारी पटेल")


@dataclass(frozen=True)
class Said:
    """One message of the `person`-th citizen, his `step`-th."""

    person: int
    step: int

    @property
    def wa_id(self) -> str:
        """The citizen's number as the provider writes it, without +."""
        return f"91{people.phone(self.person)}"

    @property
    def id(self) -> str:
        """Of the provider's length, and like its own never the same twice."""
        seed = hashlib.sha256(f"{self.person}/{self.step}".encode()).digest()[:27]
        return f"wamid.HBgM{urlsafe_b64encode(seed).decode()}A="

    @property
    def contact(self) -> dict[str, Any]:
        name = _NAMES[self.person % len(_NAMES)]
        return {"profile": {"name": name}, "wa_id": self.wa_id, "user_id": f"IN.{self.wa_id[::-1]}"}

    def item(self, at: float) -> dict[str, Any]:
        """The entry of `messages`, written at `at` (Unix time)."""
        return {
            "from": self.wa_id,
            "from_user_id": f"IN.{self.wa_id[::-1]}",
            "id": self.id,
            "timestamp": str(int(at)),
            **self._content(),
        }

    def _content(self) -> dict[str, Any]:
        service, title, village, story = _STORIES[self.person % len(_STORIES)]
        step = STEPS[self.step]
        if step == "choice":
            row = {"id": f"1.service.{service}", "title": title, "description": ""}
            return _tap("list_reply", row)
        if step == "confirm":
            return _tap("button_reply", {"id": "1.confirm.yes", "title": "✅ दर्ज करें"})
        words = {
            "greeting": "नमस्ते",
            "story": story,
            "place": village,
            "name": _NAMES[self.person % len(_NAMES)],
        }[step]
        return {"type": "text", "text": {"body": words}}


def _tap(kind: str, reply: dict[str, Any]) -> dict[str, Any]:
    return {"type": "interactive", "interactive": {"type": kind, kind: reply}}


def body(said: Sequence[Said], at: float) -> bytes:
    """A webhook's body with these messages in one change; not ASCII is escaped, as the provider does."""
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "15550000001", "phone_number_id": NUMBER_ID},
        "contacts": [one.contact for one in said],
        "messages": [one.item(at) for one in said],
    }
    change = {"value": value, "field": "messages"}
    whole = {
        "object": "whatsapp_business_account",
        "entry": [{"id": "200000000000002", "changes": [change]}],
    }
    return json.dumps(whole, separators=(",", ":")).encode()


def signed(raw: bytes) -> bytes:
    """The header line that shows whose the body is, for a stack with development secrets."""
    digest = hmac.new(DEVELOPMENT_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    return f"{SIGNATURE}: sha256={digest}\r\n".encode()
