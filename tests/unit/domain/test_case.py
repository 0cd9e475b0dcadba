"""What an act makes of a case, beyond the lifecycle table."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.domain.case import MOST_ENTRIES, Act, Case, Entry, perform
from services.kernel.domain.causes import cause_of, same_key
from services.kernel.domain.errors import Conflict, Invalid
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


def _full(case: Case, entries: int = MOST_ENTRIES) -> Case:
    notes = tuple(
        Entry(n, AT, "note", case.state, "officer", note="x") for n in range(1, entries + 1)
    )
    return replace(case, history=notes)


def test_a_full_history_takes_only_what_moves_the_case() -> None:
    last, _ = act(_full(CASE, MOST_ENTRIES - 1), "note", "officer")
    assert len(last.history) == MOST_ENTRIES
    for action, role, data in (
        ("note", "officer", {}),
        ("remind", "citizen", {}),
        ("attach", "operator", {}),
        ("change_service", "head", {"service": "tap"}),
        ("propose_rejection", "officer", {"reason": "duplicate"}),
    ):
        with pytest.raises(Conflict) as refused:
            act(last, action, role, **data)
        assert refused.value.field == "history"
    # beyond the limit too: to its end and back
    case = last
    for action, role, data in (
        ("ask_citizen", "officer", {}),
        ("answer", "citizen", {}),
        ("resolve", "officer", {}),
        ("reopen", "citizen", {}),
        ("transfer", "operator", {"department": "pwd", "officer": "pwd-1"}),
        ("acknowledge", "officer", {}),
        ("resolve", "officer", {}),
        ("confirm", "citizen", {}),
    ):
        case, _ = act(case, action, role, **data)
    assert (case.state, len(case.history)) == ("closed", MOST_ENTRIES + 8)


def test_a_full_case_still_leaves_an_officer_who_has_gone() -> None:
    """From assigned to assigned: the state is the same, but not who works it."""
    waiting = _full(replace(CASE, state="assigned"))
    for action, role, data in (
        ("assign", "head", {"department": "phe", "officer": "phe-2"}),
        ("transfer", "admin", {"department": "pwd", "officer": "pwd-1"}),
        ("take_over", "head", {"officer": "phe-head"}),
    ):
        after, _ = act(waiting, action, role, **data)
        assert (after.state, after.officer) == ("assigned", data["officer"])


def test_a_case_of_long_notes_stays_far_below_what_the_store_takes() -> None:
    words = "क" * 4000
    assert MOST_ENTRIES * len(words.encode()) < 16 * 1024 * 1024 / 2


def test_a_cause_tells_asker_key_and_request_apart() -> None:
    asker = Actor("operator", None, "jc")
    first = cause_of(asker, "k", {"note": "अ", "data": {"a": 1, "b": 2}})
    assert first == cause_of(asker, "k", {"data": {"b": 2, "a": 1}, "note": "अ"})
    other = cause_of(asker, "k", {"note": "ब"})
    assert first != other
    assert same_key(first, other)
    for by, key in (
        (asker, "k2"),
        (asker, "k#"),
        (Actor("operator", None, "sakti"), "k"),
        (Actor("operator", "op-1", "jc"), "k"),
        (Actor("admin", None, "jc"), "k"),
    ):
        assert not same_key(first, cause_of(by, key, {"note": "अ"}))
    assert not same_key(
        cause_of(Actor("operator", "a:b", "jc"), "c", {}),
        cause_of(Actor("operator", "a", "jc"), "b:c", {}),
    )


def test_what_was_asked_under_a_key_is_found_whatever_it_was() -> None:
    by = Actor("officer", "phe-1", "jc")
    first, other = (cause_of(by, "k", {"note": note}) for note in "ab")
    after, _ = perform(CASE, Act("note", by, cause=first, note="a"), n=1, at=AT)
    assert after.by_key(other) == after.by_key(first) == after.history[0]
    assert after.by_cause(other) is None
    assert after.by_key(cause_of(by, "k2", {"note": "a"})) is None


# ---------------------------------------------------------------- recordings


def _attach(case: Case, *media: str, recordings: tuple[str, ...] = ()) -> tuple[Case, dict[str, Any]]:
    citizen = Actor("citizen", None, "jc")
    done = Act("attach", citizen, note="x", data={"media": list(media)}, recordings=recordings)
    after, fact = perform(case, done, n=len(case.history) + 1, at=AT)
    return after, dict(fact.data)


def test_what_was_recorded_waits_until_a_note_names_it() -> None:
    filed = replace(CASE, media=("voice", "photo"), unwritten=("voice",))
    more, told = _attach(filed, "film", "paper", recordings=("film",))
    assert told["media"] == ["film", "paper"]
    assert told["recordings"] == ("film",)
    assert more.unwritten == ("voice", "film")
    assert "recordings" not in more.history[-1].data
    photo, _ = act(more, "note", media=["photo"])
    assert photo.unwritten == ("voice", "film")
    words, _ = act(photo, "note")
    assert words.unwritten == ("voice", "film")
    one, told = act(words, "note", media=["voice", "photo"])
    assert one.unwritten == ("film",)
    assert "recordings" not in told
    assert act(one, "note", media=["film"])[0].unwritten == ()


def test_it_waits_through_all_that_happens_to_the_case() -> None:
    case = replace(CASE, unwritten=("voice",))
    resolved, _ = act(case, "resolve")
    closed, _ = act(resolved, "confirm", "citizen")
    again, _ = act(closed, "reopen", "operator")
    assert (resolved.unwritten, closed.unwritten, again.unwritten) == (("voice",),) * 3


def test_what_was_written_down_and_comes_again_does_not_wait_again() -> None:
    written, _ = act(replace(CASE, unwritten=("voice",)), "note", media=["voice"])
    again, _ = _attach(written, "voice", "film", recordings=("voice", "film"))
    assert again.unwritten == ("film",)
    twice, _ = _attach(again, "film", recordings=("film",))
    assert twice.unwritten == ("film",)


def test_nobody_hears_what_was_erased() -> None:
    erased = replace(CASE, erased=True)
    assert _attach(erased, "voice", recordings=("voice",))[0].unwritten == ()


@pytest.mark.parametrize(("action", "media"), [("attach", ["photo"]), ("attach", None), ("note", ["voice"])])
def test_recordings_are_some_of_what_is_attached(action: str, media: list[str] | None) -> None:
    given_ = Act(action, Actor("operator", None, "jc"), data={"media": media}, recordings=("voice",))
    with pytest.raises(Invalid) as refused:
        perform(CASE, given_, n=1, at=AT)
    assert refused.value.field == "recordings"


FILES = st.lists(st.sampled_from(["v1", "v2", "v3", "p1", "p2"]), max_size=3)
ACTS = st.lists(st.tuples(st.sampled_from(["attach", "note", "remind"]), FILES), max_size=8)


@given(filed=FILES, acts=ACTS)
def test_what_waits_is_what_came_and_was_never_named(
    filed: list[str], acts: list[tuple[str, list[str]]]
) -> None:
    def recorded(media: list[str]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(one for one in media if one.startswith("v")))

    case = replace(CASE, media=tuple(filed), unwritten=recorded(filed))
    came, named = list(recorded(filed)), set()
    for action, media in acts:
        if action == "attach":
            case, _ = _attach(case, *media, recordings=recorded(media))
            came += recorded(media)
        elif action == "note":
            case, _ = act(case, "note", media=media)
            named |= set(media)
        else:
            case, _ = act(case, "remind", "citizen")
    assert case.unwritten == tuple(one for one in dict.fromkeys(came) if one not in named)
