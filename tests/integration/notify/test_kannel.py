"""SMS by a real Kannel: what arrives at its SMSC, and what comes back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from services.kernel.adapters.http import instrument, server
from services.kernel.domain.errors import Unavailable
from services.notify.adapters.kannel import Kannel
from services.notify.adapters.receipt_hooks import router
from services.notify.adapters.wire import Bounds, http_client
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from services.notify.core.receipts import Receipt
from services.notify.core.wording import segments
from tests.integration.notify.kannel_gateway import PASSWORD, USERNAME, Gateway

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
SECRET = "receipt-secret"
HINDI = (
    "संवाद: आपकी शिकायत JC-2600104237 जल विभाग के अधिकारी को सौंप दी गई है। 👍 "
    "स्थिति जानने के लिए यह संख्या भेजें। धन्यवाद, जिला प्रशासन, जांजगीर-चांपा।"
)
MESSAGE = Outgoing(
    key="2600104237/case/1:citizen:नागरिक&d=%d",
    to="+919876543210",
    language="hi",
    text=HINDI,
    claim="c1a1",
    registered="1007000000000000001",
)
Eventually = Callable[..., Any]


class Hook:
    """The receipts that were taken. `away`: how many calls are to be sent away first."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.away = 0
        self.port = 0

    async def apply(self, receipts: Sequence[Receipt]) -> None:
        if self.away:
            self.away -= 1
            raise Unavailable("MongoDB")
        self.receipts.extend(receipts)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path)
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    hook = Hook()
    app = FastAPI()
    instrument(app, {})
    app.include_router(router(hook.apply, lambda: AT, SECRET))
    http = server(app, "127.0.0.1", 0)
    task = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.01)
    hook.port = http.servers[0].sockets[0].getsockname()[1]
    yield hook
    http.should_exit = True
    await task


@asynccontextmanager
async def provider(
    gateway: Gateway, hook: Hook, bounds: Bounds | None = None, **more: str
) -> AsyncIterator[Kannel]:
    settings = {
        "url": gateway.url,
        "username": USERNAME,
        "password": PASSWORD,
        "sender": "SAMVAD",
        "receipts_url": f"http://127.0.0.1:{hook.port}/receipts/kannel",
        "secret": SECRET,
        "entity": "1001",
        **more,
    }
    async with http_client(bounds) as client:
        yield Kannel(client, **settings)


def whole(gateway: Gateway, encoding: str) -> str:
    """The one text that the parts make; every part is there, once, in whatever order they came."""
    parts = sorted(gateway.received(), key=lambda part: part.place)
    references = {part.place[:2] for part in parts}
    assert references == {(parts[0].place[0], len(parts))}
    assert [part.place[2] for part in parts] == list(range(1, len(parts) + 1))
    return b"".join(part.data for part in parts).decode(encoding)


async def test_a_long_hindi_text_arrives_whole_and_its_receipt_comes_back(
    gateway: Gateway, hook: Hook, eventually: Eventually
) -> None:
    async with provider(gateway, hook) as kannel:
        assert await kannel.send(MESSAGE) == Outcome("accepted")
    await eventually(lambda: hook.receipts, "the receipt", 15)
    parts = gateway.received()
    assert len(parts) == segments(HINDI) == 3
    assert {(part.sender, part.to) for part in parts} == {("SAMVAD", "+919876543210")}
    assert whole(gateway, "utf-16-be") == HINDI
    (receipt,) = hook.receipts
    assert receipt.provider_id
    assert receipt == Receipt(
        "sms", "delivered", AT, MESSAGE.key, receipt.provider_id, MESSAGE.claim
    )


async def test_a_long_english_text_arrives_whole(
    gateway: Gateway, hook: Hook, eventually: Eventually
) -> None:
    text = "Case JC-2600104237 [urgent] {a|b} ~ ^ \\ @ $5 was given to an officer. " * 5
    async with provider(gateway, hook) as kannel:
        outcome = await kannel.send(replace(MESSAGE, text=text, urgent=True))
    assert outcome == Outcome("accepted")
    await eventually(lambda: hook.receipts, "the receipt", 15)
    assert len(gateway.received()) == segments(text) == 3
    assert whole(gateway, "utf-8") == text


