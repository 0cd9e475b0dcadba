"""How many messages a person may send: a bucket that fills again. Pure.

It is wide enough for anybody who tells something, and for an album of photos; who sends more is told so once,
kindly, and heard again when the bucket has filled a little.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.intake.whatsapp.conversation.core.model import Conversation

MOST = 40.0
PER_SECOND = 1 / 3
HEARD_AGAIN = 5.0


def take(conversation: Conversation, now: datetime) -> tuple[Conversation, bool, bool]:
    """The conversation after one more message, whether the message is heard, and whether the person is to
    be told that it is not."""
    tokens = MOST if conversation.tokens is None else conversation.tokens
    if conversation.last_at is not None:
        passed = max(0.0, (now - conversation.last_at).total_seconds())
        tokens = min(MOST, tokens + passed * PER_SECOND)
    needed = HEARD_AGAIN if conversation.flooded else 1.0
    if tokens < needed:
        return replace(conversation, tokens=tokens, flooded=True), False, not conversation.flooded
    return replace(conversation, tokens=tokens - 1, flooded=False), True, False
