"""What the stand-in and the desk take and give, as transcripts tell it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.conversation.transcript import Sent

SAMPLES = {"image": "photo", "video": "video", "audio": "voice", "document": "letter"}


def content_of(sent: Sent, choice: str, about: str) -> dict[str, Any]:
    """The part of `POST /api/inbound` that says what it is."""
    if choice:
        return {"button": {"id": choice, "title": sent.tap}}
    if sent.media is not None:
        told: dict[str, Any] = {"sample": SAMPLES[sent.media], "caption": sent.text}
        return {sent.media: told | ({"voice": sent.voice} if sent.media == "audio" else {})}
    if sent.sort == "location":
        return {"location": {"latitude": sent.lat, "longitude": sent.lng, "name": sent.text}}
    if sent.sort == "contact":
        return {"contacts": [{"name": "…", "phone": sent.text}]}
    if sent.sort == "reaction":
        return {"reaction": {"message_id": about, "emoji": sent.text}}
    if sent.sort == "edited":
        return {"edit": {"message_id": about, "text": sent.text}}
    if sent.sort == "revoked":
        return {"revoke": {"message_id": about}}
    if sent.unsupported == "sticker":
        return {"sticker": {"sample": "sticker"}}
    if sent.sort == "other":
        return {"unsupported": {"type": sent.unsupported}}
    return {"text": sent.text}


def key_of(message: Mapping[str, Any]) -> str:
    """Ours, under which it was sent, without the recipient."""
    return str(message["key"]).partition(":")[0]


def options_of(message: Mapping[str, Any]) -> tuple[tuple[str, str, str], ...]:
    layout = message.get("layout") or {}
    rows = [row for section in layout.get("sections", ()) for row in section["rows"]]
    if rows:
        return tuple((row["id"], row["title"], row.get("description", "")) for row in rows)
    return tuple((id_, title, "") for id_, title in message["buttons"])


def fields_of_case(case: Mapping[str, Any], own_of: Mapping[str, str]) -> Mapping[str, str]:
    """As README.md names them; without those that it has not."""
    place, citizen = case["place"], case["citizen"]
    words = [entry["note"] for entry in case["history"] if entry["note"]]
    told = {
        "kind": case["kind"],
        "service": case["service"],
        "village": place["village"],
        "words of place": place["village_text"],
        "landmark": place["landmark"],
        "block": place["block"],
        "name": citizen["name"],
        "for": citizen["on_behalf_of"],
        "phone": own_of.get(citizen["phone"], citizen["phone"]),
        "priority": case["priority"],
        "language": case["language"],
        "text": case["text"],
        "pin": f"{place['lat']:g},{place['lng']:g}" if place["lat"] is not None else None,
        "state": case["state"],
        "words": words[-1] if words else None,
        "history": " ".join(words),
        "files": str(len(case["media"])),
        "unwritten": str(case["unwritten"] or ""),
    }
    found = {name: value for name, value in told.items() if value}
    if case["rating"] is not None:
        found["rating"] = str(case["rating"])
    if case["confidential"]:
        found["confidential"] = ""
    return found