@pytest.mark.parametrize(
    ("text", "kind", "encoding"),
    [
        ("नमस्ते 👍", "ucs-2", "utf-16-be"),
        ("naïve", "ucs-2", "utf-16-be"),
        ("Rs €5 [a] {b} @£ è & 100% + ?", "text", "utf-8"),
    ],
)
async def test_a_short_text(
    gateway: Gateway, hook: Hook, eventually: Eventually, text: str, kind: str, encoding: str
) -> None:
    async with provider(gateway, hook) as kannel:
        assert await kannel.send(replace(MESSAGE, text=text)) == Outcome("accepted")
    await eventually(lambda: hook.receipts, "the receipt", 15)
    (part,) = gateway.received()
    assert (part.kind, part.head, part.data.decode(encoding)) == (kind, b"", text)


async def test_a_receipt_comes_again_while_the_store_is_away(
    gateway: Gateway, hook: Hook, eventually: Eventually
) -> None:
    hook.away = 2
    async with provider(gateway, hook) as kannel:
        await kannel.send(MESSAGE)
    await eventually(lambda: hook.receipts, "the receipt, at the third call", 20)
    assert (hook.away, len(hook.receipts)) == (0, 1)


async def test_a_wrong_password(gateway: Gateway, hook: Hook) -> None:
    async with provider(gateway, hook, password="wrong") as kannel:
        outcome = await kannel.send(MESSAGE)
        assert outcome == Outcome("transient", "kannel_403_credentials", whole_provider=True)
    async with provider(gateway, hook, url=gateway.url + "x") as kannel:
        outcome = await kannel.send(MESSAGE)
        assert outcome == Outcome("transient", "kannel_404_address", whole_provider=True)
    assert gateway.received() == []


@pytest.mark.parametrize(
    ("to", "reason"),
    [("+14155550123", "kannel_403_not_routable"), ("nobody", "kannel_400_denied")],
)
async def test_a_number_that_kannel_does_not_take(
    gateway: Gateway, hook: Hook, to: str, reason: str
) -> None:
    async with provider(gateway, hook) as kannel:
        assert await kannel.send(replace(MESSAGE, to=to)) == Outcome("permanent", reason)
    assert gateway.received() == []


async def test_kannel_down_and_up_again(
    gateway: Gateway, hook: Hook, eventually: Eventually
) -> None:
    async with provider(gateway, hook) as kannel:
        assert (await kannel.send(MESSAGE)).kind == "accepted"
        await eventually(lambda: hook.receipts, "the receipt", 15)
        await asyncio.to_thread(gateway.stop)
        down = await kannel.send(replace(MESSAGE, text="while it is down"))
        assert (down.kind, down.whole_provider) == ("transient", True)
        await asyncio.to_thread(gateway.start)
        assert (await kannel.send(replace(MESSAGE, text="up again", claim="c2"))).kind == "accepted"
        await eventually(lambda: len(hook.receipts) == 2, "the second receipt", 15)
    assert hook.receipts[1].claim == "c2"
    assert [part.data for part in gateway.received() if part.kind == "text"] == [b"up again"]


async def test_while_the_smsc_is_away_kannel_keeps_the_message(
    gateway: Gateway, hook: Hook, eventually: Eventually
) -> None:
    await asyncio.to_thread(gateway.end, "smsc")
    async with provider(gateway, hook) as kannel:
        await eventually(lambda: not gateway.is_online(), "Kannel missing its SMSC", 15)
        assert await kannel.send(MESSAGE) == Outcome("accepted")
    assert (gateway.received(), hook.receipts) == ([], [])
    await asyncio.to_thread(gateway.start_smsc)
    await eventually(lambda: hook.receipts, "the receipt", 15)
    assert whole(gateway, "utf-16-be") == HINDI


async def test_a_kannel_that_stands_still_may_have_the_message(
    gateway: Gateway, hook: Hook, eventually: Eventually
) -> None:
    async with provider(gateway, hook, Bounds(read=0.3)) as kannel:
        with gateway.frozen():
            outcome = await kannel.send(MESSAGE)
            assert outcome == Outcome("unknown", "kannel_sockettimeouterror", whole_provider=True)
            assert gateway.received() == []
    await eventually(lambda: hook.receipts, "the receipt of what it had after all", 15)
    assert hook.receipts[0].claim == MESSAGE.claim
    assert whole(gateway, "utf-16-be") == HINDI
