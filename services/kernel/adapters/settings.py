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
SECRETS = ("master_keys", "token_secret", "link_secret", "contact_secret", "receipt_secret")
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
    intake_whatsapp_port: Port = 8001
    desk_port: Port = 8003
    standins_port: Port = 8009
    standins_smtp_port: Port = 8025
    conversation_port: Port = 8011
    routing_port: Port = 8012
    sla_port: Port = 8013
    notify_port: Port = 8014

    default_district: str = "janjgir-champa"
    public_url: str = ""
    """Where citizens reach the web page; empty: what the request was sent to (its Host header), which
    production does not take from whoever asks."""
    desk_url: str = ""
    """Where people open the desk, for links in e-mails; empty: its own host and port."""
    whatsapp_url: str = "http://127.0.0.1:8009/whatsapp"
    whatsapp_phone_number_id: str = "100000000000001"
    whatsapp_token: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    whatsapp_app_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    """What the provider signs its webhooks with; several, comma-separated, while it is changed."""
    whatsapp_verify_token: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    whatsapp_numbers: str = ""
    """`phone number id:district`, comma-separated; a number that is not named is the default district's."""
    whatsapp_webhook: str = "http://127.0.0.1:8001/webhooks/whatsapp"
    """Where the stand-in sends what the provider would send."""
    whatsapp_media_hosts: str = "lookaside.fbsbx.com"
    """Hosts, comma-separated, that files and our token are fetched from beside the API's own, by HTTPS."""
    whatsapp_per_second: float = Field(default=80.0, gt=0)
    sms_url: str = "http://127.0.0.1:8009/sms"
    sms_username: str = "samvad"
    sms_password: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    sms_password_digest: Literal["sha1", "sha256"] = "sha1"
    sms_secure_key: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    sms_sender: str = "SAMVAD"
    sms_per_second: float = Field(default=50.0, gt=0)
    kannel_url: str = "http://127.0.0.1:8009/kannel/cgi-bin/sendsms"
    kannel_username: str = "samvad"
    kannel_password: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    kannel_entity: str = ""
    """The installation's entity id with DLT, where the SMSC wants it beside the template's id."""
    kannel_receipts: str = "http://127.0.0.1:8014/receipts/kannel"
    """Where Kannel tells what became of a message: notify's own port."""
    receipt_secret: SecretStr = SecretStr(DEVELOPMENT_SECRET)
    """Signs what Kannel is asked to call back with."""
    smtp_host: str = "127.0.0.1"
    smtp_port: Port = 8025
    smtp_security: Literal["starttls", "tls", "none"] = "none"
    smtp_ca: Path | None = None
    """Certificates to trust in place of the system's."""
    smtp_username: str = ""
    smtp_password: SecretStr = SecretStr("")
    smtp_per_second: float = Field(default=20.0, gt=0)
    mail_from: str = "Samvad <samvad@localhost>"
    recipient_seconds: float = Field(default=6.0, gt=0)
    """One message to a person in so many seconds on the long run; a burst of `recipient_burst` at once."""
    recipient_burst: int = Field(default=45, ge=1)
    notify_book: Path | None = None
    """Folder of `rules.yaml` and `templates.yaml`: who is told what, in place of the built-in set; with
    `choices.yaml` also how people say that they want no messages."""

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
        needed = [*SECRETS, "whatsapp_token", "whatsapp_app_secret", "whatsapp_verify_token"]
        needed += ["sms_password", "sms_secure_key"]
        if self.has("kannel_url"):
            needed.append("kannel_password")
        for name in needed:
            if getattr(self, name).get_secret_value() in (
                DEVELOPMENT_SECRET,
                DEVELOPMENT_MASTER_KEY,
            ):
                raise ValueError(f"SAMVAD_{name.upper()} must be set in production")
        for name in ("whatsapp_url", "sms_url"):
            if not self.has(name):
                raise ValueError(f"SAMVAD_{name.upper()} must name a provider in production")
        if self.has("mail_from") and self.smtp_security == "none":
            raise ValueError("SAMVAD_SMTP_SECURITY must be starttls or tls in production")
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

    def has(self, name: str) -> bool:
        """Whether a provider's setting names a real one: the defaults mean the stand-ins, which there are
        none of in production."""
        return self.env != "production" or getattr(self, name) != type(self).model_fields[name].default

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
