"""The providers of this installation, by its settings. A client each, so that one that hangs does not hold
another's connections; what is not set up is not there, and its channel is passed over."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime

from services.kernel.adapters.clock import Clock
from services.kernel.adapters.settings import Settings
from services.notify.adapters.kannel import Kannel
from services.notify.adapters.mobile_seva import MobileSeva
from services.notify.adapters.smtp import Smtp
from services.notify.adapters.whatsapp import WhatsApp
from services.notify.adapters.wire import http_client
from services.notify.core.provider import Provider, ProviderName
from services.notify.core.rates import Rate, Rates


async def providers(
    settings: Settings, stack: AsyncExitStack, clock: Clock
) -> Mapping[ProviderName, Provider]:
    found: dict[ProviderName, Provider] = {
        "whatsapp": WhatsApp(
            await stack.enter_async_context(http_client()),
            url=settings.whatsapp_url,
            phone_number_id=settings.whatsapp_phone_number_id,
            token=settings.whatsapp_token.get_secret_value(),
        ),
        "mobile_seva": MobileSeva(
            await stack.enter_async_context(http_client()),
            url=settings.sms_url,
            username=settings.sms_username,
            password=settings.sms_password.get_secret_value(),
            digest=settings.sms_password_digest,
            secure_key=settings.sms_secure_key.get_secret_value(),
            sender=settings.sms_sender,
        ),
    }
    if settings.has("kannel_url"):
        found["kannel"] = Kannel(
            await stack.enter_async_context(http_client()),
            url=settings.kannel_url,
            username=settings.kannel_username,
            password=settings.kannel_password.get_secret_value(),
            sender=settings.sms_sender,
            receipts_url=settings.kannel_receipts,
            secret=settings.receipt_secret.get_secret_value(),
            entity=settings.kannel_entity,
        )
    if settings.has("mail_from"):
        mail = found["smtp"] = Smtp(
            host=settings.smtp_host,
            port=settings.smtp_port,
            security=settings.smtp_security,
            sender=settings.mail_from,
            clock=clock,
            ca=settings.smtp_ca,
            username=settings.smtp_username,
            password=settings.smtp_password.get_secret_value(),
        )
        stack.push_async_callback(mail.close)
    return found


def rates(settings: Settings, provider: ProviderName, now: datetime) -> Rates:
    """The token buckets of a provider: a second's worth at once, and what one person bears."""
    per_second = {
        "whatsapp": settings.whatsapp_per_second,
        "mobile_seva": settings.sms_per_second,
        "kannel": settings.sms_per_second,
        "smtp": settings.smtp_per_second,
    }[provider]
    each = Rate(1 / settings.recipient_seconds, settings.recipient_burst)
    return Rates(Rate(per_second, max(1.0, per_second)), each, now)
