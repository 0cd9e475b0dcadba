"""What providers and callers send to notify, as records of their topics."""

from __future__ import annotations

from typing import Any

from services.kernel.contracts.beside import MessageRequested, WhatsAppReceived
from services.kernel.contracts.codec import Message, beside_the_case
from services.kernel.contracts.envelope import Requested, new_data_key, seal
from services.kernel.contracts.topics import MESSAGES, WHATSAPP_INBOUND
from services.kernel.domain.naming import Names
from tests.integration.notify.bench import Bench, records

PHONE = "+919876543210"


def names(bench: Bench) -> Names:
    return Names(bench.settings.contact_secret.get_secret_value())


def name(bench: Bench, phone: str = PHONE) -> str:
    return names(bench).phone(phone)


def status(bench: Bench, key: str, word: str, wamid: str | None = None, code: int = 0) -> Message:
    item: dict[str, Any] = {"status": word, "biz_opaque_callback_data": key}
    if wamid is not None:
        item["id"] = wamid
    if code:
        item["errors"] = [{"code": code}]
    return received(bench, "status", item)


def wrote(
    bench: Bench, text: str, *, phone: str | None = PHONE, user_id: str | None = None
) -> Message:
    """The citizen writes by WhatsApp."""
    item: dict[str, Any] = {"type": "text", "text": {"body": text}}
    if phone is not None:
        item["from"] = phone[1:]
    if user_id is not None:
        item["from_user_id"] = user_id
    return received(bench, "message", item)


def moved(bench: Bench, old: str, new: str) -> Message:
    """The provider tells that who had the number `old` has the number `new` now."""
    told = {"type": "user_changed_number", "wa_id": new[1:], "body": f"{old} is {new} now"}
    return received(bench, "message", {"from": old[1:], "type": "system", "system": told})


def received(bench: Bench, kind: Any, item: dict[str, Any]) -> Message:
    event = WhatsAppReceived(
        district="janjgir-champa", kind=kind, number="1", at=bench.clock(), item=item
    )
    return beside_the_case(event, WHATSAPP_INBOUND, "test", key=b"k", ce_id="x")


async def receive(bench: Bench, *messages: Message) -> None:
    assert not await bench.service.inbound.handle(records(*messages))


async def citizen(bench: Bench, **query: Any) -> dict[str, Any]:
    """The one message to a citizen that there is."""
    (found,) = await bench.stored(audience="citizen", **query)
    return found


def said(bench: Bench, topic: str) -> list[bytes]:
    return [record.value or b"" for record in bench.broker.records(topic)]


def requested(
    bench: Bench,
    key: str,
    *,
    template: str = "login_code",
    channels: Any = ("sms",),
    wrong: bool = False,
    to: str = PHONE,
    **more: Any,
) -> Message:
    data_key = new_data_key()
    more = {"language": "hi", **more}
    content = Requested(audience="citizen", to=to, channels=channels, **more)
    event = MessageRequested(
        district="janjgir-champa",
        key=key,
        recipient=names(bench).phone(to) if to.startswith("+") else names(bench).user(to),
        template=template,
        at=bench.clock(),
        sealed=seal(content, data_key, key),
        wrapped_key=bench.settings.keys.wrap(data_key, "another" if wrong else key),
    )
    return beside_the_case(event, MESSAGES, "test", key=event.recipient.encode(), ce_id=key)
