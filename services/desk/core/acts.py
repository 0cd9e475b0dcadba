"""An act as somebody at the desk asks for it: the body of the request, checked field by field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.desk.core import media
from services.desk.core.filters import listed
from services.kernel.domain import causes, lifecycle
from services.kernel.domain.case import Case
from services.kernel.domain.directory import PRIORITIES, District
from services.kernel.domain.errors import Conflict, Invalid
from services.kernel.domain.people import Actor

LONGEST_NOTE = 4000
MOST_MEDIA = 10
LONGEST_KEY = 200
MOST_VERSION = 2**31 - 1
FEEDBACK_OUTCOMES = ("reached", "unreached")
NEEDS_NOTE = ("ask_citizen", "reply", "note")
"""Without words these say nothing. `attach` needs words or media."""
FOR_THE_CITIZEN = ("ask_citizen", "reply")
"""What is written with them is always for the citizen to read."""

_PLACEMENT = ("officer", "office", "department", "service")
FIELDS: Mapping[str, tuple[str, ...]] = {
    "assign": _PLACEMENT,
    "transfer": _PLACEMENT,
    "reopen": _PLACEMENT,
    "change_service": ("service", "priority"),
    "resolve": ("outcome",),
    "end_feedback": ("outcome",),
    "propose_rejection": ("reason",),
    "attach": ("media",),
    "note": ("media",),
    "rate": ("rating",),
}
"""What a client may send with an action; the desk fills in the rest from the directory."""
PLACING = ("assign", "transfer", "take_over", "reopen")

_SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_LAYOUT = "\n\r\t"
_COMMON = ("action", "expected_version", "note", "public")


@dataclass(frozen=True)
class Request:
    """`public` None: not said."""

    action: str
    expected_version: int
    note: str | None
    public: bool | None
    data: Mapping[str, Any]


def parse(body: Mapping[str, Any]) -> Request:
    """Raises Invalid naming the field."""
    action = body.get("action")
    if not isinstance(action, str) or action not in lifecycle.ACTIONS:
        raise Invalid(f"is not one of {listed(lifecycle.ACTIONS)}", field="action")
    version = _whole(body.get("expected_version"))
    if version is None or not 0 <= version <= MOST_VERSION:
        raise Invalid("is the version of the case that you saw", field="expected_version")
    public = body.get("public")
    if public is not None and not isinstance(public, bool):
        raise Invalid("is true or false", field="public")
    fields = FIELDS.get(action, ())
    data = {name: value for name, value in body.items() if name not in _COMMON}
    for name in data:
        if name not in fields:
            taken = listed((*_COMMON, *fields))
            raise Invalid(f"{action} takes no such field; it takes {taken}", field=name[:80] or "body")
    request = Request(
        action=action,
        expected_version=version,
        note=_note(body.get("note"), action),
        public=_public(public, action),
        data={
            name: _CHECKS[name](value, name) for name, value in data.items() if value is not None
        },
    )
    if action == "attach" and not request.data.get("media") and request.note is None:
        raise Invalid("attach needs media, or words in note", field="media")
    return request


def needed(action: str) -> tuple[str, ...]:
    """The fields that a client must send with `action`; the others are filled in from the directory."""
    asked = FIELDS.get(action, ())
    needs = lifecycle.transition(action).needs
    return () if action in PLACING else tuple(name for name in needs if name in asked)


def is_public(request: Request, actor: Actor) -> bool:
    """Whether the citizen is to read the note. A citizen's own words, told an operator, always."""
    if request.public is not None:
        return request.public
    words = lifecycle.transition(request.action).citizen_words
    return request.action in (*FOR_THE_CITIZEN, "resolve") or (words and actor.role == "operator")


