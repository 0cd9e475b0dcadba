"""`samvad sla`: the worker, and what is said of a request that cannot be carried out."""

from __future__ import annotations

import subprocess
import sys

import pytest
from click.testing import CliRunner

from services.cli import sla
from services.cli.main import main
from services.kernel.domain import tickets

TICKET = tickets.make(26, 1)


def test_without_a_sub_command_it_is_the_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[str] = []
    monkeypatch.setattr("services.sla.app.main", lambda: ran.append("the worker"))
    assert CliRunner().invoke(main, ["sla"]).exit_code == 0
    assert ran == ["the worker"]
    assert CliRunner().invoke(main, ["sla", "--help"]).exit_code == 0
    assert CliRunner().invoke(main, ["sla", "explain", "x"]).exit_code == 1
    assert ran == ["the worker"]


def test_to_explain_the_worker_is_not_loaded() -> None:
    code = "import sys, services.cli.sla; sys.exit('services.sla.app' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ((TICKET[:-1],), f"{TICKET[:-1]} is not a ticket number"),
        ((TICKET, "--at", "tomorrow"), "tomorrow is no instant with a zone"),
        ((TICKET, "--at", "2026-03-02T18:00:00"), "is no instant with a zone"),
    ],
)
def test_what_it_cannot_read_is_one_line_on_stderr(words: tuple[str, ...], why: str) -> None:
    result = CliRunner().invoke(sla.group, ["explain", *words])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert why in result.stderr
    assert result.stderr.count("\n") == 1
