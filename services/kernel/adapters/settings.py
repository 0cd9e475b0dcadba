"""Every setting, read from the environment in this one place (`SAMVAD_…`).

Secrets have development defaults that are marked as such, and are refused when `SAMVAD_ENV=production`.
"""

from __future__ import annotations

from base64 import b64decode
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.kernel.contracts.envelope import MasterKeys

DEVELOPMENT_SECRET = "development-only-secret-do-not-use-in-production"
DEVELOPMENT_MASTER_KEY = "dev:ZGV2ZWxvcG1lbnQtb25seS1tYXN0ZXIta2V5LTMyYiE="
SECRETS = ("master_keys", "token_secret", "link_secret", "contact_secret")
Port = Annotated[int, Field(ge=1, le=65535)]


class Settings(BaseSettings):
    """One object for every process; each takes what it needs."""

    model_config = SettingsConfigDict(
        env_prefix="SAMVAD_",
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,  # the input holds the secrets
    )

    env: Literal["development", "production"] = "development"
    home: Path = Path(".samvad")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    kafka: str = "127.0.0.1:19092"
    kafka_replication: int = Field(default=1, ge=1)
    """Copies of every topic; 3 where there are three brokers."""
    mongo: str = "mongodb://127.0.0.1:27217/?replicaSet=rs0"
    database: str = "samvad"

    host: str = "127.0.0.1"
    intake_web_port: Port = 8000
    desk_port: Port = 8003
    standins_port: Port = 8009
    routing_port: Port = 8012
    sla_port: Port = 8013
    notify_port: Port = 8014

    default_district: str = "janjgir-champa"
    public_url: str = ""
    """Where citizens reach the web page; empty: what the request was sent to (its Host header), which
    production does not take from whoever asks."""
    whatsapp_url: str = "http://127.0.0.1:8009/whatsapp"
    whatsapp_phone_number_id: str = "100000000000001"
    whatsapp_token: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    sms_url: str = "http://127.0.0.1:8009/sms"
    sms_username: str = "samvad"
    sms_password: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    sms_password_digest: Literal["sha1", "sha256"] = "sha1"
    sms_secure_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    sms_sender: str = "SAMVAD"
    notify_book: Path | None = None
    """Folder of `rules.yaml` and `templates.yaml`: who is told what, in place of the built-in set."""

    master_keys: SecretStr = SecretStr(DEVELOPMENT_MASTER_KEY)
    """`id:base64 of 32 bytes`, comma-separated for rotation; the first one wraps."""
    token_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    link_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    contact_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)

    clock_offset: int = 0
    """Seconds by which the clock is moved, for demonstrations and tests; refused in production."""
    sweep_after: float = Field(default=3.0, gt=0)
    """Seconds after which what was not published is published by the sweeper."""
    batch: int = Field(default=500, ge=1, le=5000)
    fetch_every: float = Field(default=0.022, ge=0)
    """Seconds between two fetches of a worker, unless records come more seldom: latency at low load."""
    gather: float = Field(default=0.06, ge=0)
    """The same while records come thick: throughput at high load."""

    @model_validator(mode="after")
    def _fit_for_production(self) -> Self:
        if self.env != "production":
            return self
        for name in (*SECRETS, "whatsapp_token", "sms_password", "sms_secure_key"):
            if getattr(self, name).get_secret_value() in (
                DEVELOPMENT_SECRET,
                DEVELOPMENT_MASTER_KEY,
            ):
                raise ValueError(f"SAMVAD_{name.upper()} must be set in production")
        for name in ("whatsapp_url", "sms_url"):
            if getattr(self, name) == type(self).model_fields[name].default:
                raise ValueError(f"SAMVAD_{name.upper()} must name a provider in production")
        if not self.public_url.startswith(("https://", "http://")):
            raise ValueError("SAMVAD_PUBLIC_URL must be the address of the citizens' page in production")
        if self.clock_offset:
            raise ValueError("SAMVAD_CLOCK_OFFSET is refused in production")
        return self

    @model_validator(mode="after")
    def _keys_are_keys(self) -> Self:
        try:
            self.keys  # noqa: B018
        except ValueError:
            raise ValueError(
                "SAMVAD_MASTER_KEYS must be `id:base64 of 32 bytes`, comma-separated"
            ) from None
        return self

    @cached_property
    def keys(self) -> MasterKeys:
        """Raises ValueError when `SAMVAD_MASTER_KEYS` is not of its form."""
        pairs = [part.strip().partition(":") for part in self.master_keys.get_secret_value().split(",")]
        return MasterKeys({key_id: b64decode(text) for key_id, _, text in pairs}, pairs[0][0])


def explain(error: ValidationError) -> str:
    """What is wrong with the settings, in one line that holds no value of them."""
    faults = []
    for fault in error.errors(include_url=False, include_context=False, include_input=False):
        named = "".join(f"SAMVAD_{str(part).upper()}: " for part in fault["loc"][:1])
        faults.append(named + fault["msg"].removeprefix("Value error, "))
    return "; ".join(faults)
