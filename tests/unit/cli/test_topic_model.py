"""The model of the topic: what may be is never blamed, and any one thing that may not be is."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from services.cli.topic.findings import NAMED, Findings, Kind
from services.cli.topic.life import Life
from services.cli.topic.model import TopicModel, check
from services.kernel.contracts.codec import Record
from services.kernel.contracts.events import EVENTS, Act, By, CaseNoted, QuestionAsked
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Refused
from services.kernel.domain.lifecycle import ROLES, STATES, TABLE, Role, step
from tests.recorded import PARTITIONS, WHATS, Step, event_of, id_of, record_of, recorded, renumbered

SCRIPTS = st.lists(
    st.builds(Step, st.integers(0, 2), st.sampled_from(WHATS), st.integers(0, 999)),
    min_size=25,
    max_size=60,
)
ACTIONS = {row.event: row.action for row in TABLE}
Records = list[Record]


def kinds(found: Findings) -> dict[str, int]:
    counts = {kind: getattr(found, kind) for kind in ("lost", "disordered", "doubled", "illegal")}
    return {kind: count for kind, count in counts.items() if count}


def firsts(records: Sequence[Record], room: str | None = None) -> list[int]:
    """Where each number appears for the first time; of one room, or of all."""
    first: dict[str, int] = {}
    for place, record in enumerate(records):
        first.setdefault(record.header("ce_id") or "", place)
    return [p for p in first.values() if room is None or id_of(records[p]).room == room]


# ---------------------------------------------------------------- what may be


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=SCRIPTS)
def test_what_the_services_may_record_is_clean(janjgir: District, script: list[Step]) -> None:
    records = recorded(janjgir, script)
    found = check(records)
    assert found.faults == ()
    assert found.clean
    assert (found.records, found.cases, found.foreign) == (len(records), 3, 0)
    assert found.repeated == len(records) - len(firsts(records))
    by_partition = sorted(records, key=lambda record: (record.partition, record.offset))
    assert check(by_partition) == found, "partitions may be read in any order"


def test_an_empty_topic_is_clean() -> None:
    assert check([]) == Findings(0, 0, 0, 0, 0, 0, 0, 0, ())


def test_it_may_be_asked_at_any_time(janjgir: District) -> None:
    model = TopicModel()
    for record in recorded(janjgir, [Step(0, "act", 1), Step(0, "act", 1)]):
        model.feed(record)
        assert model.findings().clean


def test_a_number_that_is_missing_for_now_is_lost_for_now(janjgir: District) -> None:
    first, second, third, *others = _life(janjgir)
    model = TopicModel()
    for record in (first, third, *others):
        model.feed(record)
    assert kinds(model.findings()) == {"lost": 1}
    assert model.findings() == model.findings()
    model.feed(second)
    assert kinds(model.findings()) == {"disordered": 1}


def test_of_two_partitions_it_is_not_known_what_came_first(janjgir: District) -> None:
    first, second, third, *others = _life(janjgir)
    there = [first, third, second, *others]
    assert kinds(check(there)) == {"disordered": 1}
    elsewhere = replace(second, partition=(second.partition + 1) % PARTITIONS)
    found = check([*there, elsewhere])
    assert [(f.kind, f.why) for f in found.faults] == [
        ("disordered", f"in partition {elsewhere.partition}, the case in {second.partition}")
    ]


# ---------------------------------------------------------------- any one thing that may not be


@dataclass(frozen=True)
class Damage:
    """One thing done to a recording. `do` returns the ticket that is to be blamed, or None where there is
    nothing to do it to; `pick` chooses among the places."""

    kind: Kind
    do: Callable[[Records, int], str | None]


def _lose(records: Records, pick: int) -> str | None:
    """Not the last of its room: of those the topic does not know that they were."""
    ids = {id_of(record) for record in records}
    tails = {(i.ticket, i.room): max(j.n for j in ids if j.ticket == i.ticket and j.room == i.room)
             for i in ids}  # fmt: skip
    missed = [i for i in ids if i.n < tails[i.ticket, i.room] or
              (i.room == "intake" and (i.ticket, "case") in tails)]  # fmt: skip
    if not missed:
        return None
    lost = sorted(missed, key=str)[pick % len(missed)]
    records[:] = [record for record in records if id_of(record) != lost]
    return lost.ticket


def _double(records: Records, pick: int) -> str | None:
    """The same fact under the next number, those behind it renumbered."""
    places = [place for place in firsts(records) if not _may_come_twice(records, place)]
    place = places[pick % len(places)]
    doubled = id_of(records[place])
    for later, record in enumerate(records):
        one = id_of(record)
        if (one.ticket, one.room) == (doubled.ticket, doubled.room) and one.n > doubled.n:
            records[later] = renumbered(record, one.n + 1)
    records.insert(place + 1, renumbered(records[place], doubled.n + 1))
    return doubled.ticket


def _may_come_twice(records: Records, place: int) -> bool:
    """Two acts without words may look the same, where the lifecycle allows the second one as well."""
    event = event_of(records[place])
    if not isinstance(event, Act) or event.sealed is not None or isinstance(event, QuestionAsked):
        return False  # questions are numbered
    return _allowed(event.state, ACTIONS[event.TYPE], event.by.role)


def _overwrite(records: Records, pick: int) -> str | None:
    """Another content under a number that was there."""
    place = pick % len(records)
    value = json.loads(records[place].value or b"")
    other = replace(records[place], value=json.dumps({**value, "district": "sakti"}).encode())
    records.insert(place + 1 + pick % (len(records) - place), other)
    return id_of(other).ticket


def _swap(records: Records, pick: int) -> str | None:
    """Two neighbours of a room, with whatever lies between them."""
    places = {id_of(records[place]): place for place in firsts(records)}
    pairs = [(p, places[replace(i, n=i.n + 1)]) for i, p in places.items()
             if replace(i, n=i.n + 1) in places]  # fmt: skip
    if not pairs:
        return None
    one, two = pairs[pick % len(pairs)]
    records[one], records[two] = records[two], records[one]
    return id_of(records[one]).ticket


def _delay(records: Records, pick: int) -> str | None:
    """A record that comes after all others of its room."""
    places = firsts(records)
    ids = {id_of(records[place]): place for place in places}
    early = [i for i in ids if replace(i, n=i.n + 1) in ids]
    if not early:
        return None
    late = early[pick % len(early)]
    record = records[ids[late]]
    records[:] = [other for other in records if id_of(other) != late] + [record]
    return late.ticket


def _trespass(records: Records, pick: int) -> str | None:
    """An act that nobody may do then, or not by that role, between two others."""
    place = _pick(firsts(records, "case"), pick)
    before = event_of(records[place])
    assert isinstance(before, Act)
    state = before.state
    forbidden = [(row, role) for row in TABLE for role in ROLES if not _allowed(state, row.action, role)]
    row, role = forbidden[pick % len(forbidden)]
    to = row.ways[0].to or before.state
    act = _act(row.event, before, role, to)
    done = id_of(records[place])
    for later, record in enumerate(records):
        one = id_of(record)
        if (one.ticket, one.room) == (done.ticket, "case") and one.n > done.n:
            records[later] = renumbered(record, one.n + 1)
    records.insert(place + 1, record_of(act, "case", done.n + 1))
    return done.ticket


def _allowed(state: str, action: str, role: str) -> bool:
    for proposal in (False, True):
        try:
            step(state, action, role, proposal=proposal)
        except Refused:
            continue
        return True
    return False


def _act(event: str, before: Act, role: str, state: str) -> Act:
    act = EVENTS[event].model_validate(
        {
            "ticket": before.ticket, "district": before.district, "at": before.at, "state": state,
            "by": {"role": role, "id": "an-intruder"}, "department": "phe", "directory_version": 1,
            "reason": "duplicate", "cycle": 9, "question": 9, "service": "hand-pump",
            "outcome": "reached", "parent": "2600104245", "rating": 1,
        }
    )  # fmt: skip
    assert isinstance(act, Act)
    return act


def _misstate(records: Records, pick: int) -> str | None:
    """An act that says that it led elsewhere."""
    chosen = id_of(records[_pick(firsts(records, "case"), pick)])
    for place, record in enumerate(records):
        if id_of(record) == chosen:
            value = json.loads(record.value or b"")
            value["state"] = STATES[(STATES.index(value["state"]) + 1 + pick % 10) % len(STATES)]
            records[place] = replace(record, value=json.dumps(value).encode())
    return chosen.ticket


def _stray(records: Records, pick: int) -> str | None:
    """One record, or one of its repetitions, in another partition than its case."""
    place = pick % len(records)
    ticket = id_of(records[place]).ticket
    if sum(id_of(record).ticket == ticket for record in records) < 2:
        return None
    elsewhere = (records[place].partition + 1 + pick % (PARTITIONS - 1)) % PARTITIONS
    records[place] = replace(records[place], partition=elsewhere)
    return ticket


def _backdate(records: Records, pick: int) -> str | None:
    """An act stamped before the case was filed."""
    chosen = id_of(records[_pick(firsts(records, "case"), pick)])
    for place, record in enumerate(records):
        if id_of(record) == chosen:
            event = event_of(record).model_copy(update={"at": event_of(records[0]).at.replace(year=2025)})
            records[place] = record_of(event, "case", chosen.n)
    return chosen.ticket


def _pick(places: list[int], pick: int) -> int:
    assume(places)
    return places[pick % len(places)]


DAMAGES = {
    "a record is lost": Damage("lost", _lose),
    "a fact has two numbers": Damage("doubled", _double),
    "a number has two facts": Damage("doubled", _overwrite),
    "two neighbours are swapped": Damage("disordered", _swap),
    "a record comes last": Damage("disordered", _delay),
    "a record is in another partition": Damage("disordered", _stray),
    "an act is not allowed": Damage("illegal", _trespass),
    "an act says another state": Damage("illegal", _misstate),
    "an act is stamped before the filing": Damage("illegal", _backdate),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(script=SCRIPTS, pick=st.integers(0, 10**6))
def test_any_damage_is_found_and_nothing_else_is_blamed(
    janjgir: District, damage: Damage, script: list[Step], pick: int
) -> None:
    records = recorded(janjgir, script)
    ticket = damage.do(records, pick)
    assume(ticket is not None)
    found = check(records)
    assert [(fault.kind, fault.ticket) for fault in found.faults] == [(damage.kind, ticket)]
    assert kinds(found) == {damage.kind: 1}
    assert not found.clean
    by_partition = sorted(records, key=lambda record: record.partition)
    assert kinds(check(by_partition)) == kinds(found), "partitions may be read in any order"


# ---------------------------------------------------------------- bytes of others, later versions, bounds


def _life(district: District) -> Records:
    return recorded(district, [Step(0, "act", 1), Step(0, "act", 1), Step(0, "act", 1)], cases=1)


def test_a_record_is_known_by_its_own_digest_and_not_by_the_seam_of_two_others() -> None:
    life = Life(partition=0)
    assert not life.hear("case", b"aaaabbbb")
    assert not life.hear("case", b"ccccdddd")
    assert not life.hear("case", b"bbbbcccc")
    assert not life.hear("sla", b"ccccdddd")
    assert life.hear("case", b"ccccdddd")
    assert (life.heard("case"), life.digest("case", 3), life.digest("case", 5)) == (4, b"bbbbcccc", b"")


def test_hostile_bytes_are_counted_and_blame_nobody(janjgir: District) -> None:
    records = _life(janjgir)
    last = records[-1]
    hostile = [
        Record(last.topic, 3, 0, b"\xff", (), b"\x00" * 10),
        replace(last, key=b"2600000999"),
        replace(renumbered(last, 99), value=b"{}"),
        replace(last, value=b"not json"),
        replace(last, headers=tuple(h for h in last.headers if h[0] != "ce_time")),
    ]
    found = check([hostile[0], *records, *hostile[1:]])
    assert (found.foreign, found.clean, found.cases) == (5, True, 1)


def test_a_type_of_a_later_version_is_a_fact_after_which_the_state_is_not_known(
    janjgir: District,
) -> None:
    records = _life(janjgir)
    place = [id_of(record).room for record in records].index("case") + 1
    headers = tuple(
        (name, b"samvad.case.teleported.v7" if name == "ce_type" else value)
        for name, value in records[place].headers
    )
    records[place] = replace(records[place], headers=headers, value=b"of its own kind")
    assert check(records).clean
    assert kinds(check([*records, replace(records[place], value=b"of another kind")])) == {"doubled": 1}
    last = event_of(records[-1])
    assert isinstance(last, Act)
    n = id_of(records[place]).n
    note = record_of(_act("samvad.case.noted.v1", last, "head", "assigned"), "case", n + 1)
    end = record_of(_act("samvad.case.confirmed.v1", last, "citizen", "closed"), "case", n + 2)
    assert check([*records[: place + 1], renumbered(end, n + 1)]).clean, "it may have been resolved"
    assert [fault.why for fault in check([*records[: place + 1], note, end]).faults] == [
        "citizen may not confirm in assigned or assigned with a rejection proposed"
    ]


def test_after_an_act_that_may_not_be_what_follows_from_either_reading_is_not_blamed(
    janjgir: District,
) -> None:
    filing, assigned, *_ = _life(janjgir)
    placed = event_of(assigned)
    assert isinstance(placed, Act)
    assert placed.state == "assigned"
    strange = _act("samvad.case.acknowledged.v1", placed, "officer", "resolved")
    for role, action, state in (("officer", "started", "in_progress"), ("citizen", "confirmed", "closed")):
        next_act = _act(f"samvad.case.{action}.v1", placed, role, state)
        acts = [record_of(strange, "case", 2), record_of(next_act, "case", 3)]
        assert [fault.why for fault in check([filing, assigned, *acts]).faults] == [
            "acknowledge by officer says resolved, but leads to acknowledged"
        ]


def test_a_number_far_away_costs_nothing_and_every_number_between_is_lost(janjgir: District) -> None:
    records = _life(janjgir)
    heard = max(id_of(record).n for record in records if id_of(record).room == "case")
    found = check([*records, renumbered(records[-1], 10**11)])
    assert found.lost == 10**11 - heard - 1
    (lost, _image) = found.faults
    assert lost.ce_id.endswith(f"/case/{heard + 1}")
    assert lost.why == f"numbers {heard + 1} to {10**11 - 1} never came"


def test_a_filing_that_comes_late_is_out_of_turn_and_one_that_never_comes_is_lost(
    janjgir: District,
) -> None:
    filing, *others = _life(janjgir)
    late = check([*others, filing])
    assert [(f.kind, f.ce_id) for f in late.faults] == [("disordered", filing.header("ce_id"))]
    never = check(others)
    assert [(f.kind, f.ce_id) for f in never.faults] == [("lost", filing.header("ce_id"))]


def test_every_fault_is_counted_and_the_first_are_named(janjgir: District) -> None:
    records = _life(janjgir)
    other = replace(records[-1], value=(records[-1].value or b"").replace(b"janjgir", b"jaanjgir"))
    found = check([*records, *[other] * (NAMED + 50)])
    assert (found.doubled, len(found.faults)) == (NAMED + 50, NAMED)


@pytest.mark.parametrize("role", ["operator", "rule"])
def test_no_word_of_a_record_is_told(janjgir: District, role: Role) -> None:
    records = _life(janjgir)
    event = event_of(records[-1])
    words = "secret"
    noted = CaseNoted(
        ticket=event.ticket, district=words, at=event.at, state=words, by=By(role=role, id=words)
    )
    (fault,) = check([*records, record_of(noted, "case", id_of(records[-1]).n + 1)]).faults
    assert words not in fault.why
