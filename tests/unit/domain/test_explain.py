"""Why a limit is where it is: stretches that add up to the second, whatever happened to the case."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.contracts import events as e
from services.kernel.domain.directory import LANGUAGES, District, Language
from services.kernel.domain.errors import Invalid
from services.kernel.domain.explain import Account, Pause, Stretch, as_of, explain
from services.kernel.domain.explain_words import Sentences, no_clock, no_clock_yet
from services.kernel.domain.timer import held_clock
from services.sla.testing import Living, ist

FRIDAY = "2026-02-27 16:40"
MINUTE = timedelta(minutes=1)
NOTHING = timedelta(0)


def resolve(case: Living, at: str | datetime) -> Account:
    when = ist(at) if isinstance(at, str) else at
    return explain(case.timer, case.running, when).accounts[-1]


def said(case: Living, at: str, language: Language = "en") -> str:
    assert case.running.plan is not None
    found = explain(case.timer, case.running, ist(at))
    calendar = case.rules.calendars.working(case.running.plan.calendar)
    return Sentences(language, calendar).of(found, found.accounts[-1])


def pump(district: District) -> Living:
    return Living(district, FRIDAY, "hand-pump", block="akaltara")


def asked(district: District) -> Living:
    """A question was delivered on Monday at 11:00 and answered on Thursday at noon."""
    case = pump(district)
    case.did(e.CaseAcknowledged, "2026-02-27 17:30")
    case.did(e.QuestionAsked, "2026-03-02 10:30", question=1)
    case.reached("2026-03-02 11:00")
    case.did(e.QuestionAnswered, "2026-03-05 12:00", question=1)
    return case


def test_the_stretches_of_a_paused_life_in_words(janjgir: District) -> None:
    account = resolve(asked(janjgir), "2026-03-06 11:00")
    hours = [(one.kind, one.length / timedelta(hours=1)) for one in account.stretches]
    assert hours == [
        ("worked", 4 / 3),  # Friday until 18:00
        ("off_hours", 64),
        ("worked", 1),
        ("paused", 73),  # over a night and Holi, which count for nothing anyhow
        ("worked", 6),
        ("off_hours", 16),
        ("worked", 1),
    ]
    pause = account.stretches[3].pause
    assert pause is not None
    assert (pause.why, pause.by, pause.question, pause.how) == (
        "question", "somebody", 1, "whatsapp",
    )  # fmt: skip
    assert account.burnt == timedelta(hours=9, minutes=20)
    assert account.burnt + account.left == account.allowed == timedelta(hours=40)


def test_a_holiday_is_named(janjgir: District) -> None:
    account = resolve(pump(janjgir), "2026-03-05 11:00")
    holiday = next(one for one in account.stretches if one.kind == "holiday")
    assert (holiday.start, holiday.end) == (ist("2026-03-04 00:00"), ist("2026-03-05 00:00"))
    assert holiday.name is not None
    assert holiday.name.en == "Holi"


def test_what_was_stamped_later_is_left_out(janjgir: District) -> None:
    case = asked(janjgir)
    case.did(e.CaseResolved, "2026-03-06 12:00")
    case.did(e.CaseReopened, "2026-03-10 12:00", cycle=2)
    now = resolve(case, "2026-03-10 13:00")
    assert [one.pause.why for one in now.stretches if one.pause] == ["question", "resolved"]
    resolved = resolve(case, "2026-03-06 12:30")
    assert (resolved.state, resolved.met_at) == ("met", ist("2026-03-06 12:00"))
    paused = explain(case.timer, case.running, ist("2026-03-03 12:00"))
    assert paused.accounts[-1].state == "paused"
    assert paused.paused_until == ist("2026-03-09 11:00")
    assert paused.accounts[-1].due_at == ist("2026-03-13 16:40")
    before = resolve(case, "2026-03-02 10:45")
    assert before.state == "running"
    assert before.due_at == ist("2026-03-09 16:40")
    assert as_of(case.timer, case.running, ist("2026-03-10 13:00")) == case.timer


@pytest.mark.parametrize(
    ("language", "sentence"),
    [
        (
            "en",
            "To resolve: due Wednesday 11 March, 17:40: 40 working hours from Friday 27 February, "
            "16:40; 4 weekly days off and the holiday Holi (4 March) did not count; 3 days 1 hour in "
            "which the citizen's answer was awaited (question 1, delivered by WhatsApp) did not count",
        ),
        (
            "hi",
            "निराकरण: बुधवार, 11 मार्च, 17:40 तक; शुक्रवार, 27 फ़रवरी, 16:40 से 40 कार्य घंटे; "
            "4 साप्ताहिक अवकाश और छुट्टी होली (4 मार्च) की गिनती नहीं हुई; "
            "आवेदक के उत्तर की प्रतीक्षा का समय, 3 दिन 1 घंटा (प्रश्न 1, WhatsApp से पहुँचा), नहीं गिना गया",
        ),
    ],
)
def test_a_sentence_that_a_person_can_read(
    janjgir: District, language: Language, sentence: str
) -> None:
    assert said(asked(janjgir), "2026-03-05 12:01", language) == sentence


def test_near_days_are_named_by_their_weekday(janjgir: District) -> None:
    case = Living(janjgir, FRIDAY, "hand-pump", block="akaltara")
    found = explain(case.timer, case.running, ist("2026-02-27 17:00"))
    sentences = Sentences("en", case.rules.calendars.working("office"))
    assert sentences.of(found, found.accounts[0]) == (
        "To acknowledge: due Monday 16:40: 8 working hours from Friday 16:40; "
        "Saturday and Sunday did not count"
    )


def test_every_state_has_its_sentence(janjgir: District) -> None:
    case = asked(janjgir)
    assert "overdue by 2 working hours" in said(case, "2026-03-12 11:40")
    case.at("2026-03-12 11:40")
    case.did(e.CaseResolved, "2026-03-12 12:40")
    assert "late by 3 working hours" in said(case, "2026-03-12 12:41")
    in_time = asked(janjgir)
    in_time.did(e.CaseResolved, "2026-03-06 12:00")
    assert "in time" in said(in_time, "2026-03-06 12:01")
    ended = asked(janjgir)
    ended.did(e.CaseWithdrawn, "2026-03-06 12:00")
    assert "the case ended" in said(ended, "2026-03-07 12:01")
    waiting = pump(janjgir)
    waiting.did(e.QuestionAsked, "2026-03-02 10:30", question=1)
    waiting.reached("2026-03-02 11:00")
    assert "stands still until the citizen answers (question 1, delivered by WhatsApp)" in said(
        waiting, "2026-03-02 12:00"
    )


def test_overdue_while_the_office_is_closed_it_is_late_by_no_working_time(
    janjgir: District,
) -> None:
    case = Living(janjgir, "2026-02-28 16:40", "hand-pump", block="akaltara")  # a Saturday
    sentences = Sentences("en", case.rules.calendars.working("office"))
    evening = explain(case.timer, case.running, ist("2026-03-02 19:00"))
    assert (evening.accounts[0].state, evening.accounts[0].left) == ("breached", NOTHING)
    assert "was due Monday 18:00 and is overdue: 8" in sentences.of(evening, evening.accounts[0])
    case.did(e.CaseAcknowledged, "2026-03-02 19:05")
    then = explain(case.timer, case.running, ist("2026-03-02 19:05"))
    assert "done Monday 19:05, after its time" in sentences.of(then, then.accounts[0])


def test_of_two_questions_at_a_time_the_first_is_named_for_what_both_cover(
    janjgir: District,
) -> None:
    case = pump(janjgir)
    case.did(e.QuestionAsked, "2026-03-02 10:30", question=1)
    case.did(e.QuestionAsked, "2026-03-02 11:30", question=2)
    case.reached("2026-03-02 11:00", n=1)
    case.reached("2026-03-02 12:00", n=2)
    account = resolve(case, "2026-03-09 11:30")
    told = [
        (one.start, one.end, one.pause.question) for one in account.stretches if one.pause
    ]
    assert told == [
        (ist("2026-03-02 11:00"), ist("2026-03-09 11:00"), 1),
        (ist("2026-03-09 11:00"), ist("2026-03-09 11:30"), 2),
    ]
    assert account.waits == Pause("question", "somebody", 2, "whatsapp")
    both = said(case, "2026-03-10 10:00")
    assert "the citizen's answers were awaited (question 1, delivered by WhatsApp; question 2," in both


def test_resolved_reopened_and_resolved_at_once_it_rested_in_one_stretch(
    janjgir: District,
) -> None:
    case = pump(janjgir)
    case.did(e.CaseResolved, "2026-03-02 12:00")
    case.did(e.CaseReopened, "2026-03-03 12:00", cycle=2)
    case.did(e.CaseResolved, "2026-03-03 12:00")
    stretches = resolve(case, "2026-03-03 13:00").stretches
    assert stretches[-1] == Stretch(
        ist("2026-03-02 12:00"), ist("2026-03-03 13:00"), "paused", pause=Pause("resolved", "somebody")
    )


def test_a_merged_case_counts_on(janjgir: District) -> None:
    case = pump(janjgir)
    case.did(e.CaseMerged, "2026-03-02 12:00", parent="2600000009")
    assert resolve(case, "2026-03-11 18:00").state == "breached"
    assert not any(one.pause for one in resolve(case, "2026-03-11 18:00").stretches)


def test_a_resolved_case_rests_also_while_a_call_is_waited_for(janjgir: District) -> None:
    case = pump(janjgir)
    case.did(e.CaseResolved, "2026-03-02 12:00")
    case.did(e.FeedbackPlanned, "2026-03-03 12:00")
    found = explain(case.timer, case.running, ist("2026-03-03 13:00"))
    assert (found.resting, found.lapses_at) == (True, None)


def test_the_office_that_has_the_case_now_is_told_its_own_limit(janjgir: District) -> None:
    """The first office acknowledged too late; that stays on record."""
    case = pump(janjgir)
    case.did(e.CaseAcknowledged, "2026-03-03 10:30")
    case.did(e.CaseTransferred, "2026-03-03 12:00", department="revenue")
    account = explain(case.timer, case.running, ist("2026-03-03 13:00")).accounts[0]
    assert (account.target, account.state) == ("acknowledge", "running")
    assert account.breached_at == ist("2026-03-02 16:40")
    assert (account.started_at, account.due_at) == (ist("2026-03-03 12:00"), ist("2026-03-05 12:00"))
    assert account.burnt == timedelta(hours=1)
    late = explain(case.timer, case.running, ist("2026-03-05 13:00")).accounts[0]
    assert (late.state, late.left) == ("breached", timedelta(hours=-1))
    case.did(e.CaseAcknowledged, "2026-03-05 11:00")
    assert explain(case.timer, case.running, ist("2026-03-05 13:00")).accounts[0].state == "met"
    before = explain(case.timer, case.running, ist("2026-03-03 11:00")).accounts
    assert [one.target for one in before] == ["first_response", "resolve"], "not kept, so not told"


def test_an_instant_that_nobody_can_speak_of(janjgir: District) -> None:
    with pytest.raises(Invalid) as refused:
        resolve(pump(janjgir), "2046-06-01 10:00")
    assert refused.value.field == "at"
    assert resolve(pump(janjgir), "2026-02-01 10:00").stretches == ()


@pytest.mark.parametrize(
    ("by", "en", "hi"),
    [
        ("phe-1", "paused: resolved (Ram Kumar)", "रुका: निराकृत (Ram Kumar)"),
        ("phe-2", "paused: resolved (phe-2)", "रुका: निराकृत (phe-2)"),
        ("citizen", "paused: resolved (citizen)", "रुका: निराकृत (नागरिक)"),
        (None, "paused: resolved", "रुका: निराकृत"),
    ],
)
def test_who_stopped_the_clock_is_named(
    janjgir: District, by: str | None, en: str, hi: str
) -> None:
    calendar = pump(janjgir).rules.calendars.working("office")
    stretch = Stretch(ist(FRIDAY), ist(FRIDAY) + MINUTE, "paused", pause=Pause("resolved", by))
    for language, words in (("en", en), ("hi", hi)):
        names = {"phe-1": "Ram Kumar"}
        assert Sentences(language, calendar, names).stretch(stretch) == words  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("length", "said_"),
    [
        (timedelta(0), "no time"),
        (timedelta(seconds=1), "1 second"),
        (timedelta(hours=1, minutes=1), "1 hour 1 minute"),
        (timedelta(hours=47, minutes=2), "47 hours 2 minutes"),
        (timedelta(days=2), "2 days"),
        (timedelta(days=2, hours=1, seconds=3), "2 days 1 hour 3 seconds"),
    ],
)
def test_lengths_of_time_in_words(janjgir: District, length: timedelta, said_: str) -> None:
    sentences = Sentences("en", pump(janjgir).rules.calendars.working("office"))
    assert sentences.length(length) == said_


def test_sentences_leave_seconds_out_and_name_another_year(janjgir: District) -> None:
    case = Living(janjgir, ist("2026-12-28 11:00") + timedelta(seconds=42), "hand-pump")
    calendar = case.rules.calendars.working("office")
    found = explain(case.timer, case.running, ist("2027-01-20 11:00"))
    sentence = Sentences("en", calendar).of(found, found.accounts[0])
    assert sentence == (
        "To acknowledge: was due Tuesday 29 December 2026, 11:00, overdue by 127 working hours "
        "59 minutes: 8 working hours from Monday 28 December 2026, 11:00"
    )
    sentences = Sentences("en", calendar)
    assert sentences.instant(case.timer.filed_at, found.at) == "Monday 28 December 2026, 11:00:42"
    assert sentences.instant(found.at, found.at) == "Wednesday 20 January, 11:00"


def test_what_is_said_where_there_is_no_clock() -> None:
    assert no_clock("en") == "no time limit is set for this case"
    assert no_clock_yet("hi") != no_clock("hi")


def test_a_limit_in_calendar_days_counts_closed_hours_too(janjgir: District) -> None:
    case = Living(janjgir, FRIDAY, "hand-pump", kind="suggestion")
    account = explain(case.timer, case.running, ist("2026-03-05 16:40")).accounts[-1]
    if account.allowance.calendar_days is None:
        pytest.fail("the sample's suggestions are limited in days")
    assert [(one.kind, one.length) for one in account.stretches] == [("worked", timedelta(days=6))]


LIFE = st.lists(
    st.tuples(
        st.sampled_from(("ask", "reach", "answer", "resolve", "reopen", "transfer", "look")),
        st.integers(1, 20_000),
    ),
    max_size=12,
)


@settings(max_examples=80, deadline=None)
@given(life=LIFE, later=st.integers(0, 40_000), kind=st.sampled_from(("complaint", "suggestion")))
def test_whatever_happened_it_adds_up(
    janjgir: District, life: list[tuple[str, int]], later: int, kind: str
) -> None:
    case = Living(janjgir, FRIDAY, "hand-pump", block="akaltara", kind=kind)
    now, state, question, cycle = ist(FRIDAY), "assigned", 0, 1
    for what, minutes in life:
        now += minutes * MINUTE
        if what == "ask" and state != "resolved":
            question, state = question + 1, "awaiting_citizen"
            case.did(e.QuestionAsked, now, question=question)
        elif what == "reach" and question:
            case.reached(now)
        elif what == "answer" and state == "awaiting_citizen":
            case.did(e.QuestionAnswered, now, question=question)
            state = "in_progress"
        elif what == "resolve" and state != "resolved":
            case.did(e.CaseResolved, now)
            state = "resolved"
        elif what == "reopen" and state == "resolved":
            cycle, state = cycle + 1, "assigned"
            case.did(e.CaseReopened, now, cycle=cycle)
        elif what == "transfer" and state != "resolved":
            case.did(e.CaseTransferred, now, department="pwd")
            state = "assigned"
        elif what == "look":
            case.at(now)
    for at in (now + later * MINUTE, ist(FRIDAY) + later * MINUTE):
        _adds_up(case, at)
    for account in explain(case.timer, case.running, now).accounts:
        if account.breached_at is None and account.met_at is None:
            _adds_up(case, account.due_at)
            then = next(
                one
                for one in explain(case.timer, case.running, account.due_at).accounts
                if one.target == account.target
            )
            assert then.burnt == then.allowed, "used up at the very instant at which it is due"


def _adds_up(case: Living, at: datetime) -> None:
    then = as_of(case.timer, case.running, at)
    for account in explain(case.timer, case.running, at).accounts:
        assert sum((one.length for one in account.stretches), NOTHING) == account.until - account.started_at
        assert [one.start for one in account.stretches[1:]] == [
            one.end for one in account.stretches[:-1]
        ]
        assert all(one.length > NOTHING for one in account.stretches)
        clock = held_clock(then, case.running, account.target)
        assert clock is not None
        end = account.until
        if account.target == "resolve" and then.resting is not None:
            end = min(end, then.resting.since)
        counted = clock.counted(account.started_at, max(end, account.started_at), account.allowance)
        assert account.burnt == counted
        if account.state in ("running", "paused"):
            assert account.left >= NOTHING


def test_both_languages_have_all_words_with_the_same_places() -> None:
    source = resources.files("services.kernel.domain").joinpath("data/explain.json")
    for key, texts in _texts(json.loads(source.read_text(encoding="utf-8"))):
        assert set(texts) == set(LANGUAGES), key
        places = [
            [sorted(set(re.findall(r"\{(\w+)\}", form))) for form in _forms(texts[language])]
            for language in LANGUAGES
        ]
        assert places[0] == places[1], key


def _texts(words: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    for key, value in words.items():
        if not isinstance(value, dict):
            continue
        if set(value) & set(LANGUAGES):
            yield path + key, value
        else:
            yield from _texts(value, f"{path}{key}.")


def _forms(said: str | list[str]) -> list[str]:
    return [said] if isinstance(said, str) else said
