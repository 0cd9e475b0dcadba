"""The commands of an admin and an ops engineer, against real Kafka and MongoDB."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.cli import audit, dead_letters, directory, init, sla, token
from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.clock import system_clock
from services.kernel.adapters.directory.reader import read_district
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.parking import Parking
from services.kernel.adapters.timer_document import to_fields
from services.kernel.contracts import events
from services.kernel.contracts.codec import Record
from services.sla.testing import Living

DISTRICTS = Path(__file__).resolve().parents[3] / "deploy" / "districts"
Use = Callable[[mongo.Database], Awaitable[Any]]


@pytest.fixture
def samvad(infra: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Result]]:
    """`samvad …` within this process, on a database of the test's own that `samvad init` has made."""
    settings = {**infra.settings, "SAMVAD_DATABASE": f"test-{uuid.uuid4().hex[:12]}"}
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    init.main()
    commands = {
        "audit": audit.command,
        "dead-letters": dead_letters.group,
        "directory": directory.group,
        "sla": sla.group,
        "token": token.command,
    }

    def run(name: str, *words: str) -> Result:
        return CliRunner().invoke(commands[name], words)

    yield run
    with_database(settings, lambda database: database.client.drop_database(database.name))


@pytest.fixture
def store(samvad: object, monkeypatch: pytest.MonkeyPatch) -> Callable[[Use], Any]:
    import os

    return lambda use: with_database(dict(os.environ), use)


def with_database(settings: dict[str, str], use: Use) -> Any:
    async def run() -> Any:
        database = mongo.connect(settings["SAMVAD_MONGO"], settings["SAMVAD_DATABASE"])
        try:
            return await use(database)
        finally:
            mongo.close(database)

    return asyncio.run(run())


def test_init_again_changes_nothing(samvad: Callable[..., Result], store: Any) -> None:
    init.main()
    versions = store(lambda db: db["directory_versions"].count_documents({}))
    assert versions == 2


def test_a_changed_directory_is_a_new_version_and_an_unchanged_one_is_not(
    samvad: Callable[..., Result], tmp_path: Path
) -> None:
    source = (DISTRICTS / "sakti.yaml").read_text()
    file = tmp_path / "sakti.yaml"
    file.write_text(source)
    assert "nothing has changed" in samvad("directory", "apply", str(file)).output
    file.write_text(source.replace("reopen_days: 15", "reopen_days: 20"))
    assert samvad("directory", "check", str(file)).exit_code == 0
    assert "sakti: version 2" in samvad("directory", "apply", str(file)).output


def test_faults_are_named_by_line_and_nothing_is_applied(
    samvad: Callable[..., Result], store: Any, tmp_path: Path
) -> None:
    file = tmp_path / "sakti.yaml"
    file.write_text((DISTRICTS / "sakti.yaml").read_text().replace("code: SK", "code: Sk1"))
    checked = samvad("directory", "check", str(file))
    assert checked.exit_code == 1
    assert "sakti.yaml:8: error: code:" in checked.output
    assert samvad("directory", "apply", str(file)).exit_code == 1
    assert store(lambda db: db["directory_versions"].count_documents({"version": 2})) == 0


def test_who_has_open_cases_cannot_be_retired(
    samvad: Callable[..., Result], store: Any, tmp_path: Path
) -> None:
    case = {"district": "sakti", "open": True, "officer": "jal-dabhra-1", "n": 1}
    store(lambda db: db["cases"].insert_one({"_id": "2600000009", "case": case}))
    source = (DISTRICTS / "sakti.yaml").read_text()
    at = source.index("id: jal-dabhra-1")
    line_end = source.index("\n", at)
    file = tmp_path / "sakti.yaml"
    file.write_text(source[:line_end] + "\n    retired: true" + source[line_end:])
    refused = samvad("directory", "apply", str(file))
    assert refused.exit_code == 1, refused.output
    assert "officers/jal-dabhra-1: 1 open cases" in refused.output
    store(lambda db: db["cases"].update_one({"_id": "2600000009"}, {"$set": {"case.open": False}}))
    assert "version 2" in samvad("directory", "apply", str(file)).output


