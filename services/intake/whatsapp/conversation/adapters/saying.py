"""From what the conversation says to what is asked of notify and of the call centre: sealed, keyed by the
message that it answers."""

from __future__ import annotations

from datetime import datetime

from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.memory import Memory, reply_key, short
from services.intake.whatsapp.conversation.core.model import Callback, Reply
from services.kernel.contracts.beside import CallbackRequested, MessageRequested
from services.kernel.contracts.codec import Message, beside_the_case
from services.kernel.contracts.envelope import Caller, MasterKeys, Requested, new_data_key, seal
from services.kernel.contracts.topics import CALLS, MESSAGES
from services.kernel.domain.directory import Language
from services.kernel.domain.naming import Names

SERVICE = "conversation"
ASKED = "asked_by_citizen"
"""Why somebody is to be called back."""


class Saying:
    def __init__(self, names: Names, keys: MasterKeys) -> None:
        self._names = names
        self._keys = keys

    def message(
        self,
        reply: Reply,
        place: int,
        inbound: Inbound,
        memory: Memory,
        district: str,
        now: datetime,
    ) -> Message | None:
        """The `place`-th reply to a message, by the way in which it came; None for nobody."""
        return self.to(
            reply,
            key=reply_key(inbound.id, place),
            number=inbound.person.number,
            user=inbound.person.user or memory.user,
            language=memory.conversation.language,
            answers=inbound.written_at,
            district=district,
            now=now,
        )

    def to(
        self,
        reply: Reply,
        *,
        key: str,
        number: str | None,
        user: str | None,
        language: Language,
        answers: datetime,
        district: str,
        now: datetime,
    ) -> Message | None:
        """What is asked of notify; None where no address is known. `answers`: when he wrote."""
        if number is not None:
            name, address = self._names.phone(number), number
        elif user is not None:
            name, address = self._names.user(user), user
        else:
            return None
        by_sms = reply.fallback is not None and number is not None
        content = Requested(
            to=address,
            audience="citizen",
            language=language,
            channels=("whatsapp", "sms") if by_sms else ("whatsapp",),
            values=dict(reply.fallback.values) if reply.fallback else {},
            text=reply.text,
            buttons=reply.buttons,
            rows=reply.rows,
            list_button=reply.list_button,
            answers=answers,
            urgent=reply.urgent,
        )
        data_key = new_data_key()
        event = MessageRequested(
            district=district,
            key=key,
            recipient=name,
            template=reply.fallback.template if reply.fallback else "",
            at=now,
            sealed=seal(content, data_key, key),
            wrapped_key=self._keys.wrap(data_key, key),
        )
        return beside_the_case(event, MESSAGES, SERVICE, key=name.encode(), ce_id=key)

    def callback(self, callback: Callback, district: str, now: datetime) -> Message:
        key = f"wa/{short(callback.key)}"
        content = Caller(phone=callback.phone, name=callback.name, words=callback.words)
        data_key = new_data_key()
        event = CallbackRequested(
            district=district,
            key=key,
            ticket=callback.ticket,
            reason=ASKED,
            at=now,
            sealed=seal(content, data_key, key),
            wrapped_key=self._keys.wrap(data_key, key),
        )
        return beside_the_case(event, CALLS, SERVICE, key=key.encode(), ce_id=key)
