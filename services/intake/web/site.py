"""What every page of the site is made with: templates, texts, headers, the district's own details."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from importlib import resources
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from fastapi import Request, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from services.intake.web.texts import Texts
from services.kernel.adapters.logging import get_logger
from services.kernel.domain.directory import District, Language
from services.kernel.domain.errors import Unavailable, Unknown

log = get_logger()
ASSETS = {"samvad.css": "text/css; charset=utf-8", "icon.svg": "image/svg+xml"}
RETRY_SECONDS = 30
"""After how long a citizen's browser may try again when the store is away."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
PRIVATE = {"X-Robots-Tag": "noindex, nofollow"}


class NewestDirectory(Protocol):
    async def newest(self, district: str) -> District: ...


class Shelf:
    """The last directory that was read of each district, for pages while the store is away."""

    def __init__(self, directories: NewestDirectory) -> None:
        self._directories = directories
        self._last: dict[str, District] = {}

    async def newest(self, district: str) -> District:
        """The newest that can be had. Raises Unknown; Unavailable when none was ever read."""
        try:
            found = await self._directories.newest(district)
        except Unavailable:
            if district not in self._last:
                raise
            return self._last[district]
        self._last[district] = found
        return found

    async def warm(self, district: str) -> None:
        """Read it once now, if it can be had."""
        try:
            await self.newest(district)
        except (Unavailable, Unknown) as error:
            log.warning("shelf.not_warm", district=district, why=str(error))

    def last(self, district: str) -> District | None:
        """Without asking the store."""
        return self._last.get(district)


@dataclass(frozen=True)
class Call:
    """The call centre as a page shows it."""

    phone: str
    hours: tuple[str, ...]


class Site:
    """Renders pages. `public_url` is where citizens reach it; its path is where the site is mounted."""

    def __init__(self, texts: Texts, public_url: str) -> None:
        self.texts = texts
        self._public_url = public_url.rstrip("/")
        self.root = urlsplit(self._public_url).path
        self._templates = Environment(
            loader=PackageLoader("services.intake.web"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        folder = resources.files("services.intake.web").joinpath("assets")
        self.assets = {name: folder.joinpath(name).read_bytes() for name in ASSETS}
        whole = b"".join(self.assets[name] for name in sorted(self.assets))
        self._stamp = sha256(whole).hexdigest()[:10]

    def absolute(self, request: Request, path: str) -> str:
        """The address of `path` as it is told to people."""
        base = self._public_url or str(request.base_url).rstrip("/")
        return base + path

    def language(self, asked: str | None, otherwise: str | None = None) -> Language:
        return "en" if (asked or otherwise) == "en" else "hi"

    def page(
        self,
        request: Request,
        template: str,
        language: Language,
        directory: District | None,
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> Response:
        other: Language = "en" if language == "hi" else "hi"
        kept = [(k, v) for k, v in request.query_params.items() if k not in ("lang", "district")]
        body = self._templates.get_template(template).render(
            {
                "t": partial(self._say, language),
                "language": language,
                "other_language": other,
                "other_language_url": f"?{urlencode([('lang', other), *kept])}",
                "root": self.root,
                "assets": self._stamp,
                "robots": None,
                "district_name": directory.name.say(language) if directory else "",
                "emergency": directory.emergency if directory else None,
                "call": self.call(directory, language),
                **values,
            }
        )
        return Response(body, status, {**HEADERS, **(headers or {})}, "text/html; charset=utf-8")

    def message(
        self,
        request: Request,
        status: int,
        key: str,
        language: Language,
        directory: District | None,
    ) -> Response:
        """A page that says one thing: `notice.<key>`."""
        headers = {**PRIVATE, **({"Retry-After": str(RETRY_SECONDS)} if status == 503 else {})}
        body = "notice.unavailable.read" if status == 503 else f"notice.{key}.body"
        return self.page(
            request,
            "message.html",
            language,
            directory,
            status=status,
            headers=headers,
            title=self.texts.say(f"notice.{key}.title", language),
            body=self.texts.say(body, language),
        )

    def call(self, directory: District | None, language: Language) -> Call | None:
        if directory is None:
            return None
        centre = directory.call_centre
        calendar = directory.calendar_by_id.get(centre.calendar)
        hours = self.texts.hours(calendar, language) if calendar else ()
        return Call(centre.phone, hours)

    def _say(self, language: Language, key: str, **values: str) -> str:
        return self.texts.say(key, language, **values)
