"""Who sits before a page: the token in a cookie that no script reads and no other site sends.

Beside the cookie's SameSite=Strict every form carries a token of its own, bound to the session, and
a post that names another origin is refused.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from hashlib import sha256

from fastapi import Request, Response

from services.kernel.domain.directory import Language
from services.kernel.domain.errors import Forbidden

COOKIE = "samvad_desk"
LANGUAGE_COOKIE = "samvad_language"
LIFETIME_SECONDS = 12 * 3600
_YEAR_SECONDS = 365 * 24 * 3600


class Sessions:
    """`secret` signs the forms' tokens; `secure`: cookies travel over HTTPS only."""

    def __init__(self, secret: str, *, secure: bool) -> None:
        self._secret = secret
        self._secure = secure

    def token(self, request: Request) -> str | None:
        return request.cookies.get(COOKIE) or None

    def begin(self, answer: Response, token: str) -> None:
        self._set(answer, COOKIE, token, LIFETIME_SECONDS)

    def end(self, answer: Response) -> None:
        answer.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._secure)

    def form_token(self, token: str) -> str:
        mac = hmac.new(self._secret.encode(), b"form:" + token.encode(), sha256).digest()
        return urlsafe_b64encode(mac[:18]).decode()

    def check_form(self, request: Request, token: str, given: str) -> None:
        """Raises Forbidden for a form that this session was not given."""
        check_origin(request)
        if not hmac.compare_digest(self.form_token(token).encode(), given.encode()):
            raise Forbidden("the form is not of this session", field="csrf")

    def language(self, request: Request, default: Language) -> Language:
        """What the address asks for, else what was chosen before, else `default`."""
        for said in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
            if said == "hi":
                return "hi"
            if said == "en":
                return "en"
        return default

    def remember_language(self, request: Request, answer: Response, language: Language) -> None:
        if request.query_params.get("lang") == language:
            self._set(answer, LANGUAGE_COOKIE, language, _YEAR_SECONDS)

    def _set(self, answer: Response, name: str, value: str, seconds: int) -> None:
        answer.set_cookie(
            name, value, max_age=seconds, httponly=True, samesite="strict", secure=self._secure
        )


def check_origin(request: Request) -> None:
    """Raises Forbidden when a browser says that the post comes from another site."""
    origin = request.headers.get("origin")
    if origin is None:
        return
    # compared as text: what is no address (`http://[`) needs no understanding to be another site
    host = request.headers.get("host", "")
    if not host or origin.partition("://")[2] != host:
        raise Forbidden("the form comes from another site", field="origin")


def safe_path(text: str) -> str:
    """`text` if it leads to a page of ours, else the list: nobody is sent to another site."""
    inside = text.startswith("/") and not text.startswith("//") and "\\" not in text
    printable = text.isprintable() and len(text) <= 500
    return text if inside and printable else "/"
