"""What anybody was told of a case, as the desk shows it. Pure.

A message holds no address. Whom it went to is told from the case and the directory of now, and only to
those who need a citizen's number; of a co-complainant's the case at hand knows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import AwareDatetime, Field

from services.desk.core import rights
from services.desk.core.texts import Texts
from services.kernel.contracts.base import Model
from services.kernel.contracts.notices import AttemptRow, MessageRow, MessageState
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Language
from services.kernel.domain.lifecycle import TABLE
from services.kernel.domain.people import Actor

MOST = 500
"""The messages of a case that are told, the newest."""
DOTS = "••••••"
SHOWN_DIGITS = 4
_LEAST_HIDDEN = 4
SUMMARISED = "summarised"
"""The reason of a message that was not sent since it became a part of a summary."""
_ATTEMPT_FIELDS = tuple(AttemptRow.model_fields)
_FIELDS = (
    "event",
    "event_id",
    "event_at",
    "audience",
    "channel",
    "template",
    "language",
    "urgent",
    "state",
    "sent_at",
    "delivered_at",
    "read_at",
    "failed_at",
    "reason",
)
_BY_EVENT: Mapping[str, str] = {row.event: f"done.{row.action}" for row in reversed(TABLE)}
"""The words that the history has for what happened."""
_INSTANT_OF = {"sent": "sent_at", "delivered": "delivered_at", "read": "read_at", "failed": "failed_at"}
_PROVIDER = re.compile(r"(?:whatsapp|sms|kannel|smtp|mail)_")
_NUMBER = re.compile(r"[0-9][0-9a-f.]*")
_SUMMARY_FIELDS = ("state", "channel", *_INSTANT_OF.values())


class SummaryRow(Model):
    """What is told of a summary, which is a message of several cases and so of none."""

    id: str = Field(alias="_id")
    state: MessageState
    channel: str
    sent_at: AwareDatetime | None = None
    delivered_at: AwareDatetime | None = None
    read_at: AwareDatetime | None = None
    failed_at: AwareDatetime | None = None


class PartRow(MessageRow):
    """A message that went as a part of `whole`."""

    whole: SummaryRow


def items(
    rows: Sequence[MessageRow], case: Case, actor: Actor, directory: District
) -> list[dict[str, Any]]:
    """Each message for JSON; a part (PartRow) with its summary. Asked of a case that `actor` sees."""
    personal = rights.reads_personal(actor, case)
    return [
        {
            **{name: getattr(row, name) for name in _FIELDS},
            "to": _to(row, case, personal, directory),
            "planned_at": row.created_at,
            "summary": {name: getattr(row.whole, name) for name in _SUMMARY_FIELDS}
            if isinstance(row, PartRow)
            else None,
            "attempts": [
                {name: getattr(attempt, name) for name in _ATTEMPT_FIELDS}
                for attempt in row.attempts
            ],
        }
        for row in rows
    ]


def lines(found: Sequence[Mapping[str, Any]], texts: Texts, language: Language) -> list[dict[str, Any]]:
    """`items` in words for a page, the newest first, as the history beside it.

    `tries` are told where one was not enough.
    """
    return [
        {
            "who": _known(texts, f"audience.{item['audience']}", language, item["audience"]),
            "to": _name(item["to"], language),
            "about": about(item["event"], texts, language),
            "channel": _channel(item["channel"], texts, language),
            "state": item["state"],
            "said": _known(texts, f"notice_state.{item['state']}", language, item["state"]),
            "at": _instant(item),
            "reason": reason(item["reason"], texts, language),
            "summary": _summary(item["summary"], texts, language),
            "tries": [
                {
                    "channel": _channel(attempt["channel"], texts, language),
                    "said": _outcome(attempt, texts, language),
                    "at": attempt["claimed_at"],
                    "reason": reason(attempt["reason"], texts, language),
                }
                for attempt in item["attempts"]
            ]
            if len(item["attempts"]) > 1
            else [],
        }
        for item in reversed(found)
    ]


def masked(phone: str) -> str:
    """The last four digits behind dots, which do not tell how many they hide; of a short one nothing."""
    digits = "".join(char for char in phone if char.isdigit())
    if len(digits) < SHOWN_DIGITS + _LEAST_HIDDEN:
        return DOTS
    return f"{DOTS} {digits[-SHOWN_DIGITS:]}"


def about(event: str, texts: Texts, language: Language) -> str:
    """What had happened, in words; the type itself where there are none."""
    short = event.removeprefix("samvad.").removesuffix(".v1")
    key = _BY_EVENT.get(event, f"event.{short}")
    return _known(texts, key, language, short)


def reason(code: str | None, texts: Texts, language: Language) -> str:
    """Why, in words. A provider's code says what it means beside its numbers, as `sms_406_number`; it is
    shown too, since somebody may know it, and alone where there are no words."""
    if not code:
        return ""
    if f"notice_reason.{code}" in texts:
        return texts.say(f"notice_reason.{code}", language)
    words = [part for part in _PROVIDER.sub("", code, count=1).split("_") if not _NUMBER.fullmatch(part)]
    for meaning in ("_".join(words), *words[:1]):
        if f"notice_reason.{meaning}" in texts:
            return f"{texts.say(f'notice_reason.{meaning}', language)} ({code})"
    return code


def _to(row: MessageRow, case: Case, personal: bool, directory: District) -> dict[str, Any]:
    phone: str | None = None
    if row.audience == "citizen" and case.phone:
        phone = case.phone if personal else masked(case.phone)
    elif row.audience == "co_complainants":
        phone = DOTS
    known = directory.officer_by_id.get(row.person or "")
    name = None
    if known is not None:
        name = {"hi": known.name.hi, "en": known.name.en}
    elif row.person is not None:
        name = {"hi": row.person, "en": row.person}
    return {"phone": phone, "person": row.person, "name": name}


def _name(to: Mapping[str, Any], language: Language) -> str:
    name = to["name"]
    return str(name[language]) if name is not None else to["phone"] or ""


def _channel(channel: str, texts: Texts, language: Language) -> str:
    return _known(texts, f"channel.{channel}", language, channel)


def _outcome(attempt: Mapping[str, Any], texts: Texts, language: Language) -> str:
    """How far one attempt came: what its receipts say, else what the call came to."""
    for state in ("read", "delivered", "failed"):
        if attempt[_INSTANT_OF[state]] is not None:
            return texts.say(f"notice_state.{state}", language)
    return texts.say(f"outcome_of.{attempt['outcome'] or 'claimed'}", language)


def _summary(
    whole: Mapping[str, Any] | None, texts: Texts, language: Language
) -> dict[str, Any] | None:
    if whole is None:
        return None
    state = texts.say(f"notice_state.{whole['state']}", language)
    return {
        "said": texts.say("detail.in_summary", language, state=state),
        "at": _reached(whole),
        "channel": _channel(whole["channel"], texts, language),
    }


def _instant(item: Mapping[str, Any]) -> datetime | None:
    """When it came to the state that it is in, as far as that is known; else when it was planned."""
    return _reached(item) or item["planned_at"]


def _reached(item: Mapping[str, Any]) -> datetime | None:
    found: datetime | None = item.get(_INSTANT_OF.get(item["state"], ""))
    return found


def _known(texts: Texts, key: str, language: Language, otherwise: str) -> str:
    return texts.say(key, language) if key in texts else otherwise
