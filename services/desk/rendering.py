"""The desk's pages: Jinja templates that carry no words, filled with texts of one language."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.desk.core import filters
from services.desk.core.texts import Texts
from services.kernel.domain import lifecycle, tickets
from services.kernel.domain.directory import District, Language, Text

POLL_SECONDS = 5
_MIB = 1024 * 1024
WITHOUT_SCRIPT_SECONDS = 60
HTMX = "htmx.org/dist/htmx.min.js"
PICO = "picocss__pico/css/pico.min.css"
SHOWN_FILTERS = tuple(name for name in filters.NAMES if name not in ("cursor", "limit"))

_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; media-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


class Renderer:
    """`assets`: the folder of htmx and pico; without them the pages are plain but work."""

    def __init__(self, texts: Texts, assets: Path | None) -> None:
        self.texts = texts
        self._environment = Environment(
            loader=PackageLoader("services.desk"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._htmx = _address_of(assets, HTMX)
        self._pico = _address_of(assets, PICO)

    def page(
        self,
        request: Request,
        template: str,
        language: Language,
        status: int = 200,
        **values: Any,
    ) -> Response:
        html = self.text(request, template, language, **values)
        return Response(html, status, _HEADERS, "text/html; charset=utf-8")

    def text(self, request: Request, template: str, language: Language, **values: Any) -> str:
        def say(key: str, **more: Any) -> str:
            return self.texts.say(key, language, **more)

        return self._environment.get_template(template).render(
            say=say,
            name=lambda text: _name(text, language),
            known=lambda key: key in self.texts,
            language=language,
            other=_with(request, lang="en" if language == "hi" else "hi"),
            htmx=self._htmx,
            pico=self._pico,
            poll_seconds=POLL_SECONDS,
            reload_seconds=WITHOUT_SCRIPT_SECONDS,
            **{"reload": False, "seat": None, "csrf": "", **values},
        )


    def size(self, language: Language) -> Any:
        """A filter for lengths in bytes."""

        def show(count: int) -> str:
            unit, of = ("megabytes", _MIB) if count >= _MIB else ("kilobytes", 1024)
            return self.texts.say(f"file.{unit}", language, count=max(1, round(count / of)))

        return show


def _address_of(assets: Path | None, name: str) -> str | None:
    return f"/assets/{name}" if assets is not None and (assets / name).is_file() else None


def local(directory: District) -> Any:
    """A filter for instants: the district's wall clock."""
    zone = ZoneInfo(directory.zone)

    def show(instant: datetime | None) -> str:
        return instant.astimezone(zone).strftime("%d-%m-%Y %H:%M") if instant is not None else ""

    return show


def number(directory: District) -> Any:
    return lambda ticket: tickets.show(directory.code, ticket)


def chosen(request: Request) -> dict[str, str]:
    """The filters of the address that are not empty."""
    given = {name: request.query_params.get(name, "").strip() for name in SHOWN_FILTERS}
    return {name: value for name, value in given.items() if value}


def asked(request: Request) -> dict[str, str]:
    """What the list is asked for: the filters and the place in it."""
    cursor = request.query_params.get("cursor", "").strip()
    return {**chosen(request), **({"cursor": cursor} if cursor else {})}


def address(path: str, parameters: Mapping[str, str], **more: str) -> str:
    """An address; an empty value takes its parameter out."""
    values = {name: value for name, value in {**parameters, **more}.items() if value}
    return f"{path}?{urlencode(values)}" if values else path


def digest(html: str) -> str:
    """What tells one rendering from another."""
    return sha256(html.encode()).hexdigest()[:16]


def state_choices() -> tuple[str, ...]:
    return (filters.OPEN, *lifecycle.STATES, filters.ALL)


def _with(request: Request, **more: str) -> str:
    kept = {k: v for k, v in request.query_params.items() if k not in ("seen", "done")}
    return address(request.url.path.removesuffix("/actions"), kept, **more)


def _name(text: Text | Mapping[str, str] | None, language: Language) -> str:
    if text is None:
        return ""
    return text.say(language) if isinstance(text, Text) else text[language]
