"""What a call to a provider that breaks may mean: over real sockets, with short bounds."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import uvloop

from services.notify.adapters.wire import Bounds, Client, http_client
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Provider
from tests.unit.notify.provider_server import (
    MESSAGE,
    TAKEN,
    Exchange,
    Gate,
    Script,
    kannel,
    mobile_seva,
    refused_port,
    serving,
    shut,
    whatsapp,
)

Eventually = Callable[..., Any]
Make = Callable[[Client, str], Provider]
PROVIDERS = pytest.mark.parametrize(
    ("make", "name"),
    [(whatsapp, "whatsapp"), (mobile_seva, "sms"), (kannel, "kannel")],
    ids=["whatsapp", "sms", "kannel"],
)


@pytest.fixture(
    params=[asyncio.DefaultEventLoopPolicy, uvloop.EventLoopPolicy], ids=["asyncio", "uvloop"]
)
def event_loop_policy(request: pytest.FixtureRequest) -> asyncio.AbstractEventLoopPolicy:
    """The services run on uvloop; the two tell closed connections in different turns."""
    policy: asyncio.AbstractEventLoopPolicy = request.param()
    return policy


def whole(kind: Any, reason: str) -> Outcome:
    return Outcome(kind, reason, whole_provider=True)


# ------------------------------------------------------------------ before anything was sent


@PROVIDERS
async def test_nobody_there(make: Make, name: str) -> None:
    async with http_client() as client:
        outcome = await make(client, f"http://127.0.0.1:{refused_port()}").send(MESSAGE)
    assert outcome == whole("transient", f"{name}_clientconnectorerror")


@PROVIDERS
async def test_a_handshake_that_never_ends(make: Make, name: str) -> None:
    """Connected, but the other side says nothing of TLS: the request could not be sent."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with http_client(Bounds(connect=0.1, slot=60)) as client, asyncio.timeout(10):
            url = f"https://127.0.0.1:{silent.getsockname()[1]}"
            outcome = await make(client, url).send(MESSAGE)
    assert outcome == whole("transient", f"{name}_connectiontimeouterror")


@PROVIDERS
async def test_a_server_that_speaks_no_tls(make: Make, name: str) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Plain HTTP\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as plain:
        async with http_client() as client:
            url = f"https://127.0.0.1:{plain.sockets[0].getsockname()[1]}"
            outcome = await make(client, url).send(MESSAGE)
    assert outcome == whole("transient", f"{name}_clientconnectorsslerror")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "nonsense",
        "ftp://127.0.0.1",
        "http://",
        "http://127.0.0.1:port",
        "http://127.0.0.1:99999",
        "http://127.1",
        f"http://{'a' * 64}.example",
        "http://somebody:secret@127.0.0.1:1",
    ],
)
@PROVIDERS
async def test_a_wrong_address_waits_until_it_is_mended(make: Make, name: str, url: str) -> None:
    async with http_client() as client:
        outcome = await make(client, url).send(MESSAGE)
    assert (outcome.kind, outcome.whole_provider) == ("transient", True)
    assert outcome.reason.startswith(f"{name}_")


async def test_a_token_with_a_line_break_is_not_sent() -> None:
    async with serving(Exchange.answer) as server, http_client() as client:
        outcome = await whatsapp(client, server.url, token="t\r\nX-Other: 1").send(MESSAGE)
        kept = await kannel(client, server.url, password="p\r\nX-Kannel-To: 1").send(MESSAGE)
    assert outcome == whole("transient", "whatsapp_valueerror")
    assert kept == whole("transient", "kannel_valueerror")
    assert server.requests == []


# ----------------------------------------------------- after something may have been sent


async def closes(exchange: Exchange) -> None:
    await exchange.close()


async def resets(exchange: Exchange) -> None:
    linger = struct.pack("ii", 1, 0)
    exchange.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    exchange.writer.transport.abort()


