"""Telling a citizen that a file of his could not be kept: once, in his language."""

from __future__ import annotations

from services.intake.whatsapp.conversation.adapters.conversation_store import ConversationStore
from services.intake.whatsapp.conversation.adapters.saying import Saying
from services.intake.whatsapp.conversation.core.model import Reply
from services.intake.whatsapp.conversation.core.saying import Voice
from services.kernel.adapters.clock import Clock
from services.kernel.adapters.outbox import Publishes
from services.kernel.domain.media import RefusedMedia


class Refusing:
    def __init__(
        self,
        conversations: ConversationStore,
        saying: Saying,
        voice: Voice,
        publisher: Publishes,
        clock: Clock,
    ) -> None:
        self._conversations = conversations
        self._saying = saying
        self._voice = voice
        self._publisher = publisher
        self._clock = clock

    async def tell(self, refused: RefusedMedia) -> None:
        """Again for the same file it is the same message. Raises Unavailable."""
        stored = await self._conversations.one(refused.owner)
        if stored is None:
            return
        memory = stored.memory
        text = self._voice.say("media.refused", memory.conversation.tongue)
        message = self._saying.to(
            Reply(text),
            key=f"wa/{refused.id}",
            number=memory.number,
            user=memory.user,
            language=memory.conversation.language,
            answers=refused.at,
            district=refused.district,
            now=self._clock(),
        )
        if message is not None:
            await self._publisher.publish([message])
