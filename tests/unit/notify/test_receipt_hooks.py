"""Where receipts come in over HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

import httpx
import pytest
from fastapi import FastAPI

from services.kernel.adapters.http import instrument
from services.kernel.domain.errors import Retry, Unavailable
from services.notify.adapters.provider_receipts import signature
from services.notify.adapters.receipt_hooks import router
from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt
from tests.unit.notify.test_provider_receipts import report

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
SECRET = "receipt-secret"
QUERY = {"m": "26/case/1:न", "a": "c1", "t": signature(SECRET, "26/case/1:न", "c1"), "d": "1"}
BEARER = {"Authorization": f"Bearer {SECRET}"}


class Store:
    """Keeps what is applied, or is away."""

    def __init__(self) -> None:
        self.receipts: list[Receipt] = []
        self.away: Exception | None = None

    async def apply(self, receipts: Sequence[Receipt]) -> None:
        if self.away is not None:
            raise self.away
        self.receipts.extend(receipts)


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI()
    instrument(app, {})
    app.include_router(router(store.apply, lambda: AT, SECRET))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://notify") as client:
        yield client


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_delivery_report(client: httpx.AsyncClient, store: Store, method: str) -> None:
    answer = await client.request(
        method, "/receipts/kannel", params={**QUERY, "i": "f-1", "s": "x"}
    )
    assert (answer.status_code, answer.content) == (200, b"")
    assert store.receipts == [Receipt("sms", "delivered", AT, "26/case/1:न", "f-1", "c1")]


async def test_a_report_without_an_id(client: httpx.AsyncClient, store: Store) -> None:
    answer = await client.get("/receipts/kannel", params={**QUERY, "d": "16", "i": ""})
    assert answer.status_code == 200
    (receipt,) = store.receipts
    assert receipt.provider_id is None
    assert receipt.failure == Outcome("permanent", "kannel_refused")


@pytest.mark.parametrize("kind", ["4", "32", "0", "777"])
async def test_a_kind_that_says_nothing_final(
    client: httpx.AsyncClient, store: Store, kind: str
) -> None:
    answer = await client.get("/receipts/kannel", params={**QUERY, "d": kind})
    assert answer.status_code == 200
    assert store.receipts == []


@pytest.mark.parametrize(
    ("change", "status", "field"),
    [
        *[({name: None}, 400, name) for name in "matd"],
        *[({"d": kind}, 400, "d") for kind in ("", "%d", "-1", "1.0", "१", "12345", "1 ")],
        *[({"t": t}, 403, "t") for t in ("", "0" * 64, QUERY["t"].upper(), "é")],
        ({"m": "26/case/1:citizen:other"}, 403, "t"),
        ({"a": "c2"}, 403, "t"),
    ],
)
async def test_what_is_not_ours_is_refused(
    client: httpx.AsyncClient, store: Store, change: dict[str, str | None], status: int, field: str
) -> None:
    params = {name: value for name, value in {**QUERY, **change}.items() if value is not None}
    answer = await client.get("/receipts/kannel", params=params)
    assert (answer.status_code, answer.json()["error"]["field"]) == (status, field)
    assert store.receipts == []


async def test_bytes_that_are_no_text(client: httpx.AsyncClient) -> None:
    answer = await client.get("/receipts/kannel?m=%FF%00&a=c1&d=1&t=%FF")
    assert answer.status_code == 403


@pytest.mark.parametrize(("away", "seconds"), [(Unavailable("MongoDB", 9), "9"), (Retry("x"), "5")])
async def test_while_the_store_is_away(
    client: httpx.AsyncClient, store: Store, away: Exception, seconds: str
) -> None:
    store.away = away
    for answer in (
        await client.get("/receipts/kannel", params=QUERY),
        await client.post("/receipts/mail", content=report(), headers=BEARER),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, seconds)
    ignored = await client.get("/receipts/kannel", params={**QUERY, "d": "4"})
    assert ignored.status_code == 200


async def test_a_mail_that_came_back(client: httpx.AsyncClient, store: Store) -> None:
    answer = await client.post("/receipts/mail", content=report(), headers=BEARER)
    assert (answer.status_code, answer.content) == (200, b"")
    (receipt,) = store.receipts
    assert (receipt.channel, receipt.status, receipt.at) == ("email", "failed", AT)


@pytest.mark.parametrize("body", [b"", b"Subject: hi\r\n\r\nhello", b"\xff\x00" * 20])
async def test_any_other_mail_is_taken_and_forgotten(
    client: httpx.AsyncClient, store: Store, body: bytes
) -> None:
    answer = await client.post("/receipts/mail", content=body, headers=BEARER)
    assert answer.status_code == 200
    assert store.receipts == []


@pytest.mark.parametrize("given", [None, "", SECRET, f"bearer {SECRET}", f"Bearer {SECRET}x"])
async def test_a_mail_from_anybody_else(
    client: httpx.AsyncClient, store: Store, given: str | None
) -> None:
    headers = {} if given is None else {"Authorization": given}
    answer = await client.post("/receipts/mail", content=report(), headers=headers)
    assert (answer.status_code, answer.json()["error"]["field"]) == (401, "authorization")
    assert store.receipts == []
