"""`samvad calendar`: a holiday in a district's file, seen and applied, against real Kafka and MongoDB."""

from __future__ import annotations

import asyncio
import json
import threading
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from services.cli import calendar, init
from services.cli.stack import Stack
from services.desk.calendar_models import CalendarPreview
from services.kernel.adapters import mongo
from services.kernel.adapters.due import bucket_of
from services.kernel.adapters.recalculation import Recalculations
from services.kernel.adapters.timer_document import to_fields
from services.kernel.domain import tickets
from services.sla.testing import Living, ist
from tests.conftest import DISTRICTS, sample

NOW = ist("2026-03-10 12:00")
MOVING, BREACHED = tickets.make(26, 1), tickets.make(26, 2)
HOLI = "      - {day: 2026-03-04, name: {hi: होली, en: Holi}}\n"
HOLIDAY = "      - {day: 2026-03-05, name: {hi: रंग पंचमी, en: Rang Panchami}}\n"
CAUSE = "रंग पंचमी: कलेक्‍टर का आदेश 17"
Use = Callable[[mongo.Database], Awaitable[Any]]


class Cli:
    """`samvad calendar …` within this process, at NOW, on a database of the test's own with two cases."""

    def __init__(self, settings: dict[str, str]) -> None:
        self._settings = settings

    def run(self, *words: str | Path) -> Result:
        return CliRunner().invoke(calendar.group, [str(word) for word in words])

    def use(self, use: Use) -> Any:
        async def opened() -> Any:
            database = mongo.connect(
                self._settings["SAMVAD_MONGO"], self._settings["SAMVAD_DATABASE"]
            )
            try:
                return await use(database)
            finally:
                mongo.close(database)

        return asyncio.run(opened())

    def versions(self) -> int:
        count: int = self.use(
            lambda db: db["directory_versions"].count_documents({"district": "janjgir-champa"})
        )
        return count

    def asked(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.use(lambda db: db["recalculations"].find().to_list(None))
        return found


@pytest.fixture
def cli(infra: Stack, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    settings = {**infra.settings, "SAMVAD_DATABASE": f"test-{uuid.uuid4().hex[:12]}"}
    settings["SAMVAD_CLOCK_OFFSET"] = str(round((NOW - datetime.now(UTC)).total_seconds()))
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(calendar, "LOOK_SECONDS", 0.02)
    init.main()
    cli = Cli(settings)
    cli.use(put_cases)
    yield cli
    cli.use(lambda database: database.client.drop_database(database.name))


async def put_cases(database: mongo.Database) -> None:
    district = sample("janjgir-champa")
    for ticket, filed_at in ((MOVING, "2026-03-04 19:00"), (BREACHED, "2026-03-02 10:00")):
        living = Living(district, filed_at, "hand-pump")
        living.at(NOW)
        room = {**to_fields(living.timer, living.running), "bucket": bucket_of(ticket)}
        await database["cases"].insert_one({"_id": ticket, "sla": {**room, "n": 0, "seen": {}}})


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """The district's file with one more holiday."""
    source = (DISTRICTS / "janjgir-champa.yaml").read_text(encoding="utf-8")
    assert source.count(HOLI) == 1
    file = tmp_path / "janjgir-champa.yaml"
    file.write_text(source.replace(HOLI, HOLI + HOLIDAY), encoding="utf-8")
    return file


def test_what_moves_and_what_stays_is_listed_and_nothing_is_changed(cli: Cli, file: Path) -> None:
    shown = cli.run("preview", file)
    assert shown.exit_code == 0, shown.output
    lines = shown.output.splitlines()
    number, breached = f"JC-{MOVING}", f"JC-{BREACHED}"
    assert f"{number}  hand-pump  resolve  11-03-2026 18:00 → 12-03-2026 18:00" in lines
    stays = "breach of 09-03-2026 18:00 stays (would be 10-03-2026 18:00)"
    assert f"{breached}  hand-pump  resolve  {stays}" in lines
    assert lines[-2:] == [
        "changed: calendars/office, calendars/call-centre",
        "1 of 2 clocks move, by 1 d 00:00 at most, 0 of them into the past; breaches of 2 stay; "
        "0 cannot be moved",
    ]
    told = json.loads(cli.run("preview", file, "--json").output)
    CalendarPreview.model_validate(told)
    assert (told["clocks"], told["moving"], told["keeping"]) == (2, 1, 2)
    assert [one["number"] for one in told["moves"]] == [number]
    same = cli.run("preview", DISTRICTS / "janjgir-champa.yaml").output.splitlines()
    assert same[0] == "changed: nothing that clocks count by"
    assert same[1].startswith("0 of 0 clocks move")
    assert (cli.versions(), cli.asked()) == (1, [])


def test_it_is_asked_for_once_with_its_cause(cli: Cli, file: Path) -> None:
    applied = cli.run("apply", file, "--cause", f" {CAUSE}\n ", "--by", "collector", "--no-wait")
    assert applied.exit_code == 0, applied.output
    assert applied.output.splitlines()[-1] == f"janjgir-champa: version 2, {CAUSE}"
    again = cli.run("apply", file, "--cause", "another", "--no-wait")
    assert again.output.splitlines()[-1] == f"janjgir-champa: version 2, {CAUSE}"
    (asked,) = cli.asked()
    wanted = ("janjgir-champa/2", CAUSE, "collector", None)
    assert (asked["_id"], asked["cause"], asked["by"], asked["done_at"]) == wanted
    assert cli.versions() == 2


def test_without_a_cause_or_with_a_fault_nothing_is_applied(cli: Cli, file: Path) -> None:
    for cause in ("", " \t", "x" * 201, "a\x07b"):
        refused = cli.run("apply", file, "--cause", cause, "--no-wait")
        assert refused.exit_code == 1, cause
        assert "--cause" in refused.output
    assert cli.run("apply", file, "--no-wait").exit_code == 2
    file.write_text(file.read_text().replace("day: 2026-03-05", "day: 2026-03-35"))
    lines = file.read_text().splitlines()
    at = next(number for number, line in enumerate(lines, start=1) if "day: 2026-03-35" in line)
    for words in (("preview", file), ("apply", file, "--cause", CAUSE, "--no-wait")):
        faulty = cli.run(*words)
        assert faulty.exit_code == 1
        assert f"janjgir-champa.yaml:{at}: error: calendars[0].holidays[2].day" in faulty.output
    assert (cli.versions(), cli.asked()) == (1, [])


def test_it_waits_until_the_worker_is_done(cli: Cli, file: Path) -> None:
    """The worker, in a thread: it moves one case, then the other, and says when it is done."""

    async def moves(database: mongo.Database) -> None:
        asked = Recalculations(database)
        while not (found := await asked.newest(pending=True)):
            await asyncio.sleep(0.02)
        cases = database["cases"]
        for ticket in (MOVING, BREACHED):
            await cases.update_one({"_id": ticket}, {"$set": {"sla.directory_version": 2}})
        await asked.done(found[0], NOW)

    worker = threading.Thread(target=cli.use, args=(moves,))
    worker.start()
    applied = cli.run("apply", file, "--cause", CAUSE)
    worker.join()
    assert applied.exit_code == 0, applied.output
    assert applied.output.splitlines()[-1] == "done"


def test_it_says_when_nothing_moves_and_waits_for_nothing_that_is_set_aside(
    cli: Cli, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "NOBODY_SECONDS", 0.0)
    parked = {"_id": "x", "consumer": "sla", "key": MOVING}
    cli.use(lambda db: db["parked"].insert_one(parked))

    def interrupts(line: str, **_: Any) -> None:
        said.append(line)
        if "does sla run" in line:
            raise KeyboardInterrupt

    said: list[str] = []
    with monkeypatch.context() as patched, suppress(KeyboardInterrupt):
        patched.setattr(calendar.click, "echo", interrupts)
        cli.run("apply", file, "--cause", CAUSE)
    assert "2 clocks to be moved" in said
    assert said[-1].startswith("the worker goes on by itself")

    cli.use(lambda db: db["cases"].delete_one({"_id": BREACHED}))
    applied = cli.run("apply", file, "--cause", CAUSE)
    assert applied.exit_code == 0, applied.output
    assert applied.output.splitlines()[-1].startswith("1 are set aside (samvad dead-letters list)")
