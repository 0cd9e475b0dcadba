"""What the sender asks of a provider of messages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

from services.kernel.domain.directory import Language
from services.notify.core.book import Channel
from services.notify.core.outcomes import Outcome

ProviderName = Literal["whatsapp", "mobile_seva", "kannel", "smtp"]
PROVIDERS: tuple[ProviderName, ...] = get_args(ProviderName)
CHANNEL_OF: Mapping[ProviderName, Channel] = {
    "whatsapp": "whatsapp",
    "mobile_seva": "sms",
    "kannel": "sms",
    "smtp": "email",
}


@dataclass(frozen=True)
class Outgoing:
    """A message as it goes out. `key` is ours, for providers that echo one; `claim` names this attempt.

    `to` is a number (E.164), a WhatsApp user id or an e-mail address. `registered` names the template with
    the provider; `parameters` are its variables' values in order. `in_window`: the person wrote to us within
    the last 24 hours, so that WhatsApp takes `text` as it is, with `buttons` (id, title) or with the `rows`
    (id, title, description or "") of a list that `list_button` opens. `subject` and `html` are for e-mail;
    `urgent` may be told to a provider that has a priority.
    """

    key: str
    to: str
    language: Language
    text: str
    claim: str = ""
    registered: str = ""
    parameters: tuple[str, ...] = ()
    in_window: bool = False
    buttons: tuple[tuple[str, str], ...] = ()
    rows: tuple[tuple[str, str, str], ...] = ()
    list_button: str = ""
    subject: str = ""
    html: str = ""
    urgent: bool = False


class Provider(Protocol):
    """One provider of a channel. `send` makes one call and raises nothing but cancellation.

    `receipts`: it tells what became of a message that it accepted.
    """

    name: ProviderName
    channel: Channel
    receipts: bool

    async def send(self, message: Outgoing) -> Outcome: ...
