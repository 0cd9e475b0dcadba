"""Bearer tokens for staff, and the links by which a citizen follows a case without logging in.

Tokens are signed JWTs (HS256) that name role, person and district. A link carries an HMAC of the ticket:
ticket numbers can be guessed, links cannot.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from typing import Any, cast, get_args

import jwt

from services.kernel.domain.errors import Unauthenticated
from services.kernel.domain.lifecycle_table import Role
from services.kernel.domain.people import Actor

ISSUER = "samvad"
LIFETIME = timedelta(hours=12)
LONGEST_ID = 200
KNOWN = 2_000
"""Tokens whose signature need not be checked again; what they claim does not change."""


def issue(
    secret: str, *, role: Role, person: str | None, district: str, now: datetime,
    lifetime: timedelta = LIFETIME,
) -> str:
    claims = {"iss": ISSUER, "role": role, "district": district, "iat": now, "exp": now + lifetime}
    if person is not None:
        claims["sub"] = person
    return jwt.encode(claims, secret, algorithm="HS256")


def read(secret: str, token: str, now: datetime) -> Actor:
    """Who bears `token`. Raises Unauthenticated."""
    try:
        claims = _claims(secret, token)
        if claims["exp"] <= now.timestamp():
            raise Unauthenticated("the token has expired")
        role = claims["role"]
        if role not in get_args(Role):
            raise Unauthenticated("the token names no role that there is")
        person, district = claims.get("sub"), claims["district"]
        # what is no text, or no store takes, would fail far from here and look like a fault of ours
        if not _is_id(district) or not (person is None or _is_id(person)):
            raise Unauthenticated("the token names no person or district that there can be")
        return Actor(cast(Role, role), person, district)
    except (jwt.InvalidTokenError, TypeError) as error:
        raise Unauthenticated("the token is not valid") from error


@lru_cache(maxsize=KNOWN)
def _claims(secret: str, token: str) -> dict[str, Any]:
    """What a token says, if its signature is right; whether it still counts is for the caller."""
    claims: dict[str, Any] = jwt.decode(
        token,
        secret,
        algorithms=["HS256"],
        issuer=ISSUER,
        options={"require": ["exp", "role", "district"], "verify_exp": False, "verify_iat": False},
    )
    return claims


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable()


def link_key(secret: str, ticket: str) -> str:
    """The part of a citizen's link that proves it was given out for `ticket`; 22 characters."""
    mac = hmac.new(secret.encode(), b"link:" + ticket.encode(), sha256).digest()
    return urlsafe_b64encode(mac[:16]).decode().rstrip("=")


def link_opens(secret: str, ticket: str, key: str) -> bool:
    return hmac.compare_digest(link_key(secret, ticket).encode(), key.encode("utf-8", "replace"))
