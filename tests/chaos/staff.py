"""Tokens of people at the desk, made here: `samvad token` takes a second each."""

from __future__ import annotations

from datetime import UTC, datetime

from services.kernel.adapters import tokens
from services.kernel.adapters.settings import Settings
from services.kernel.domain.lifecycle_table import Role


def token(role: Role, district: str, person: str | None = None) -> str:
    secret = Settings().token_secret.get_secret_value()
    return tokens.issue(secret, role=role, person=person, district=district, now=datetime.now(UTC))