async def closes_in_the_headers(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nContent-Le")
    await exchange.close()


async def closes_in_the_body(exchange: Exchange) -> None:
    await exchange.answer(TAKEN, length=len(TAKEN) + 1)
    await exchange.close()


async def closes_in_a_chunk(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n40\r\n" + TAKEN)
    await exchange.close()


async def resets_in_the_body(exchange: Exchange) -> None:
    await exchange.answer(TAKEN, length=len(TAKEN) + 1)
    await resets(exchange)


async def answers_no_http(exchange: Exchange) -> None:
    await exchange.write(b"402,MsgID = 28\r\n\r\n")


async def breaks_a_chunk(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n")


async def compresses_nonsense(exchange: Exchange) -> None:
    await exchange.answer(b"402,MsgID = 28", 200, "Content-Encoding: gzip")


async def answers_without_end_in_the_headers(exchange: Exchange) -> None:
    await exchange.write(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 100_000)


@pytest.mark.parametrize(
    ("script", "error"),
    [
        (closes, "serverdisconnectederror"),
        (resets, "clientoserror"),
        (closes_in_the_headers, "serverdisconnectederror"),
        (closes_in_the_body, "clientpayloaderror"),
        (closes_in_a_chunk, "clientpayloaderror"),
        (resets_in_the_body, "clientpayloaderror"),
        (answers_no_http, "clientresponseerror"),
        (breaks_a_chunk, "clientresponseerror"),
        (compresses_nonsense, "clientpayloaderror"),
        (answers_without_end_in_the_headers, "clientresponseerror"),
    ],
)
@PROVIDERS
async def test_an_answer_that_breaks_off_is_unknown(
    make: Make, name: str, script: Script, error: str
) -> None:
    async with serving(script) as server, http_client() as client:
        outcome = await make(client, server.url).send(MESSAGE)
        assert outcome == whole("unknown", f"{name}_{error}")
        assert len(server.requests) == 1


async def hangs_in_the_body(exchange: Exchange) -> None:
    await exchange.answer(TAKEN, length=len(TAKEN) + 1)
    await exchange.hang()


@pytest.mark.parametrize("script", [Exchange.hang, hangs_in_the_body])
@PROVIDERS
async def test_an_answer_that_comes_too_late_is_unknown(
    make: Make, name: str, script: Script
) -> None:
    async with serving(script) as server, http_client(Bounds(read=0.1)) as client:
        outcome = await make(client, server.url).send(MESSAGE)
        assert outcome == whole("unknown", f"{name}_sockettimeouterror")
        # a late answer must not become the next message's
        server.script = Exchange.answer
        assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "accepted"
        assert (len(server.requests), server.connections) == (2, 2)


async def test_a_provider_that_does_not_read_is_unknown() -> None:
    """More than the kernel takes of a request, and nobody who reads it."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        async with http_client(Bounds(write=0.1)) as client:
            provider = whatsapp(client, f"http://127.0.0.1:{deaf.getsockname()[1]}")
            outcome = await provider.send(replace(MESSAGE, parameters=("x" * 32_000_000,)))
    assert outcome == whole("unknown", "whatsapp_timeouterror")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@PROVIDERS
async def test_a_redirect_is_not_followed(make: Make, name: str, status: int) -> None:
    async with serving(Exchange.answer) as elsewhere:

        async def redirect(exchange: Exchange) -> None:
            await exchange.answer(b"", status, f"Location: {elsewhere.url}/v1")

        async with serving(redirect) as server, http_client() as client:
            outcome = await make(client, server.url).send(MESSAGE)
        assert (outcome.kind, outcome.reason) == ("permanent", f"{name}_http_{status}")
        assert (len(server.requests), elsewhere.connections) == (1, 0)


@pytest.mark.parametrize(
    ("status", "kind", "reason"),
    [
        (200, "unknown", "{}_unreadable_answer"),
        (503, "transient", "{}_http_503"),
        (408, "transient", "{}_http_408"),
        (504, "unknown", "{}_http_504"),
    ],
)
@PROVIDERS
async def test_an_answer_without_end_is_judged_by_its_status(
    make: Make, name: str, status: int, kind: str, reason: str, eventually: Eventually
) -> None:
    async def pour(exchange: Exchange) -> None:
        await exchange.write(b"HTTP/1.1 %d X\r\nTransfer-Encoding: chunked\r\n\r\n" % status)
        while True:
            await exchange.write(b"1000\r\n402,MsgID = 28".ljust(0x1000 + 6) + b"\r\n")

    async with serving(pour) as server, http_client() as client:
        outcome = await make(client, server.url).send(MESSAGE)
        assert (outcome.kind, outcome.reason) == (kind, reason.format(name))
        await eventually(lambda: not server.open, "the connection being given up")


# ------------------------------------------------------------------- kept-alive connections


async def test_a_connection_is_kept_but_no_cookie(eventually: Eventually) -> None:
    async def bake(exchange: Exchange) -> None:
        await exchange.answer(TAKEN, 200, "Set-Cookie: session=1; Path=/")

    async with serving(bake) as server:
        async with http_client(Bounds(keep_alive=0.2)) as client:
            # cookies are kept for names rather than for addresses
            provider = whatsapp(client, f"http://localhost:{server.port}")
            for _ in range(3):
                assert (await provider.send(MESSAGE)).kind == "accepted"
            assert server.connections == 1
            assert not any(b"cookie" in request.lower() for request in server.requests)
            await eventually(lambda: not server.open, "an idle connection being closed", 8)
            assert (await provider.send(MESSAGE)).kind == "accepted"
            assert server.connections == 2
        await eventually(lambda: not server.open, "the client closing its connections")


async def answers_and_closes(exchange: Exchange) -> None:
    """Without saying so in the headers."""
    await exchange.answer()
    await exchange.close()


async def test_a_connection_closed_by_the_provider_is_not_used_again() -> None:
    async with serving(answers_and_closes) as server, http_client() as client:
        for number in range(1, 6):
            assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "accepted"
            assert (len(server.requests), server.connections) == (number, number)


async def test_a_provider_that_closes_all_its_connections_loses_nothing(
    eventually: Eventually,
) -> None:
    """Closed in the kernel, and the client has had no chance to notice when the next calls begin."""
    gate = Gate()
    async with serving(gate) as server, http_client() as client:
        provider = whatsapp(client, server.url)
        calls = [asyncio.create_task(provider.send(MESSAGE)) for _ in range(8)]
        await eventually(lambda: gate.waiting == 8, "eight connections")
        gate.release(8)
        await asyncio.gather(*calls)
        server.script = Exchange.answer
        for writer in server.open:
            shut(writer)
        outcomes = await asyncio.gather(*(provider.send(MESSAGE) for _ in range(8)))
        assert [outcome.kind for outcome in outcomes] == ["accepted"] * 8
        assert (len(server.requests), server.connections) == (16, 16)


@PROVIDERS
async def test_a_request_on_a_connection_just_being_closed_is_not_repeated(
    make: Make, name: str
) -> None:
    """The provider closes it when the request is under way already: it may have read it."""
    async with serving(Exchange.answer) as server, http_client() as client:
        await make(client, server.url).send(MESSAGE)
        server.script = closes
        outcome = await make(client, server.url).send(MESSAGE)
        assert outcome == whole("unknown", f"{name}_serverdisconnectederror")
        assert (len(server.requests), server.connections) == (2, 1)


async def test_an_answer_that_nobody_asked_for_is_not_the_next_messages() -> None:
    """A server may say 408 on an idle connection; it says nothing of the message that comes after."""
    async with serving(Exchange.answer) as server, http_client() as client, http_client() as other:
        assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "accepted"
        (writer,) = server.open
        writer.write(b"HTTP/1.1 408 Timeout\r\nContent-Length: 0\r\n\r\n")
        # by the end of another's call the line has read what lay on it before
        assert (await whatsapp(other, server.url).send(MESSAGE)).kind == "accepted"
        assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "accepted"
        assert (len(server.requests), server.connections) == (3, 3)


# ------------------------------------------------------------------------------ the limits


async def test_the_65th_call_waits_for_a_connection(eventually: Eventually) -> None:
    gate = Gate()
    async with serving(gate) as server, http_client() as client:
        provider = whatsapp(client, server.url)
        calls = [asyncio.create_task(provider.send(MESSAGE)) for _ in range(65)]
        await eventually(lambda: gate.waiting == 64, "as many calls as there are connections")
        gate.release(1)
        await eventually(lambda: len(server.requests) == 65, "the last call on a freed connection")
        assert sum(call.done() for call in calls) == 1
        gate.release(64)
        assert {outcome.kind for outcome in await asyncio.gather(*calls)} == {"accepted"}
    assert (gate.most, server.connections) == (64, 64)


async def test_no_connection_free_in_time_is_transient(eventually: Eventually) -> None:
    gate = Gate()
    bounds = Bounds(connections=1, slot=0.1, connect=60)
    async with serving(gate) as server, http_client(bounds) as client:
        provider = whatsapp(client, server.url)
        first = asyncio.create_task(provider.send(MESSAGE))
        await eventually(lambda: gate.waiting == 1, "the only connection being in use")
        outcome = await provider.send(MESSAGE)
        assert outcome == whole("transient", "whatsapp_connectiontimeouterror")
        gate.release(1)
        assert (await first).kind == "accepted"
        assert len(server.requests) == 1


async def test_a_call_that_is_cancelled_gives_its_connection_up(eventually: Eventually) -> None:
    async with serving(Exchange.hang) as server, http_client() as client:
        call = asyncio.create_task(whatsapp(client, server.url).send(MESSAGE))
        await eventually(lambda: server.requests, "the request")
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await eventually(lambda: not server.open, "the connection being closed")


async def test_nothing_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(Exchange.answer) as proxy, serving(Exchange.answer) as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        async with http_client() as client:
            assert (await whatsapp(client, server.url).send(MESSAGE)).kind == "accepted"
    assert (len(server.requests), proxy.connections) == (1, 0)


async def test_credentials_are_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    asyncio.get_running_loop().set_debug(True)
    for script in (Exchange.answer, closes, resets, closes_in_the_body, answers_no_http):
        async with serving(script) as server, http_client() as client:
            token = whatsapp(client, server.url, token="token-of-ours")
            outcomes = [await token.send(MESSAGE)]
            outcomes.append(await mobile_seva(client, server.url).send(MESSAGE))
            outcomes.append(await kannel(client, server.url).send(MESSAGE))
        said = caplog.text + repr(outcomes)
        secrets = ("token-of-ours", "pass word", "da882eab5e", "secret-key", "receipt-secret")
        for secret in (*secrets, "9876543210"):
            assert secret not in said
