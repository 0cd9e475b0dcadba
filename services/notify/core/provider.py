"""What the sender asks of a provider of messages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from services.kernel.domain.directory import Language
from services.notify.core.outcomes import Outcome


@dataclass(frozen=True)
class Outgoing:
    """A message as it goes out. `key` is ours, for providers that echo one; `to` is E.164.

    `registered` names the template with the provider; `parameters` are its variables' values in order.
    """

    key: str
    to: str
    language: Language
    registered: str
    text: str
    parameters: tuple[str, ...]


class Provider(Protocol):
    """One channel's provider. `send` makes one call and raises nothing but cancellation."""

    async def send(self, message: Outgoing) -> Outcome: ...
