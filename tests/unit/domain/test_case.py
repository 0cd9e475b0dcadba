"""What an act makes of a case, beyond the lifecycle table."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from services.kernel.domain.case import Act, Case, perform
from services.kernel.domain.errors import Invalid
from services.kernel.domain.people import Actor

AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
CASE = Case(
    ticket="2600000009",
    district="jc",
    kind="complaint",
    channel="web",
    language="hi",
    priority="normal",
    filed_at=AT,
    updated_at=AT,
    directory_version=1,
    state="in_progress",
    service="pump",
    department="phe",
    office="phe-north",
    officer="phe-1",
)


def act(case: Case, action: str, role: str = "head", **data: Any) -> tuple[Case, dict[str, Any]]:
    actor = Actor(role, "someone", "jc")  # type: ignore[arg-type]
    n = len(case.history) + 1
    after, fact = perform(
        case, Act(action, actor, cause=f"c{n}", data=data), n=n, at=AT + timedelta(minutes=n)
    )
    return after, dict(fact.data)


def test_a_transfer_leaves_nobody_of_the_old_department_with_the_case() -> None:
    after, told = act(CASE, "transfer", department="pwd")
    assert (after.department, after.office, after.officer) == ("pwd", None, None)
    assert told["department"] == "pwd"
    assert told["office"] is None
    assert told.get("officer") is None


def test_a_proposal_does_not_travel_with_a_transfer() -> None:
    proposed, _ = act(CASE, "propose_rejection", "officer", reason="duplicate")
    after, _ = act(proposed, "transfer", department="pwd")
    assert proposed.proposal == "duplicate"
    assert after.proposal is None


def test_a_reopened_case_goes_back_to_its_officer_unless_it_goes_elsewhere() -> None:
    resolved, _ = act(CASE, "resolve")
    again, told = act(resolved, "reopen")
    assert (again.officer, again.cycle, told["cycle"]) == ("phe-1", 2, 2)
    elsewhere, _ = act(resolved, "reopen", department="pwd")
    assert (elsewhere.department, elsewhere.office, elsewhere.officer) == ("pwd", None, None)


def test_a_rejection_carries_the_reason_that_was_proposed() -> None:
    proposed, _ = act(CASE, "propose_rejection", "officer", reason="duplicate")
    after, told = act(proposed, "reject")
    assert (after.state, after.rejection, told["reason"]) == ("rejected", "duplicate", "duplicate")


def test_questions_are_numbered_and_answered() -> None:
    asked, told = act(CASE, "ask_citizen", "officer")
    assert told["question"] == 1
    answered, told = act(asked, "answer", "operator")
    assert told["question"] == 1
    assert answered.question is not None
    assert answered.question.answered_at is not None
    _, told = act(answered, "ask_citizen", "officer")
    assert told["question"] == 2


@pytest.mark.parametrize(
    ("action", "role", "data", "field"),
    [
        ("transfer", "head", {}, "department"),
        ("propose_rejection", "officer", {"reason": "because"}, "reason"),
        ("acknowledge_all", "officer", {}, "action"),
        ("note", "officer", {"officer": "x"}, "officer"),
    ],
)
def test_what_is_wrong_is_named(
    action: str, role: str, data: dict[str, Any], field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        act(CASE, action, role, **data)
    assert refused.value.field == field


@pytest.mark.parametrize("rating", [0, 6, True, "5", 4.5])
def test_a_rating_is_a_whole_number_of_one_to_five(rating: object) -> None:
    closed, _ = act(act(CASE, "resolve")[0], "confirm", "operator")
    with pytest.raises(Invalid):
        act(closed, "rate", "operator", rating=rating)


def test_a_cause_is_found_again() -> None:
    after, _ = act(CASE, "note", "officer")
    assert after.by_cause("c1") == after.history[0]
    assert after.by_cause("c2") is None
