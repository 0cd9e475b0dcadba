"""`samvad token`, run as a person runs it."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from services.cli.token import command
from services.kernel.adapters import tokens
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.settings import Settings


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
