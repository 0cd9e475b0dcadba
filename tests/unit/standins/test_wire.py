"""notify's clients against the stand-ins, over real sockets: both ends speak the same format."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import Settings
from services.notify.adapters.book_file import load_book
from services.notify.adapters.kannel import Kannel
from services.notify.adapters.mobile_seva import MobileSeva
from services.notify.adapters.smtp import Smtp
from services.notify.adapters.whatsapp import WhatsApp
from services.notify.adapters.wire import Bounds, Client, http_client
from services.notify.core.provider import Outgoing, Provider
from services.notify.core.wording import fill

SETTINGS = Settings()
BOOK = load_book()
# what a text's variables are filled with; those that are not here with their own names
VALUES = {
    "hi": {"district": "जांजगीर-चांपा", "ticket": "JC-2600104237", "service": "हैंडपंप (खराब)"},
    "en": {"district": "Janjgir-Champa", "ticket": "JC-2600104237", "call_centre": "7970001634"},
}


def message(template: str, channel: Any, language: Any, key: str = "k") -> Outgoing:
    wording = BOOK.templates[template].wordings[channel, language]
    values = {name: VALUES[language].get(name, name) for name in BOOK.templates[template].variables}
    names = [n for n in BOOK.templates[template].variables if "{" + n + "}" in wording.text]
    text = fill(wording.text, values)
    return Outgoing(
        key=key,
        claim="c1",
        to="asha.sahu@example.in" if channel == "email" else "+919876543210",
        language=language,
        registered=wording.registered,
        text=text,
        parameters=tuple(values[n] for n in names),
        subject=fill(wording.subject, values),
        html=f"<p>{text}</p>" if channel == "email" else "",
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
def kannel(client: Client, address: str, listener: Any) -> Kannel:
    return Kannel(
        client,
        url=f"{address}/kannel/cgi-bin/sendsms",
        username=SETTINGS.kannel_username,
        password=SETTINGS.kannel_password.get_secret_value(),
        sender=SETTINGS.sms_sender,
        receipts_url=listener.url,
        secret="a secret of the test's own",
        entity="1001000000000000001",
    )


@pytest.fixture
async def smtp(running: Any) -> AsyncIterator[Smtp]:
    smtp = Smtp(
        host="127.0.0.1",
        port=running.smtp_port,
        security="none",
        sender=SETTINGS.mail_from,
        clock=system_clock(),
    )
    yield smtp
    await smtp.close()


@pytest.fixture
def sms(client: Client, address: str) -> MobileSeva:
    return gateway(client, address)


async def taken(http: httpx.AsyncClient, **filters: str) -> list[dict[str, Any]]:
    answer = await http.get("/api/messages", params=filters)
    assert answer.status_code == 200
    found: list[dict[str, Any]] = answer.json()["messages"]
    return found


EVERY = [(t.id, c, lang) for t in BOOK.templates.values() for c, lang in t.wordings]
BY_PROVIDER = [
    (name, template, channel, language)
    for template, channel, language in EVERY
    for name in {"whatsapp": ["whatsapp"], "sms": ["sms", "kannel"], "email": ["smtp"]}[channel]
]


async def test_every_text_arrives_as_it_was_meant(
    whatsapp: WhatsApp, sms: MobileSeva, kannel: Kannel, smtp: Smtp, http: httpx.AsyncClient
) -> None:
    providers: dict[str, Provider] = {
        "whatsapp": whatsapp, "sms": sms, "kannel": kannel, "smtp": smtp
    }  # fmt: skip
    assert {name for name, *_ in BY_PROVIDER} == providers.keys()
    for name, template, channel, language in BY_PROVIDER:
        sent = message(template, channel, language, key=f"{template}:हूँ")
        outcome = await providers[name].send(sent)
        assert outcome.kind == "accepted", (name, template, language, outcome)
        (got,) = await taken(http)
        assert got["accepted"] is True, (name, template, language, got["code"])
        assert (got["provider"], got["text"], got["language"]) == (name, sent.text, language)
        assert got["to"] == sent.to.removeprefix("+")
        assert got["key"] == ("" if name == "sms" else sent.key)
        assert (got["subject"], got["html"]) == (sent.subject, sent.html)
        await http.delete("/api/messages")


async def test_free_text_with_buttons_inside_the_24_hours(
    whatsapp: WhatsApp, http: httpx.AsyncClient
) -> None:
    buttons = (("1:JC-2600104237", "हाँ"), ("2:JC-2600104237", "नहीं"))
    sent = replace(message("citizen_filed", "whatsapp", "hi"), in_window=True, buttons=buttons)
    assert (await whatsapp.send(sent)).window_closed
    await http.post("/api/inbound", json={"from": sent.to, "text": "नमस्ते"})
    assert (await whatsapp.send(sent)).kind == "accepted"
    (got,) = await taken(http)
    assert (got["kind"], got["text"]) == ("interactive", sent.text)
    assert got["buttons"] == [list(button) for button in buttons]
    unknown = await whatsapp.send(replace(sent, to="IN.1001"))
    assert (unknown.reason, unknown.bad_address) == ("whatsapp_131026_undeliverable", True)


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
    changed = replace(text, text=text.text.replace("case", "grievance"))
    assert (await sms.send(changed)).reason == "sms_414_rejected"
    assert (await sms.send(replace(text, registered="9"))).reason == "sms_414_rejected"
    assert (await sms.send(replace(text, to="+912234567890"))).reason == "sms_406_number"
    template = message("citizen_filed", "whatsapp", "en")
    outcome = await whatsapp.send(replace(template, registered="nothing"))
    assert outcome.kind == "permanent"
    assert outcome.reason.startswith("whatsapp_132001")
    outcome = await whatsapp.send(replace(template, parameters=("one",)))
    assert outcome.kind == "permanent"
    assert outcome.reason.startswith("whatsapp_132000")


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