def check_data(
    request: Request, case: Case, actor: Actor, directory: District, now: datetime
) -> None:
    """What can be told without asking who is on duty. Raises Invalid naming the field, Conflict."""
    data = request.data
    for name in needed(request.action):
        if name not in data:
            raise Invalid(f"{request.action} needs it", field=name)
    if "service" in data:
        service = directory.service_by_id.get(data["service"])
        if service is None:
            raise Invalid("is no service of the directory", field="service")
        if case.kind not in service.kinds:
            raise Invalid(f"is not for a {case.kind}", field="service")
        if request.action == "change_service" and service.department != case.department:
            # the case would be with people who do not do it, and out of sight of those who do
            reason = "is a service of another department: transfer the case there, with it, instead"
            raise Invalid(reason, field="service")
    # who may not hear a recording has nothing to write down of it
    files = media.ids(case) if media.sees(actor, case) else ()
    if request.action == "note" and not set(data.get("media", ())) <= set(files):
        raise Invalid("is no file of this case", field="media")
    if request.action == "end_feedback" and data["outcome"] not in FEEDBACK_OUTCOMES:
        raise Invalid(f"is not one of {listed(FEEDBACK_OUTCOMES)}", field="outcome")
    ended = case.closed_at if request.action == "reopen" else None
    if ended is not None and now > ended + timedelta(days=directory.reopen_days):
        raise Conflict(
            f"it could be reopened for {directory.reopen_days} days after its end", field="action"
        )


def check_key(key: str | None) -> str | None:
    """The idempotency key as it was sent. Raises Invalid."""
    if key is None:
        return None
    if not (0 < len(key) <= LONGEST_KEY and key.isascii() and key.isprintable()):
        reason = f"has 1 to {LONGEST_KEY} printable ASCII characters"
        raise Invalid(reason, field="Idempotency-Key")
    return key


def cause_of(actor: Actor, key: str, request: Request) -> str:
    """The cause of what `actor` asks for. The version that he saw is no part of what he wants."""
    asked = {
        "action": request.action,
        "data": dict(request.data),
        "note": request.note,
        "public": request.public,
    }
    return causes.cause_of(actor, key, asked)


def _note(value: Any, action: str) -> str | None:
    if value is not None and not isinstance(value, str):
        raise Invalid("is text", field="note")
    if any(unicodedata.category(c) == "Cc" and c not in _LAYOUT for c in value or ""):
        raise Invalid("has a control character other than line breaks and tabs", field="note")
    text = (value or "").strip()
    if len(text) > LONGEST_NOTE:
        raise Invalid(f"has {LONGEST_NOTE} characters at most", field="note")
    if not text and action in NEEDS_NOTE:
        raise Invalid(f"{action} needs words", field="note")
    return text or None


def _public(value: bool | None, action: str) -> bool | None:
    if value is False and action in FOR_THE_CITIZEN:
        raise Invalid(f"{action} is for the citizen to read", field="public")
    return value


def _slug(value: Any, name: str) -> str:
    if not isinstance(value, str) or _SLUG.fullmatch(value) is None:
        raise Invalid("is an id: small letters, digits, hyphens", field=name)
    return value


def _reason(value: Any, name: str) -> str:
    if not isinstance(value, str) or value not in lifecycle.REJECTION_REASONS:
        raise Invalid(f"is not one of {listed(lifecycle.REJECTION_REASONS)}", field=name)
    return value


def _priority(value: Any, name: str) -> str:
    if not isinstance(value, str) or value not in PRIORITIES:
        raise Invalid(f"is not one of {listed(PRIORITIES)}", field=name)
    return value


def _media(value: Any, name: str) -> list[str]:
    if not isinstance(value, list) or len(value) > MOST_MEDIA:
        raise Invalid(f"is a list of {MOST_MEDIA} ids at most", field=name)
    return [_slug(one, name) for one in value]


def _rating(value: Any, name: str) -> int:
    rating = _whole(value)
    if rating is None or not 1 <= rating <= 5:
        raise Invalid("is a whole number from 1 to 5", field=name)
    return rating


def _whole(value: Any) -> int | None:
    """A whole number as JSON has it, where 4.0 is 4; None for anything else."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


_CHECKS = {
    "officer": _slug,
    "office": _slug,
    "department": _slug,
    "service": _slug,
    "outcome": _slug,
    "priority": _priority,
    "reason": _reason,
    "media": _media,
    "rating": _rating,
}
