"""The lifecycle table keeps its promises, whatever is tried, in whatever order, by whomever."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from itertools import product
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.contracts import events
from services.kernel.domain import lifecycle, lifecycle_docs, people
from services.kernel.domain.errors import Forbidden, IllegalAction, Invalid
from services.kernel.domain.lifecycle import ACTIONS, END_STATES, OPEN_STATES, ROLES, STATES

OFFICE = {"officer", "head", "sdm", "collector"}
CITIZEN = {"citizen", "operator"}
FLAGS = (False, True)
tries = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(ROLES))


def outcome(state: str, action: str, role: str, proposal: bool) -> str | type[Exception]:
    try:
        return lifecycle.step(state, action, role, proposal=proposal)
    except (IllegalAction, Forbidden) as error:
        return type(error)


@cache
def steps() -> frozenset[tuple[str, str, str, str]]:
    """Every step that succeeds, as (state, action, role, state after)."""
    found: set[tuple[str, str, str, str]] = set()
    for state, action, role, proposal in product(STATES, ACTIONS, ROLES, FLAGS):
        after = outcome(state, action, role, proposal)
        if isinstance(after, str):
            found.add((state, action, role, after))
    return frozenset(found)


def actors(action: str) -> set[str]:
    return {role for _, one, role, _ in steps() if one == action}


def moves(action: str) -> set[tuple[str, str]]:
    return {(state, after) for state, one, _, after in steps() if one == action}


def reachable(start: str, roles: Iterable[str] = ROLES) -> set[str]:
    """States that can be reached from `start` by `roles` alone, `start` among them."""
    chosen = set(roles)
    edges = {(state, after) for state, _, role, after in steps() if role in chosen}
    found, new = {start}, {start}
    while new:
        new = {after for state, after in edges if state in new} - found
        found |= new
    return found


# ---------------------------------------------------------------- whatever is tried


@given(st.lists(tries, max_size=60))
def test_no_sequence_of_tries_leaves_the_listed_states(sequence: list[tuple[str, str]]) -> None:
    state, proposal = "filed", False
    for action, role in sequence:
        after = outcome(state, action, role, proposal)
        if not isinstance(after, str):
            continue
        assert after in STATES
        assert action != "reject" or proposal or role == "routing"
        if action == "propose_rejection":
            proposal = True
        elif after != state or action == "refuse_rejection":
            proposal = False
        state = after


@given(st.sampled_from(STATES), st.lists(st.tuples(st.sampled_from(ACTIONS), st.booleans())))
def test_an_officer_never_ends_a_case(state: str, sequence: list[tuple[str, bool]]) -> None:
    start, begun = state, state in END_STATES
    for action, proposal in sequence:
        after = outcome(state, action, "officer", proposal)
        if isinstance(after, str):
            state = after
    assert state not in END_STATES or (begun and state == start)


@given(st.sampled_from(STATES), st.sampled_from(ROLES), st.booleans(), st.sampled_from(ACTIONS))
def test_a_refusal_names_state_action_and_what_is_allowed(
    state: str, role: str, proposal: bool, action: str
) -> None:
    try:
        lifecycle.step(state, action, role, proposal=proposal)
    except IllegalAction as error:
        assert (error.state, error.action) == (state, action)
        assert error.allowed == lifecycle.allowed(state, role, proposal=proposal)
    except Forbidden as error:
        assert error.field == "action"


def test_allowed_and_step_agree_exactly() -> None:
    for state, role, proposal in product(STATES, ROLES, FLAGS):
        passed = [a for a in ACTIONS if isinstance(outcome(state, a, role, proposal), str)]
        assert list(lifecycle.allowed(state, role, proposal=proposal)) == passed


def test_forbidden_means_that_somebody_else_may_and_illegal_that_nobody_may() -> None:
    for state, action, proposal in product(STATES, ACTIONS, FLAGS):
        outcomes = {role: outcome(state, action, role, proposal) for role in ROLES}
        anybody = any(isinstance(one, str) for one in outcomes.values())
        refusals = {one for one in outcomes.values() if not isinstance(one, str)}
        assert refusals == {Forbidden if anybody else IllegalAction}


def test_an_action_leads_from_a_state_to_one_state_only() -> None:
    ends: dict[tuple[str, str], set[str]] = {}
    for state, action, _, after in steps():
        ends.setdefault((state, action), set()).add(after)
    assert all(len(one) == 1 for one in ends.values())


def test_unknown_names_are_refused() -> None:
    with pytest.raises(Invalid) as refused:
        lifecycle.step("assigned", "explode", "officer")
    assert refused.value.field == "action"
    with pytest.raises(Forbidden):
        lifecycle.step("assigned", "acknowledge", "passer-by")
    for call in (lifecycle.is_open, lambda s: lifecycle.allowed(s, "officer")):
        with pytest.raises(ValueError, match="new"):
            call("new")


# ---------------------------------------------------------------- the ways there are


def test_every_state_is_reached_from_the_filing() -> None:
    assert reachable("filed") == set(STATES)


def test_every_state_that_is_not_an_end_leads_to_every_end() -> None:
    for state in {*OPEN_STATES, "resolved"}:
        assert reachable(state) >= set(END_STATES), state


def test_every_open_state_can_be_ended_without_the_citizen() -> None:
    for state in OPEN_STATES:
        assert "closed" in reachable(state, set(ROLES) - CITIZEN), state


def test_the_citizen_can_leave_every_open_state_himself() -> None:
    assert moves("withdraw") == {(state, "withdrawn") for state in OPEN_STATES}
    assert actors("withdraw") == CITIZEN


def test_withdrawn_is_for_good() -> None:
    assert reachable("withdrawn") == {"withdrawn"}
    assert {action for state, action, _, _ in steps() if state == "withdrawn"} == {"note"}


def test_open_states() -> None:
    assert [state for state in STATES if not lifecycle.is_open(state)] == [
        "resolved",
        "closed",
        "rejected",
        "withdrawn",
    ]


def test_the_main_road() -> None:
    state = "filed"
    for action, role, after in [
        ("triage", "routing", "triage"),
        ("assign", "operator", "assigned"),
        ("acknowledge", "officer", "acknowledged"),
        ("start", "officer", "in_progress"),
        ("ask_citizen", "officer", "awaiting_citizen"),
        ("mark_asked", "operator", "awaiting_citizen"),
        ("answer", "citizen", "in_progress"),
        ("resolve", "officer", "resolved"),
        ("reopen", "citizen", "assigned"),
        ("start", "officer", "in_progress"),
        ("resolve", "officer", "resolved"),
        ("close", "rule", "closed"),
        ("rate", "citizen", "closed"),
    ]:
        state = lifecycle.step(state, action, role)
        assert state == after


# ---------------------------------------------------------------- who may do what


def test_a_case_closes_by_the_citizen_or_by_rule_from_resolved_only() -> None:
    assert {one for one in steps() if one[3] == "closed" and one[0] != "closed"} == {
        ("resolved", "confirm", "citizen", "closed"),
        ("resolved", "confirm", "operator", "closed"),
        ("resolved", "close", "rule", "closed"),
    }


def test_rejection_is_proposed_and_then_approved_by_the_head_or_above() -> None:
    assert actors("propose_rejection") == {"officer", "head", "sdm"}
    for state in ("assigned", "acknowledged", "in_progress", "awaiting_citizen"):
        assert outcome(state, "propose_rejection", "officer", False) == state
        assert outcome(state, "propose_rejection", "officer", True) is IllegalAction
        assert outcome(state, "reject", "officer", True) is Forbidden
        for role in ("head", "sdm", "collector"):
            assert outcome(state, "reject", role, True) == "rejected"
            assert outcome(state, "refuse_rejection", role, True) == state
            assert outcome(state, "reject", role, False) is IllegalAction
            assert outcome(state, "refuse_rejection", role, False) is IllegalAction


def test_a_merged_case_follows_its_parent_by_routing_and_nobody_else() -> None:
    for action, after in (("resolve", "resolved"), ("reject", "rejected")):
        assert [r for r in ROLES if outcome("merged", action, r, False) == after] == ["routing"]
    assert moves("unmerge") == {("merged", "assigned")}


def test_only_routing_handles_what_was_just_filed_and_only_there_or_in_triage() -> None:
    assert {(s, a) for s, a, role, _ in steps() if role == "routing" and s != "merged"} == {
        ("filed", "triage"),
        ("filed", "assign"),
        ("triage", "assign"),
    }
    assert {role for s, _, role, after in steps() if s == "filed" and after == "assigned"} == {
        "routing"
    }


def test_a_case_has_its_department_before_it_leaves_triage() -> None:
    ways_out = {a for s, a, _, after in steps() if s in ("filed", "triage") and after != s}
    assert ways_out == {"triage", "assign", "withdraw"}
    assert "department" in lifecycle.transition("assign").needs
    relying = {a for a, fields in KNOWN_TO_THE_CASE.items() if "department" in fields}
    assert not relying & {action for s, action, _, _ in steps() if s in ("filed", "triage")}


def test_questions() -> None:
    assert moves("answer") == {("awaiting_citizen", "in_progress")}
    assert moves("mark_asked") == {("awaiting_citizen", "awaiting_citizen")}
    assert actors("mark_asked") == {"operator"}
    assert moves("ask_citizen") == {
        (state, "awaiting_citizen") for state in ("acknowledged", "in_progress", "awaiting_citizen")
    }


def test_reopened_transferred_and_taken_over_cases_return_to_assigned() -> None:
    assert moves("reopen") == {(s, "assigned") for s in ("resolved", "closed", "rejected")}
    assert actors("reopen") == {"citizen", "operator", "head", "sdm", "collector"}
    for action in ("transfer", "take_over"):
        assert {after for _, after in moves(action)} == {"assigned"}
    assert actors("take_over") == {"head", "sdm", "collector"}


def test_the_citizens_own_acts() -> None:
    assert {action for action in ACTIONS if "citizen" in actors(action)} == {
        "answer",
        "attach",
        "remind",
        "confirm",
        "reopen",
        "withdraw",
        "unmerge",
        "rate",
    }
    assert {a for a in ACTIONS if lifecycle.transition(a).citizen_words} == {
        action for action in ACTIONS if "citizen" in actors(action)
    }
    for state in OPEN_STATES:
        assert {"attach", "remind", "withdraw"} <= set(lifecycle.allowed(state, "citizen"))


def test_those_who_run_the_software_and_those_who_set_up_the_district() -> None:
    assert {action for action in ACTIONS if "ops" in actors(action)} == set()
    assert {action for action in ACTIONS if "rule" in actors(action)} == {"close"}
    assert {action for action in ACTIONS if "admin" in actors(action)} == {"assign", "transfer"}


def test_the_work_is_the_offices() -> None:
    for action in ("acknowledge", "start", "ask_citizen", "reply"):
        assert actors(action) == OFFICE
    assert moves("start") == {("assigned", "in_progress"), ("acknowledged", "in_progress")}
    assert actors("resolve") == OFFICE | {"routing"}


# ---------------------------------------------------------------- the table and its neighbours


def test_the_table_names_every_action_state_and_role_once() -> None:
    assert get_args(lifecycle.Action) == ACTIONS
    assert get_args(lifecycle.State) == STATES
    assert get_args(events.Role) == get_args(people.Role) == ROLES
    for row in lifecycle.TABLE:
        for way in row.ways:
            assert len(set(way.states)) == len(way.states) > 0
            assert len(set(way.roles)) == len(way.roles) > 0


def test_every_event_of_room_case_is_announced_by_exactly_one_action() -> None:
    acts = [kind for kind, model in events.EVENTS.items() if "case" in model.ROOMS]
    # no exceptions: nothing but an action writes an event of this room
    assert sorted(row.event for row in lifecycle.TABLE) == sorted(acts)


KNOWN_TO_THE_CASE: dict[str, set[str]] = {
    "triage": set(),
    "assign": {"directory_version", "reason"},
    "transfer": {"directory_version", "reason"},
    "take_over": {"department", "directory_version", "reason"},
    "reopen": {"department", "directory_version", "reason", "cycle"},
    "ask_citizen": {"question"},
    "mark_asked": {"question"},
    "change_service": {"department"},
    "reject": {"reason"},
    "unmerge": {"parent"},
}
"""Fields that an event must have and that an act need not name, because the case supplies them."""


@pytest.mark.parametrize("action", ACTIONS)
def test_an_actions_fields_are_its_events(action: str) -> None:
    row = lifecycle.transition(action)
    model = events.EVENTS[row.event].model_fields
    given_always = set(events.Act.model_fields)
    own = set(model) - given_always
    assert set(row.needs) | set(row.optional) <= own
    assert not set(row.needs) & set(row.optional)
    must = {name for name in own if model[name].is_required()}
    assert must == set(row.needs) & must | KNOWN_TO_THE_CASE.get(action, set())


def test_every_reason_for_a_rejection_has_its_text() -> None:
    path = Path(lifecycle.__file__).with_name("data") / "reasons.json"
    texts = json.loads(path.read_text(encoding="utf-8"))
    assert tuple(texts) == lifecycle.REJECTION_REASONS
    for text in texts.values():
        assert set(text) == {"hi", "en"}
        assert any("\u0900" <= letter <= "\u097f" for letter in text["hi"])
        assert text["en"].isascii() and text["en"].strip()


def test_the_document_is_drawn_from_the_table() -> None:
    assert lifecycle_docs.main(["--check"]) == 0


def test_the_drawing_shows_every_change_of_state_and_no_other() -> None:
    drawn = set()
    for line in lifecycle.draw_mermaid().splitlines():
        edge, _, label = line.strip().partition(": ")
        if label:
            start, end = edge.split(" --> ")
            drawn |= {(start, action, end) for action in label.split(", ")}
    stay = {row.action for row in lifecycle.TABLE if all(way.to is None for way in row.ways)}
    assert drawn == {(s, a, after) for s, a, _, after in steps() if a not in stay}


def test_check_tells_a_document_that_differs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(lifecycle_docs, "DOCUMENT", tmp_path / "docs" / "lifecycle.md")
    assert lifecycle_docs.main(["--check"]) == 1
    assert not lifecycle_docs.DOCUMENT.exists()
    assert lifecycle_docs.main([]) == 0
    assert lifecycle_docs.main(["--check"]) == 0
    lifecycle_docs.DOCUMENT.write_text("changed by hand", encoding="utf-8")
    assert lifecycle_docs.main(["--check"]) == 1
    assert "differs from the table" in capsys.readouterr().err
