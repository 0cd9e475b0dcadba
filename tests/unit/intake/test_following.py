"""What a citizen may read of his case and do with it, in whatever channel he asks."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest

from services.intake.following import RECEIVED, Followed, can, note, placement, question, resolution
from services.kernel.domain import lifecycle
from services.kernel.domain.case import Case, CasePlace, Entry
from services.kernel.domain.directory import District, Leave, Text
from services.kernel.domain.lifecycle import END_STATES, STATES

NOW = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
SENTENCE = Text(hi="काम {to} के पास", en="{to} works it")


def case(state: str = "assigned", *history: Entry, **fields: object) -> Case:
    made = Case(
        ticket="2600104237",
        district="janjgir-champa",
        kind="complaint",
        channel="whatsapp",
        language="hi",
        priority="normal",
        filed_at=NOW,
        updated_at=NOW,
        directory_version=1,
        state=state,
        department="phe",
        history=history,
    )
    return replace(made, **fields)  # type: ignore[arg-type]


def followed(case: Case | None) -> Followed:
    return Followed("2600104237", "janjgir-champa", "complaint", NOW, case)


def entry(
    action: str, state: str, note: str | None = "words", role: str = "officer", **more: object
) -> Entry:
    return Entry(1, NOW, action, state, role, note=note, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("state", "acts"),
    [
        ("filed", {"attach", "remind", "withdraw"}),
        ("triage", {"attach", "remind", "withdraw"}),
        ("assigned", {"attach", "remind", "withdraw"}),
        ("acknowledged", {"attach", "remind", "withdraw"}),
        ("in_progress", {"attach", "remind", "withdraw"}),
        ("awaiting_citizen", {"answer", "attach", "remind", "withdraw"}),
        ("resolved", {"attach", "confirm", "reopen", "rate"}),
        ("closed", {"reopen", "rate"}),
        ("rejected", {"reopen"}),
        ("withdrawn", set()),
        ("merged", {"attach", "remind", "withdraw"}),
    ],
)
def test_what_he_may_do(janjgir: District, state: str, acts: set[str]) -> None:
    closed_at = NOW if state in END_STATES else None
    assert can(followed(case(state, closed_at=closed_at)), janjgir, NOW) == acts


def test_nothing_that_the_lifecycle_does_not_let_him_do(janjgir: District) -> None:
    for state in STATES:
        may = can(followed(case(state, closed_at=NOW)), janjgir, NOW)
        for action in may:
            lifecycle.step(state, action, "citizen")


def test_before_it_is_routed_it_can_only_be_waited_for(janjgir: District) -> None:
    one = followed(None)
    assert one.state == RECEIVED
    assert can(one, janjgir, NOW) == set()
    assert question(one, "hi") is resolution(one, "hi") is None
    assert placement(one, janjgir, NOW, SENTENCE) == {}


@pytest.mark.parametrize("state", ["closed", "rejected"])
def test_it_can_be_opened_again_within_the_districts_window(
    janjgir: District, sakti: District, state: str
) -> None:
    one = followed(case(state, closed_at=NOW))
    for district in (janjgir, sakti):
        last = NOW + timedelta(days=district.reopen_days)
        assert "reopen" in can(one, district, last)
        assert "reopen" not in can(one, district, last + timedelta(milliseconds=1))
    assert "reopen" not in can(followed(case(state)), janjgir, NOW)


def test_what_he_is_asked_and_what_was_done_while_it_matters() -> None:
    asked = [entry("ask_citizen", "awaiting_citizen", words) for words in ("कौन सा?", "कहाँ?")]
    assert question(followed(case("awaiting_citizen", *asked)), "hi") == "कहाँ?"
    assert question(followed(case("in_progress", *asked)), "hi") is None
    done = entry("resolve", "resolved", "बन गया", public=True)
    assert resolution(followed(case("resolved", done)), "hi") == "बन गया"
    assert resolution(followed(case("resolved", replace(done, public=False))), "hi") is None
    assert resolution(followed(case("closed", done)), "hi") is None


@pytest.mark.parametrize(
    ("said", "read"),
    [
        (entry("note", "assigned"), None),
        (entry("note", "assigned", public=True), "words"),
        (entry("reply", "in_progress"), "words"),
        (entry("answer", "in_progress", role="citizen"), "words"),
        (entry("answer", "in_progress", role="officer"), None),
        (entry("remind", "assigned", role="operator"), "words"),
        (entry("note", "assigned", role="operator"), None),
        (entry("reject", "rejected", None, data={"reason": "no such"}), None),
    ],
)
def test_the_words_that_are_his_to_read(said: Entry, read: str | None) -> None:
    assert note(said, "hi") == read


def test_a_rejection_is_told_by_its_reason_not_by_the_offices_words() -> None:
    said = entry("reject", "rejected", "ours alone", data={"reason": "duplicate"})
    hi, en = note(said, "hi"), note(said, "en")
    assert hi and en and hi != en
    assert "ours" not in en


def test_reopened_it_goes_to_somebody_who_is_there_and_the_office_is_told(janjgir: District) -> None:
    had = case("closed", office="phe-akaltara", officer="phe-akaltara-1", place=CasePlace("akaltara"))
    kept = placement(followed(had), janjgir, NOW, SENTENCE)
    officer = janjgir.officer_by_id["phe-akaltara-1"]
    assert kept == {
        "department": "phe",
        "office": "phe-akaltara",
        "officer": officer.id,
        "directory_version": janjgir.version,
        "reason": f"{officer.name.en} works it",
        "reason_hi": f"काम {officer.name.hi} के पास",
    }
    # of the local day: at 23:00 UTC it is tomorrow in India
    late = datetime(2026, 1, 5, 23, 0, tzinfo=UTC)
    away = replace(officer, leave=(Leave(date(2026, 1, 6), date(2026, 1, 6)),))
    officers = tuple(away if one.id == officer.id else one for one in janjgir.officers)
    on_leave = replace(janjgir, officers=officers)
    assert placement(followed(had), on_leave, NOW, SENTENCE)["officer"] == officer.id
    assert placement(followed(had), on_leave, late, SENTENCE)["officer"] != officer.id


def test_where_nobody_may_have_it_nobody_is_named(janjgir: District) -> None:
    about = case("closed", named_official=janjgir.collector)
    nobody = tuple(replace(one, retired=one.id != janjgir.collector) for one in janjgir.officers)
    placed = placement(followed(about), replace(janjgir, officers=nobody), NOW, SENTENCE)
    assert placed["officer"] is None
    assert "reason" not in placed
