"""Starting a process, what it says when it cannot, and a body that never comes to its end."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from contextlib import AsyncExitStack

import pytest
from fastapi import FastAPI, Request
from pydantic import ValidationError

from services.cli.stack.settings import PROJECT, Ports
from services.kernel.adapters.http import BodyLimit, server
from services.kernel.adapters.process import CannotStart, serve
from services.kernel.adapters.settings import DEVELOPMENT_SECRET, Settings, explain

MARK = "zqx-a-secret-nobody-may-see"
PRODUCTION = {
    "SAMVAD_ENV": "production",
    "SAMVAD_MASTER_KEYS": "k1:" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=",
    "SAMVAD_WHATSAPP_URL": "https://whatsapp.example/v23.0",
    "SAMVAD_SMS_URL": "https://sms.example/send",
    "SAMVAD_PUBLIC_URL": "https://samvad.example",
    **{
        f"SAMVAD_{name}": MARK
        for name in ("TOKEN_SECRET", "LINK_SECRET", "CONTACT_SECRET", "RECEIPT_SECRET",
                     "WHATSAPP_TOKEN", "WHATSAPP_APP_SECRET", "WHATSAPP_VERIFY_TOKEN",
                     "SMS_PASSWORD", "SMS_SECURE_KEY")
    },
}  # fmt: skip


def samvad(*words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("SAMVAD_")}
    return subprocess.run(
        [sys.executable, "-m", "services.cli.main", *words],
        cwd=PROJECT,
        env={**own, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"SAMVAD_TOKEN_SECRET": DEVELOPMENT_SECRET}, "SAMVAD_TOKEN_SECRET must be set"),
        ({"SAMVAD_MASTER_KEYS": f"{MARK}:{MARK}"}, "SAMVAD_MASTER_KEYS must be `id:base64"),
        ({"SAMVAD_MASTER_KEYS": MARK}, "SAMVAD_MASTER_KEYS must be `id:base64"),
        ({"SAMVAD_PUBLIC_URL": ""}, "SAMVAD_PUBLIC_URL must be the address"),
        ({"SAMVAD_PUBLIC_URL": "samvad.example"}, "SAMVAD_PUBLIC_URL must be the address"),
        ({"SAMVAD_RECEIPT_SECRET": DEVELOPMENT_SECRET}, "SAMVAD_RECEIPT_SECRET must be set"),
        ({"SAMVAD_WHATSAPP_APP_SECRET": DEVELOPMENT_SECRET}, "SAMVAD_WHATSAPP_APP_SECRET must be"),
        ({"SAMVAD_KANNEL_URL": "http://kannel:13013/"}, "SAMVAD_KANNEL_PASSWORD must be set"),
        ({"SAMVAD_MAIL_FROM": "samvad@example.org"}, "SAMVAD_SMTP_SECURITY must be starttls"),
        ({"SAMVAD_BATCH": MARK}, "SAMVAD_BATCH: "),
        ({"SAMVAD_DESK_PORT": "70000"}, "SAMVAD_DESK_PORT: "),
    ],
)
def test_a_wrong_setting_is_named_and_no_value_is_shown(
    wrong: dict[str, str], told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**PRODUCTION, **wrong}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as refusal:
        Settings()
    line = explain(refusal.value)
    assert told in line
    assert MARK not in line
    assert "\n" not in line


def test_settings_for_production_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in PRODUCTION.items():
        monkeypatch.setenv(name, value)
    assert Settings().env == "production"


@pytest.mark.parametrize("words", [["desk"], ["up"], ["init"], ["token", "--role", "collector"]])
def test_every_command_tells_a_wrong_setting_in_one_line(words: list[str]) -> None:
    done = samvad(*words, **PRODUCTION, SAMVAD_LOG_LEVEL=MARK)
    assert done.returncode == 1
    assert done.stdout == ""
    line = done.stderr.removesuffix("\n")
    assert line.startswith("samvad")
    assert "SAMVAD_LOG_LEVEL: " in line
    assert "\n" not in line
    assert MARK not in line


def test_a_taken_port_is_told_in_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        mail = str(Ports.free()["standins-smtp"])
        done = samvad(
            "standins", SAMVAD_STANDINS_PORT=str(port), SAMVAD_STANDINS_SMTP_PORT=mail
        )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.splitlines()[-1]
    assert last.startswith(f"samvad standins: port {port} on 127.0.0.1 cannot be had (Address")


async def test_a_port_that_is_taken_cannot_be_served() -> None:
    async with AsyncExitStack() as stack:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(CannotStart, match=f"port {port} "):
                await serve(stack, FastAPI(), "127.0.0.1", port, asyncio.Event())


async def test_a_body_that_dribbles_in_is_ended_with_408_and_the_connection_closed() -> None:
    app = FastAPI()

    @app.post("/")
    async def read(request: Request) -> int:
        return len(await request.body())

    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        http = server(app, "127.0.0.1", port)
        assert isinstance(http.config.app, BodyLimit)
        http.config.app.max_seconds = 0.3
        serving = asyncio.create_task(http.serve(sockets=[listening]))
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nwhole")
        await writer.drain()
        head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 ")
        assert await reader.readexactly(1) == b"5"

        writer.write(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 90000\r\n\r\n")

        async def dribble() -> None:
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.02)

        dribbling = asyncio.create_task(dribble())
        try:
            async with asyncio.timeout(10):
                answer = await reader.read()  # returns when the other side closes
        finally:
            dribbling.cancel()
            writer.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"connection: close" in answer.lower()
        assert b'"code":"too_slow"' in answer
        http.should_exit = True
        await serving
