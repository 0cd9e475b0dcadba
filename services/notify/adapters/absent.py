"""A provider that this installation has not set up: every message goes to its next channel."""

from __future__ import annotations

from services.notify.core.outcomes import Outcome
from services.notify.core.provider import CHANNEL_OF, Outgoing, ProviderName


class Absent:
    receipts = False

    def __init__(self, name: ProviderName) -> None:
        self.name = name
        self.channel = CHANNEL_OF[name]

    async def send(self, message: Outgoing) -> Outcome:
        return Outcome("permanent", "no_provider")
