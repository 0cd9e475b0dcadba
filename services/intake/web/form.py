"""The page's forms as they arrive: urlencoded bytes → named texts → an application. Pure."""

from __future__ import annotations

import re
import secrets
from collections.abc import Collection, Mapping
from urllib.parse import parse_qsl

from services.kernel.adapters.http import Malformed, UnsupportedMedia
from services.kernel.domain.filing import Application, Fault, Faulty

FIELDS = (
    "kind", "text", "service", "block", "village", "landmark", "name", "phone", "on_behalf_of",
    "confidential",
)  # fmt: skip
CARRIED = ("token", "lang", "district")
MOST_FIELDS = 40
MEDIA_TYPE = "application/x-www-form-urlencoded"
_KEY = re.compile(r"[\x20-\x7e]{1,200}")
_YES = "yes"


def read_form(body: bytes, content_type: str, fields: Collection[str]) -> dict[str, str]:
    """The form's values. Raises UnsupportedMedia, Malformed, or Faulty naming a field it has not."""
    if content_type.partition(";")[0].strip().lower() != MEDIA_TYPE:
        raise UnsupportedMedia(f"the content type must be {MEDIA_TYPE}", field="content-type")
    try:
        pairs = parse_qsl(
            body.decode(), keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS
        )
    except ValueError:
        raise Malformed("not a urlencoded form in UTF-8", field="body") from None
    values: dict[str, str] = {}
    for name, value in pairs:
        if name not in fields:
            raise Faulty([Fault(name[:100], "unknown_field", "there is no such field")])
        if name in values:
            raise Faulty([Fault(name, "invalid", "given more than once")])
        values[name] = value
    return values


def to_application(values: Mapping[str, str], default_district: str) -> Application:
    """Raises Faulty."""
    confidential = values.get("confidential", "")
    if confidential not in ("", _YES):
        raise Faulty([Fault("confidential", "invalid", f"{_YES} or nothing is wanted")])
    return Application(
        district=values.get("district") or default_district,
        kind=values.get("kind"),
        text=values.get("text"),
        language=values.get("lang") or "hi",
        service=values.get("service"),
        block=values.get("block"),
        village=values.get("village"),
        landmark=values.get("landmark"),
        name=values.get("name"),
        phone=values.get("phone"),
        on_behalf_of=values.get("on_behalf_of"),
        confidential=confidential == _YES,
    )


def new_token() -> str:
    """A form's own key: pressing twice sends it twice and files once."""
    return secrets.token_urlsafe(18)


def token_of(values: Mapping[str, str]) -> str:
    """The form's key; a new one where it came without (what is sent is worth more than the key)."""
    token = values.get("token", "").strip()
    return token if _KEY.fullmatch(token) else new_token()
