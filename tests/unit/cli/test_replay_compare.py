"""What a replay says of a case whose living clock is behind, or has gone on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest

from services.cli.replay.compare import Comparison
from services.cli.replay.lives import Fault, Life, Partition
from services.kernel.contracts import events as e
from services.kernel.contracts.codec import Record, announce
from services.kernel.contracts.topics import COMPLAINTS
from services.kernel.domain.directory import District
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of
from services.sla.testing import TICKET, act, filing, ist
from tests.conftest import sample

LATER = ist("2026-03-03 12:00")  # the acknowledgement is overdue since the evening before
SECOND = timedelta(seconds=1)


@pytest.fixture(scope="module")
def district() -> District:
    return sample("janjgir-champa")


class Case:
    """A hand pump, filed on a Monday at ten. `said` is what the clock must have said by then."""

    def __init__(self, district: District) -> None:
        self.district = district
        self.records: list[Record] = []
        self.numbers: dict[str, int] = {}
        filed = filing(district, ist("2026-03-02 10:00"), "hand-pump", block="akaltara")
        self.tell("intake", filed)

    def tell(self, room: Any, event: e.CaseEvent) -> None:
        self.numbers[room] = n = self.numbers.get(room, 0) + 1
        message = announce(event, room, n).message(COMPLAINTS, "/samvad/test")
        self.records.append(
            Record(COMPLAINTS, 0, len(self.records), message.key, message.headers, message.value)
        )

    def did(self, model: type[e.CaseEvent], at: datetime, **fields: Any) -> None:
        self.tell("case", act(model, self.district.id, at, **fields))

    def speak(self, until: datetime) -> None:
        """The living clock says what it must by then, and it comes to the topic."""
        for event in self.life(until).announced[self.numbers.get("sla", 0) :]:
            self.tell("sla", event)

    def life(self, until: datetime) -> Life:
        partition = Partition()
        for record in self.records:
            partition.take(record)
        rules = {(self.district.id, 1): Rules(self.district)}
        (life,) = partition.lives(rules, until)
        assert isinstance(life, Life), life
        return life

    def stored(self, until: datetime) -> dict[str, Any]:
        """The living case, caught up, when it has looked last."""
        numbers = {room: self.numbers.get(room, 0) for room in ("case", "notices", "sla")}
        room = {**fields(self.life(until)), "n": numbers["sla"], "seen": dict(numbers)}
        return {"sla": room, "case": {"n": numbers["case"]}, "notices": {"n": numbers["notices"]}}


def fields(life: Life) -> dict[str, Any]:
    return fields_of(life.ticket, life.timer, life.rules.running(life.timer))


def compared(life: Life, living: Mapping[str, Any] | None) -> Comparison:
    found = Comparison()
    found.take(life, living, fields(life))
    return found


@pytest.fixture
def case(district: District) -> Case:
    """It has said all until `LATER`."""
    made = Case(district)
    made.speak(LATER)
    assert made.numbers["sla"] > 2
    return made


def test_a_case_that_is_as_it_was_lived_is_counted_by_its_rows(case: Case) -> None:
    found = compared(case.life(LATER), case.stored(LATER))
    assert (found.differing, found.behind, found.gone_on) == (0, 0, 0)
    assert found.rows["targets"] == 3
    assert found.rows["breaches"] == 1


def test_a_field_that_differs_is_named_with_both_values(case: Case) -> None:
    stored = case.stored(LATER)
    stored["sla"]["targets"]["resolve"]["due_at"] += SECOND
    found = compared(case.life(LATER), stored)
    due = case.life(LATER).timer.targets["resolve"].due.due_at
    assert found.differing == 1
    assert found.lines == [
        f"{TICKET}: targets.resolve.due_at: lived {(due + SECOND).isoformat(timespec='milliseconds')}, "
        f"replayed {due.isoformat(timespec='milliseconds')}"
    ]


BEHIND: dict[str, Callable[[dict[str, Any]], object]] = {
    "an act is not followed": lambda doc: doc["case"].update(n=1),
    "a delivery is not followed": lambda doc: doc["notices"].update(n=1),
    "something waits": lambda doc: doc["sla"].update(waiting=[{}]),
    "something is due": lambda doc: doc["sla"].update(next_at=LATER - SECOND),
    "it is not armed": lambda doc: doc["sla"].pop("filed_at"),
    "there is no clock": lambda doc: doc.pop("sla"),
}


@pytest.mark.parametrize("why", BEHIND)
def test_behind_is_no_difference_as_long_as_what_was_said_is_the_beginning(
    case: Case, district: District, why: str
) -> None:
    silent = Case(district)
    stored = silent.stored(ist("2026-03-02 10:01"))
    stored["sla"]["cycle"] = 9
    BEHIND[why](stored)
    found = compared(silent.life(LATER), stored)
    assert (found.differing, found.behind) == (0, 1), found.lines
    # what should not have been said is no backlog
    case.tell("sla", case.life(LATER).announced[0])
    stored = case.stored(LATER)
    BEHIND[why](stored)
    found = compared(case.life(LATER), stored)
    assert (found.differing, found.behind) == (1, 0)


def test_no_case_at_all_is_behind(case: Case) -> None:
    assert compared(case.life(LATER), None).behind == 1


def test_a_store_that_has_less_than_the_topic_is_behind(case: Case) -> None:
    stored = case.stored(LATER)
    case.did(e.CaseAcknowledged, LATER - SECOND)
    assert compared(case.life(LATER), stored).behind == 1


def test_what_was_done_after_the_topic_was_read_is_no_difference(case: Case) -> None:
    life = case.life(LATER)
    case.did(e.CaseAcknowledged, LATER + SECOND)
    found = compared(life, case.stored(LATER + SECOND))
    assert (found.differing, found.behind, found.gone_on) == (0, 0, 1)
    found = compared(case.life(LATER), case.stored(LATER + SECOND))  # nor what is in it, after that instant
    assert (found.differing, found.behind, found.gone_on) == (0, 0, 1)


def test_what_is_said_and_not_in_the_topic_yet_is_no_difference(case: Case) -> None:
    stored = case.stored(LATER)
    del case.records[-1]
    found = compared(case.life(LATER), stored)
    assert (found.differing, found.behind, found.gone_on) == (0, 0, 1)


def test_what_is_missing_from_a_clock_that_has_caught_up_differs(case: Case) -> None:
    del case.records[-1]
    case.numbers["sla"] -= 1
    assert compared(case.life(LATER), case.stored(LATER)).differing == 1


def test_what_fell_due_before_and_became_known_after_is_no_difference(district: District) -> None:
    """A merged case says nothing; taken out again, it says what fell due meanwhile."""
    case = Case(district)
    case.did(e.CaseMerged, ist("2026-03-02 10:30"), state="merged", parent="2699999993")
    case.did(e.CaseUnmerged, LATER + SECOND, parent="2699999993")
    case.speak(LATER + SECOND)
    life = case.life(LATER)
    assert life.announced == ()
    assert len(life.recorded) > 2
    found = compared(life, case.stored(LATER + SECOND))
    assert (found.differing, found.gone_on) == (0, 1), found.lines


def test_a_case_that_cannot_be_worked_out_is_named(district: District) -> None:
    unfiled = Case(district)
    unfiled.did(e.CaseAcknowledged, LATER)
    broken = Case(district)
    broken.did(e.CaseAcknowledged, LATER)
    broken.records[-1] = Record(
        COMPLAINTS, 0, 1, broken.records[-1].key, broken.records[-1].headers, b"{"
    )
    for records, rules, why in (
        (unfiled.records[1:], {(district.id, 1): Rules(district)}, "nothing says that it was filed"),
        (broken.records, {(district.id, 1): Rules(district)}, "undecodable"),
        (broken.records[:1], {}, f"no version 1 of {district.id}"),
    ):
        partition = Partition()
        for record in (*records, Record(COMPLAINTS, 0, 9, b"x", (), b"foreign")):
            partition.take(record)
        (fault,) = partition.lives(rules, LATER)
        assert isinstance(fault, Fault)
        assert fault.ticket == TICKET
        assert why in fault.why
        assert partition.foreign == 1
