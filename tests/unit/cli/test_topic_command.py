"""How `samvad topic check` tells what was found."""

from __future__ import annotations

import json
from collections.abc import Collection

import pytest
from click.testing import CliRunner, Result

from services.cli.main import main
from services.cli.topic import command
from services.cli.topic.findings import Fault, Findings
from services.kernel.domain.errors import Unavailable

CLEAN = Findings(7, 1, 2, 0, 0, 0, 0, 0, ())
FAULT = Fault("illegal", "2600104237", "2600104237/case/2", "rule may not note in assigned")
UNCLEAN = Findings(7, 1, 0, 1, 0, 0, 0, 1, (FAULT,))


def run(monkeypatch: pytest.MonkeyPatch, answer: Findings | Exception, *words: str) -> Result:
    async def check(kafka: str, topic: str, only: Collection[str] | None = None) -> Findings:
        assert topic == "samvad.complaints.v1"
        assert only in (None, {"2600104237"}, {"2600104237", "2600104245"})
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(command, "check", check)
    return CliRunner().invoke(main, ["topic", "check", *words])


def test_a_clean_topic_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, CLEAN)
    assert told.exit_code == 0
    assert told.output == (
        "7 records of 1 cases (2 repeated, 0 foreign): 0 lost, 0 disordered, 0 doubled, 0 illegal\n"
    )


def test_each_fault_has_a_line_and_the_exit_code_tells_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, UNCLEAN, "--ticket", "JC-2600104237")
    assert told.exit_code == 1
    assert told.output.splitlines()[1:] == [
        "  illegal: 2600104237/case/2: rule may not note in assigned"
    ]


def test_one_json_object_holds_the_counts_and_the_faults(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, UNCLEAN, "--json")
    assert told.exit_code == 1
    found = json.loads(told.output)
    assert {name: found[name] for name in ("records", "cases", "repeated", "foreign")} == {
        "records": 7, "cases": 1, "repeated": 0, "foreign": 1,
    }  # fmt: skip
    assert (found["lost"], found["disordered"], found["doubled"], found["illegal"]) == (0, 0, 0, 1)
    assert found["faults"] == [
        {
            "kind": "illegal",
            "ticket": "2600104237",
            "ce_id": "2600104237/case/2",
            "why": "rule may not note in assigned",
        }
    ]


def test_a_case_that_was_not_heard_is_not_clean(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, CLEAN, "--ticket", "2600104237", "--ticket", "2600104245", "--json")
    assert told.exit_code == 1
    assert told.stdout == ""
    assert "the topic has 1 of the 2 cases" in told.stderr
    assert run(monkeypatch, CLEAN, "--ticket", "2600104237", "--ticket", "JC-26 0010 4237").exit_code == 0


def test_what_is_no_ticket_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, CLEAN, "--ticket", "2600104238").exit_code == 2


def test_kafka_that_is_away_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    told = run(monkeypatch, Unavailable("Kafka"))
    assert (told.exit_code, told.stdout) == (1, "")
    assert "is the line running?" in told.stderr
    assert "Traceback" not in told.stderr
