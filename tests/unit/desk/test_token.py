"""`samvad token`, run as a person runs it."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from click.testing import CliRunner

from services.cli.token import command
from services.kernel.adapters import tokens
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import Settings
from tests.unit.desk.conftest import SECRET


def _read(text: str) -> tokens.Actor:
    secret = Settings().token_secret.get_secret_value()
    return tokens.read(secret, text, system_clock()())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--role", "operator"], ("operator", None, "janjgir-champa")),
        (["--role", "collector", "--district", "sakti"], ("collector", None, "sakti")),
        (
            ["--role", "officer", "--person", "phe-akaltara-1"],
            ("officer", "phe-akaltara-1", "janjgir-champa"),
        ),
    ],
)
def test_it_prints_the_token_alone(
    arguments: list[str], expected: tuple[str, str | None, str]
) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 0
    assert result.output.count("\n") == 1
    actor = _read(result.output.strip())
    assert (actor.role, actor.id, actor.district) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--role", "king"],
        ["--role", "citizen"],
        ["--role", "officer"],
        ["--role", "head", "--person", " "],
        ["--role", "sdm"],
    ],
)
def test_it_says_what_is_missing(arguments: list[str]) -> None:
    result = CliRunner().invoke(command, arguments)
    assert result.exit_code == 2
    assert "--role" in result.output or "--person" in result.output


@pytest.mark.parametrize(
    "claims",
    [
        {"district": 5},
        {"district": None},
        {"district": ["janjgir-champa"]},
        {"district": {"$ne": 1}},
        {"district": ""},
        {"district": "a\x00b"},
        {"district": "\ud800"},
        {"district": "x" * 201},
        {"sub": 5},
        {"sub": ["phe-head-1"]},
        {"sub": {}},
        {"sub": ""},
        {"sub": "\ud800"},
        {"role": ["head"]},
        {"role": 5},
        {"exp": "tomorrow"},
    ],
    ids=str,
)
async def test_a_signed_token_that_makes_no_sense_is_401(
    bench: Any, claims: dict[str, Any]
) -> None:
    usual = {
        "iss": tokens.ISSUER,
        "role": "officer",
        "sub": "phe-akaltara-1",
        "district": "janjgir-champa",
        "exp": bench.clock() + tokens.LIFETIME,
    }
    signed = jwt.api_jws.encode(
        json.dumps({**usual, "exp": usual["exp"].timestamp(), **claims}).encode(),
        SECRET,
        algorithm="HS256",
    )
    answer = await bench.client.get(
        "/api/v1/cases", headers={"Authorization": f"Bearer {signed}"}
    )
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "unauthenticated"
    page = await bench.client.post("/login", data={"token": signed})
    assert page.status_code == 401
