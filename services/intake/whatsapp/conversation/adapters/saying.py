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

    def recipient(self, inbound: Inbound, memory: Memory) -> tuple[str, str] | None:
        """The name and the address of who is answered: the way in which he wrote."""
        person = inbound.person
        if person.number is not None:
            return self._names.phone(person.number), person.number
        user = person.user or memory.user
        return (self._names.user(user), user) if user is not None else None

    def message(
        self,
        reply: Reply,
        place: int,
        inbound: Inbound,
        memory: Memory,
        district: str,
        now: datetime,
    ) -> Message | None:
        """The `place`-th reply to a message; None for nobody."""
        whom = self.recipient(inbound, memory)
        if whom is None:
            return None
        name, address = whom
        key = reply_key(inbound.id, place)
        language: Language = memory.conversation.language
        by_number = address.startswith("+")
        content = Requested(
            to=address,
            audience="citizen",
            language=language,
            channels=("whatsapp", "sms") if reply.fallback and by_number else ("whatsapp",),
            values=dict(reply.fallback.values) if reply.fallback else {},
            text=reply.text,
            buttons=reply.buttons,
            rows=reply.rows,
            list_button=reply.list_button,
            answers=inbound.written_at,
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