def test_why_a_case_is_due_when_it_is(samvad: Callable[..., Result], store: Any) -> None:
    source = DISTRICTS / "janjgir-champa.yaml"
    district = read_district(source.read_text(encoding="utf-8"), source=source.name)
    case = Living(district, "2026-02-27 16:40", "hand-pump", block="akaltara")
    case.did(events.QuestionAsked, "2026-03-02 10:30", question=1)
    case.reached("2026-03-02 11:00")
    rooms = {
        "2600000009": to_fields(case.timer, case.running),
        "2600000014": None,
        "2600000023": {**to_fields(case.timer, case.running), "directory_version": 9},
    }
    for ticket, room in rooms.items():
        document = {"_id": ticket, "case": {"n": 1}} | ({"sla": room} if room else {})
        store(lambda db, document=document: db["cases"].insert_one(document))
    told = samvad("sla", "explain", "JC-260000 0009", "--at", "2026-03-03T12:00:00+05:30")
    assert told.exit_code == 0, told.output
    lines = told.stdout.splitlines()
    assert lines[-5].startswith("निराकरण: आवेदक के उत्तर तक समय रुका है (प्रश्न 1, WhatsApp से पहुँचा)")
    assert lines[-1] == (
        "    सोमवार, 2 मार्च, 11:00 – मंगलवार, 3 मार्च, 12:00  "
        "रुका: प्रश्न 1, WhatsApp से पहुँचा (somebody)  25 घंटे"
    )
    english = samvad(
        "sla", "explain", "2600000009", "--lang", "en", "--at", "2026-02-27T17:00:00+05:30"
    ).stdout
    assert "To acknowledge: due Monday 16:40: 8 working hours from Friday 16:40; " in english
    assert "not worked out yet" in samvad("sla", "explain", "2600000014", "--lang", "en").stdout
    for words, why in (
        (("2600000038",), "there is no case 2600000038"),
        (("2600000023",), "version 9"),
        (("2600000009", "--at", "2060-01-01T00:00:00Z"), "twenty years"),
    ):
        refused = samvad("sla", "explain", *words)
        assert (refused.exit_code, refused.stdout) == (1, "")
        assert why in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_dead_letters_are_listed_shown_and_marked(
    samvad: Callable[..., Result], store: Any, infra: Stack
) -> None:
    assert "nothing is set aside" in samvad("dead-letters", "list").output
    headers = (
        ("ce_id", b"2600000009/case/1"),
        ("ce_type", b"samvad.case.noted.v1"),
        ("ce_time", b"2026-01-05T04:30:00+00:00"),
        ("odd", b"\xff"),
    )
    poison = Record("samvad.complaints.v1", 3, 17, b"2600000009", headers, b"secret words")

    async def park(database: mongo.Database) -> None:
        publisher = Publisher(infra.settings["SAMVAD_KAFKA"], client_id="test")
        try:
            await Parking("sla", database, publisher, system_clock()).park([(poison, "made up")])
        finally:
            await publisher.stop()

    store(park)
    assert "2600000009" in samvad("dead-letters", "list").output
    shown = samvad("dead-letters", "show", "sla", "2600000009").output
    assert "samvad.complaints.v1/3/17: made up" in shown
    assert "secret words" not in shown
    assert samvad("dead-letters", "requeue", "sla").exit_code == 2
    assert samvad("dead-letters", "requeue", "sla", "2600000999").exit_code == 1
    assert "1 records are marked" in samvad("dead-letters", "requeue", "sla", "2600000009").output
    assert store(lambda db: db["parked"].count_documents({"drain": True})) == 1


def test_a_dropped_dead_letter_is_kept_with_its_reason_and_frees_what_is_behind(
    samvad: Callable[..., Result], store: Any
) -> None:
    def parked(offset: int, reason: str | None) -> dict[str, Any]:
        place = f"sla/samvad.complaints.v1/3/{offset}"
        return {"_id": place, "consumer": "sla", "key": "2600000009", "reason": reason}

    store(lambda db: db["parked"].insert_many([parked(17, "made up"), parked(18, None)]))
    assert samvad("dead-letters", "drop", "sla", "2600000009").exit_code == 2, "a reason is asked for"
    dropped = samvad("dead-letters", "drop", "sla", "2600000009", "--why", "a stray of a test")
    assert "1 records dropped" in dropped.output
    (kept,) = store(lambda db: db["parked_dropped"].find().to_list(None))
    assert (kept["reason"], kept["why"]) == ("made up", "a stray of a test")
    (behind,) = store(lambda db: db["parked"].find().to_list(None))
    assert behind["reason"] is None
    assert samvad("dead-letters", "drop", "sla", "2600000009", "--why", "again").exit_code == 1


def test_the_audit_fails_where_a_receipt_has_no_case(samvad: Callable[..., Result], store: Any) -> None:
    clean = samvad("audit", "--json", "--no-topic")
    assert (clean.exit_code, json.loads(clean.output)["unaccounted"]) == (0, 0)
    receipt: dict[str, Any] = {"_id": "2600000009", "channel": "web", "client": "c", "key": "k"}
    receipt["received_at"] = system_clock()()
    store(lambda db: db["receipts"].insert_one(receipt))
    found = samvad("audit", "--json", "--no-topic", "--grace", "0")
    assert found.exit_code == 1
    assert json.loads(found.output) == {"accepted": 1, "stored": 0, "unaccounted": 1, "doubled": 0}
    assert "2600000009" in samvad("audit", "--no-topic", "--grace", "0").output


def test_a_token_is_printed_alone(samvad: Callable[..., Result]) -> None:
    printed = samvad("token", "--role", "collector", "--district", "sakti")
    assert printed.exit_code == 0
    assert printed.output.strip().count(".") == 2
    assert len(printed.output.split()) == 1
    assert samvad("token", "--role", "king", "--district", "sakti").exit_code == 2
