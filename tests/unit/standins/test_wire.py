"""notify's clients against the stand-ins, over real sockets: both ends speak the same format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.kernel.adapters.settings import Settings
from services.notify.adapters.book_file import load_book
from services.notify.adapters.mobile_seva import MobileSeva
from services.notify.adapters.whatsapp import WhatsApp
from services.notify.adapters.wire import Bounds, Client, http_client
from services.notify.core.provider import Outgoing, Provider
from services.notify.core.wording import fill

SETTINGS = Settings()
BOOK = load_book()
VALUES = {
    "district": "जांजगीर-चांपा",
    "ticket": "JC-2600104237",
    "call_centre": "7970001634",
    "emergency": "112",
    "control_room": "1077",
    "service": "हैंडपंप (खराब)",
    "department": "लोक स्वास्थ्य यांत्रिकी विभाग",
}


def message(template: str, channel: Any, language: Any, key: str = "k") -> Outgoing:
    wording = BOOK.templates[template].wordings[channel, language]
    names = [n for n in BOOK.templates[template].variables if "{" + n + "}" in wording.text]
    values = VALUES if language == "hi" else VALUES | {"district": "Janjgir-Champa"}
    return Outgoing(
        key=key,
        to="+919876543210",
        language=language,
        registered=wording.registered,
        text=fill(wording.text, values),
        parameters=tuple(values[n] for n in names),
    )


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with http_client() as client:
        yield client


@pytest.fixture
def whatsapp(client: Client, address: str) -> WhatsApp:
    return WhatsApp(
        client,
        url=f"{address}/whatsapp",
        phone_number_id=SETTINGS.whatsapp_phone_number_id,
        token=SETTINGS.whatsapp_token.get_secret_value(),
    )


def gateway(client: Client, address: str, **other: str) -> MobileSeva:
    account = {
        "username": SETTINGS.sms_username,
        "password": SETTINGS.sms_password.get_secret_value(),
        "secure_key": SETTINGS.sms_secure_key.get_secret_value(),
        "sender": SETTINGS.sms_sender,
    }
    return MobileSeva(client, url=f"{address}/sms", **(account | other))  # type: ignore[arg-type]


@pytest.fixture
def sms(client: Client, address: str) -> MobileSeva:
    return gateway(client, address)


async def taken(http: httpx.AsyncClient, **filters: str) -> list[dict[str, Any]]:
    answer = await http.get("/api/messages", params=filters)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


EVERY = [(t.id, c, lang) for t in BOOK.templates.values() for c, lang in t.wordings]


@pytest.mark.parametrize(("template", "channel", "language"), EVERY)
async def test_every_text_arrives_as_it_was_meant(
    template: str,
    channel: str,
    language: str,
    whatsapp: WhatsApp,
    sms: MobileSeva,
    http: httpx.AsyncClient,
) -> None:
    sent = message(template, channel, language)
    provider: Provider = whatsapp if channel == "whatsapp" else sms
    outcome = await provider.send(sent)
    assert outcome.kind == "accepted", outcome
    assert outcome.provider_id
    (got,) = await taken(http)
    assert (got["text"], got["to"], got["language"]) == (sent.text, "919876543210", language)
    assert got["key"] == ("k" if channel == "whatsapp" else "")


async def test_a_text_with_emoji_arrives(sms: MobileSeva, http: httpx.AsyncClient) -> None:
    sent = message("citizen_assigned_discreet", "sms", "hi")
    sent = replace(sent, text=sent.text.replace("JC-2600104237", "👍 JC"))
    assert (await sms.send(sent)).kind == "accepted"
    (got,) = await taken(http)
    assert got["text"] == sent.text


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"password": "x"}, "sms_401_credentials"),
        ({"username": "x"}, "sms_401_credentials"),
        ({"sender": "OTHERS"}, "sms_411_sender"),
        ({"secure_key": "x"}, "sms_416_key"),
    ],
)
async def test_a_wrong_account_is_a_fault_of_the_set_up(
    wrong: dict[str, str],
    reason: str,
    client: Client,
    address: str,
    http: httpx.AsyncClient,
) -> None:
    outcome = await gateway(client, address, **wrong).send(message("citizen_filed", "sms", "en"))
    assert (outcome.kind, outcome.reason, outcome.whole_provider) == ("transient", reason, True)
    assert await taken(http) == []


async def test_what_is_not_registered_is_refused(whatsapp: WhatsApp, sms: MobileSeva) -> None:
    text = message("citizen_filed", "sms", "en")
    changed = replace(text, text=text.text.replace("case", "complaint"))
    assert (await sms.send(changed)).reason == "sms_414_rejected"
    assert (await sms.send(replace(text, registered="9"))).reason == "sms_414_rejected"
    assert (await sms.send(replace(text, to="+912234567890"))).reason == "sms_406_number"
    template = message("citizen_filed", "whatsapp", "en")
    outcome = await whatsapp.send(replace(template, registered="nothing"))
    assert (outcome.kind, outcome.reason) == ("permanent", "whatsapp_132001_template")
    outcome = await whatsapp.send(replace(template, parameters=("one",)))
    assert (outcome.kind, outcome.reason) == ("permanent", "whatsapp_132000_template")


async def test_a_wrong_token(client: Client, address: str) -> None:
    stranger = WhatsApp(client, url=f"{address}/whatsapp", phone_number_id="1", token="x")
    outcome = await stranger.send(message("citizen_filed", "whatsapp", "en"))
    assert (outcome.kind, outcome.reason) == ("transient", "whatsapp_190")


async def test_failures_on_request(
    whatsapp: WhatsApp, sms: MobileSeva, http: httpx.AsyncClient
) -> None:
    behaviour = {"provider": "whatsapp", "fail_code": 131026, "times": 2}
    assert (await http.post("/api/behaviour", json=behaviour)).status_code == 200
    await http.post("/api/behaviour", json={"provider": "sms", "http_status": 503, "times": 1})
    sent = message("citizen_filed", "whatsapp", "en")
    for _ in range(2):
        assert (await whatsapp.send(sent)).reason == "whatsapp_131026_undeliverable"
    assert (await whatsapp.send(sent)).kind == "accepted"
    text = message("citizen_filed", "sms", "hi")
    assert (await sms.send(text)).reason == "sms_http_503"
    await http.post("/api/behaviour", json={"provider": "sms", "fail_code": 418, "times": 1})
    assert (await sms.send(text)).reason == "sms_418_daily_limit"
    assert (await sms.send(text)).kind == "accepted"
    assert len(await taken(http, accepted="true")) == 2
    assert (await http.get("/api/duplicates")).json() == {"count": 0, "duplicates": []}


async def test_throttling(whatsapp: WhatsApp, sms: MobileSeva, http: httpx.AsyncClient) -> None:
    for provider in ("whatsapp", "sms"):
        body = {"provider": provider, "throttle_per_second": 1}
        await http.post("/api/behaviour", json=body)
    for provider, channel in ((whatsapp, "whatsapp"), (sms, "sms")):
        outcomes = await asyncio.gather(
            *(provider.send(message("citizen_filed", channel, "en", key=str(n))) for n in range(5))
        )
        # five calls at once cannot lie in more than two seconds' windows
        refused = [outcome for outcome in outcomes if outcome.kind != "accepted"]
        assert 1 <= 5 - len(refused) <= 2
        assert {(o.kind, o.retry_after, o.whole_provider) for o in refused} == {
            ("transient", 1.0, True)
        }


async def test_a_request_that_hangs_was_taken(
    address: str, http: httpx.AsyncClient, eventually: Callable[..., Any]
) -> None:
    await http.post("/api/behaviour", json={"provider": "whatsapp", "hang": True})
    token = SETTINGS.whatsapp_token.get_secret_value()
    async with http_client(Bounds(read=0.2)) as impatient:
        whatsapp = WhatsApp(
            impatient,
            url=f"{address}/whatsapp",
            phone_number_id=SETTINGS.whatsapp_phone_number_id,
            token=token,
        )
        outcome = await whatsapp.send(message("citizen_filed", "whatsapp", "en", key="mine"))
    assert (outcome.kind, outcome.reason) == ("unknown", "whatsapp_sockettimeouterror")
    (got,) = await taken(http)
    assert got["accepted"] is True
    await http.delete("/api/behaviour")
    await http.post("/api/behaviour", json={"provider": "whatsapp", "delay_ms": 1})
    async with http_client() as client:
        again = WhatsApp(
            client,
            url=f"{address}/whatsapp",
            phone_number_id=SETTINGS.whatsapp_phone_number_id,
            token=token,
        )
        sent = message("citizen_filed", "whatsapp", "en", key="mine")
        assert (await again.send(sent)).kind == "accepted"
    doubled = (await http.get("/api/duplicates")).json()
    assert doubled["count"] == 1
    assert doubled["duplicates"][0]["key"] == "mine"
    assert doubled["duplicates"][0]["times"] == 2


async def test_nobody_there(client: Client) -> None:
    nobody = gateway(client, "http://127.0.0.1:1")
    outcome = await nobody.send(message("citizen_filed", "sms", "en"))
    assert (outcome.kind, outcome.reason) == ("transient", "sms_clientconnectorerror")


async def test_a_double_sms_is_told_by_phone_template_and_text(
    sms: MobileSeva, http: httpx.AsyncClient
) -> None:
    text = message("citizen_filed", "sms", "hi")
    await sms.send(text)
    await sms.send(replace(text, to="+919876543211"))
    await sms.send(replace(text, text=text.text.replace("2600104237", "2600104245")))
    assert (await http.get("/api/duplicates")).json()["count"] == 0
    await sms.send(text)
    await sms.send(text)
    assert (await http.get("/api/duplicates")).json()["count"] == 2
