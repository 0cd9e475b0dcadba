"""When a message goes out, what is stored of it, and what overtakes it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.contracts import events as e
from services.kernel.contracts.examples import examples
from services.kernel.domain.directory import District
from services.kernel.domain.whatsapp_limits import utf16_units
from services.notify.core.people import Facts
from services.notify.core.planning import holds
from services.notify.core.quiet import window_end
from services.notify.core.values import DISCREET, LATE
from services.notify.core.wording import fill, segments, variables_of
from tests.unit.notify.planning import (
    AT,
    BOOK,
    COLLECTOR,
    FACTS,
    HEAD,
    JOINED,
    OFFICER,
    PHONE,
    PLANNER,
    SDM,
    SEALED,
    SECRET,
    TICKET,
    TOLD,
    event,
    planned,
)


class TestWhen:
    """Citizens have quiet hours from 21:00 to 08:00, officers from 20:00; windows of half an hour."""

    ZONE = ZoneInfo("Asia/Kolkata")

    def at(self, clock: str, day: int = 5) -> datetime:
        return datetime.fromisoformat(f"2026-01-{day:02d}T{clock}").replace(tzinfo=self.ZONE)

    @pytest.mark.parametrize(
        ("now", "until"),
        [
            ("20:59:59.999", None),
            ("21:00", (8, 6)),
            ("23:59:59", (8, 6)),
            ("00:00", (8, 5)),
            ("07:59:59.999", (8, 5)),
            ("08:00", None),
            ("12:00", None),
        ],
    )
    def test_nobody_is_disturbed_in_quiet_hours(
        self, now: str, until: tuple[int, int] | None, janjgir: District
    ) -> None:
        message = planned(event(e.CaseAssigned), FACTS, janjgir, now=self.at(now))["citizen"]
        expected = None if until is None else self.at(f"{until[0]:02d}:00", until[1])
        assert message.not_before == expected

    def test_each_audience_has_its_own(self, janjgir: District) -> None:
        found = planned(event(e.CaseAssigned), FACTS, janjgir, now=self.at("20:30"))
        assert found["citizen"].not_before is None
        assert found["officer"].not_before == self.at("08:00", 6)

    @pytest.mark.parametrize(
        "facts", [{"priority": "urgent"}, {"priority": "emergency"}, {"danger": True}]
    )
    def test_what_is_urgent_waits_for_nothing(
        self, facts: dict[str, Any], janjgir: District
    ) -> None:
        found = planned(
            event(e.SlaBreached), replace(FACTS, **facts), janjgir, now=self.at("03:00")
        )
        message = found["holder"]
        assert (message.urgent, message.gathered, message.not_before) == (True, False, None)

    @pytest.mark.parametrize(
        "model", [e.CaseFiled, e.CaseConfirmed, e.CaseReopened, e.CaseWithdrawn]
    )
    @pytest.mark.parametrize("role", ["citizen", "operator"])
    def test_nor_does_an_answer_to_what_he_has_just_done(
        self, model: type[e.CaseEvent], role: str, janjgir: District
    ) -> None:
        what = event(model, by={"role": role}) if issubclass(model, e.Act) else event(model)
        found = planned(what, FACTS, janjgir, now=self.at("03:00"))
        assert (found["citizen"].at_once, found["citizen"].not_before) == (True, None)
        others = [m for audience, m in found.items() if audience != "citizen"]
        assert all(m.not_before == self.at("08:00") for m in others)

    @pytest.mark.parametrize("role", ["head", "sdm", "collector"])
    def test_what_staff_did_can_wait_until_the_morning(self, role: str, janjgir: District) -> None:
        what = event(e.CaseReopened, by={"role": role, "id": HEAD})
        message = planned(what, FACTS, janjgir, now=self.at("03:00"))["citizen"]
        assert (message.at_once, message.not_before) == (False, self.at("08:00"))

    @pytest.mark.parametrize(("minutes", "gathered"), [(14, False), (15, True), (600, True)])
    def test_what_comes_hours_late_is_gathered_however_urgent(
        self, janjgir: District, minutes: int, *, gathered: bool
    ) -> None:
        now = AT + timedelta(minutes=minutes)
        facts = replace(FACTS, priority="emergency")
        message = planned(event(e.SlaBreached), facts, janjgir, now=now)["holder"]
        assert message.gathered is gathered
        # a window may end in the night: an urgent one is told then
        ends = window_end(now, BOOK.summary.every) if gathered else None
        assert (message.urgent, message.not_before) == (True, ends)

    @pytest.mark.parametrize(
        ("now", "until"),
        [
            ("10:00", "10:30"),
            ("10:29:59.999", "10:30"),
            ("10:30", "11:00"),
            ("19:29:59", "19:30"),
            ("19:30", "08:00+1"),
            ("19:59", "08:00+1"),
            ("22:10", "08:00+1"),
            ("07:29", "08:00"),
            ("07:31", "08:00"),
            ("07:59:59", "08:00"),
            ("08:00", "08:30"),
        ],
    )
    def test_what_is_gathered_goes_at_the_end_of_its_window_and_out_of_quiet_hours(
        self, now: str, until: str, janjgir: District
    ) -> None:
        message = planned(event(e.SlaWarned), FACTS, janjgir, now=self.at(now))["holder"]
        clock, _, later = until.partition("+")
        assert message.gathered
        assert message.not_before == self.at(clock, 6 if later else 5)

    def test_the_wall_clock_is_the_districts(self, janjgir: District) -> None:
        berlin = replace(janjgir, zone="Europe/Berlin")
        zone = ZoneInfo("Europe/Berlin")
        for night, morning in (
            # the clock is put forward, and back, in the night
            (datetime(2026, 3, 28, 22, tzinfo=zone), datetime(2026, 3, 29, 6, tzinfo=UTC)),
            (datetime(2026, 10, 24, 22, tzinfo=zone), datetime(2026, 10, 25, 7, tzinfo=UTC)),
            (datetime(2026, 1, 5, 22, tzinfo=zone), datetime(2026, 1, 6, 7, tzinfo=UTC)),
        ):
            message = planned(event(e.CaseAssigned), FACTS, berlin, now=night)["citizen"]
            assert message.not_before == morning
            assert message.not_before.astimezone(zone).hour == 8


class TestWhatIsStored:
    def test_nothing_personal(self, janjgir: District) -> None:
        numbers = [o.phone for o in janjgir.officers] + [o.email for o in janjgir.officers]
        for _, example in sorted(examples().items()):
            if not isinstance(example.event, e.CaseEvent):
                continue
            facts = replace(FACTS, danger=True, holder=HEAD)
            for message in PLANNER.plan(
                "x/case/1", example.event, facts, janjgir, AT, {JOINED: FACTS}
            ):
                shown = repr(message)
                assert PHONE[3:] not in shown
                assert not any(number in shown for number in numbers if number)
                for officer in janjgir.officers:
                    assert officer.name.hi not in shown
                assert not LATE & set(message.values)

    @pytest.mark.parametrize(
        ("model", "facts", "kept"),
        [
            (e.QuestionAsked, {}, True),
            (e.CaseReplied, {}, True),
            (e.QuestionAsked, SECRET, False),
            (e.CaseAssigned, {}, False),
            (e.CaseFiled, {}, False),
        ],
    )
    def test_the_words_stay_in_their_envelope_and_only_where_the_text_has_room(
        self, model: type[e.CaseEvent], facts: dict[str, Any], janjgir: District, *, kept: bool
    ) -> None:
        found = planned(event(model, sealed=SEALED), replace(FACTS, **facts), janjgir)["citizen"]
        assert (found.sealed is not None) == kept
        if found.sealed is not None:
            assert found.sealed.data == SEALED["data"]

    def test_the_events_service_counts_before_the_filings(self, janjgir: District) -> None:
        what = event(e.CaseAssigned, service="transformer")
        assert planned(what, FACTS, janjgir)["officer"].values["service"] != "हैंडपंप खराब"
        assert planned(event(e.CaseAssigned), FACTS, janjgir)["officer"].values["service"] == (
            "हैंडपंप खराब"
        )

    def test_everyone_in_his_own_language(self, janjgir: District) -> None:
        what = event(e.SlaEscalated, to="sdm", officer=SDM)
        assert planned(what, FACTS, janjgir)["sdm"].values["service"] == "Hand pump broken"
        facts = replace(FACTS, language="en")
        found = planned(event(e.CaseAssigned), facts, janjgir)
        assert found["citizen"].values["department"] == "Public Health Engineering"
        assert (found["citizen"].language, found["officer"].language) == ("en", "hi")

    def test_another_district_speaks_for_itself(self, sakti: District) -> None:
        found = planned(event(e.CaseFiled, district="sakti"), replace(FACTS, language="en"), sakti)
        values = found["citizen"].values
        assert (values["district"], values["ticket"]) == ("Sakti", f"SK-{TICKET}")
        assert values["call_centre"] == sakti.call_centre.phone

    def test_what_is_announced(self, janjgir: District) -> None:
        announced = {
            model.TYPE
            for model, facts, _ in TOLD
            if not facts and model is not e.FeedbackEnded
            for message in planned(event(model), FACTS, janjgir).values()
            if message.announced
        }
        assert announced == {e.QuestionAsked.TYPE, e.CaseResolved.TYPE}


@pytest.mark.parametrize(
    ("later", "earlier", "audience"),
    [
        (e.CaseResolved, e.CaseAssigned, "citizen"),
        (e.CaseResolved, e.SlaBreached, "holder"),
        (e.CaseTransferred, e.CaseAssigned, "officer"),
        (e.QuestionAnswered, e.QuestionAsked, "citizen"),
        (e.QuestionMarked, e.QuestionAsked, "citizen"),
        (e.CaseReopened, e.CaseResolved, "citizen"),
        (e.CaseConfirmed, e.CaseResolved, "citizen"),
        (e.CaseUnmerged, e.CaseMerged, "citizen"),
        (e.FeedbackEnded, e.FeedbackPlanned, "citizen"),
        (e.RejectionRefused, e.RejectionProposed, "head"),
        (e.CaseTakenOver, e.SlaEscalated, "sdm"),
        (e.CaseTransferred, e.SlaEscalated, "head"),
    ],
)
def test_what_overtakes_what(
    later: type[e.CaseEvent], earlier: type[e.CaseEvent], audience: str
) -> None:
    what = event(later, outcome="reached") if later is e.FeedbackEnded else event(later)
    assert (earlier.TYPE, audience) in set(BOOK.stale_after(what.TYPE))
    assert later.TYPE in BOOK.events


def test_an_answer_is_never_overtaken_by_its_own_kind() -> None:
    overtaken = set(BOOK.stale_after(e.CaseReplied.TYPE))
    assert overtaken == set()
    assert (e.CaseFiled.TYPE, "citizen") not in set(BOOK.stale_after(e.CaseClosed.TYPE))


@pytest.mark.parametrize(
    ("when", "facts", "why", "answer"),
    [
        (None, {}, "unmet", True),
        ("confidential", {}, "unmet", False),
        ("confidential", {"confidential": True}, "unmet", True),
        ("danger", {}, "unmet", False),
        ("danger", {"danger": True}, "unmet", True),
        ("urgent", {"danger": True}, "unmet", False),
        ("urgent", {"priority": "urgent"}, "unmet", True),
        ("urgent", {"priority": "emergency"}, "unmet", True),
        ("reopened", {}, "unmet", False),
        ("reopened", {}, "repeated", False),
        ("reopened", {}, "reopened", True),
    ],
)
def test_conditions(when: Any, facts: dict[str, Any], why: str, *, answer: bool) -> None:
    assert holds(when, event(e.SlaEscalated, why=why), replace(FACTS, **facts)) is answer
    assert not holds("reopened", event(e.CaseReopened), FACTS)


facts_strategy = st.builds(
    Facts,
    channel=st.sampled_from(["web", "whatsapp", "phone", ""]),
    language=st.sampled_from(["hi", "en"]),
    priority=st.sampled_from(["normal", "urgent", "emergency"]),
    danger=st.booleans(),
    confidential=st.booleans(),
    named_official=st.sampled_from([None, OFFICER, HEAD, COLLECTOR]),
    service=st.sampled_from([None, "hand-pump", "transformer", "gone"]),
    department=st.sampled_from([None, "phe", "gone"]),
    block=st.sampled_from([None, "nawagarh", "gone"]),
    holder=st.sampled_from([None, OFFICER, HEAD, SDM, "gone"]),
    phone=st.sampled_from([None, PHONE]),
    user_id=st.sampled_from([None, "IN.123"]),
)


@given(
    facts=facts_strategy,
    theirs=facts_strategy,
    kind=st.sampled_from(sorted(examples())),
    minutes=st.integers(0, 2 * 24 * 60),
)
def test_every_plan_can_be_sent_and_a_confidential_one_names_nothing(
    facts: Facts, theirs: Facts, kind: str, minutes: int, janjgir: District
) -> None:
    what = examples()[kind].event
    if not isinstance(what, e.CaseEvent):
        return
    now = AT + timedelta(minutes=minutes)
    args = (f"{what.ticket}/case/1", what, facts, janjgir, now, {JOINED: theirs})
    found = PLANNER.plan(*args)
    assert found == PLANNER.plan(*args)
    assert len({message.recipient for message in found}) == len(found)
    late = {"words": "w" * 600, "link": "https://samvad.example.org/s/2600104237/" + "k" * 32}
    for message in found:
        assert message.not_before is None or message.not_before > now
        assert not message.gathered or message.not_before is not None
        assert set(message.values) == set(BOOK.templates[message.template].variables) - LATE
        for channel in message.channels:
            wording = BOOK.templates[message.template].wordings[channel, message.language]
            text = fill(wording.text, {**late, **message.values})
            assert not variables_of(text)
            assert segments(text) <= 3 if channel == "sms" else utf16_units(text) <= 1024
            if facts.confidential and message.audience != "co_complainants":
                service = janjgir.service_by_id.get(facts.service or "")
                assert service is None or service.name.say(message.language) not in text
                assert late["words"] not in text
        if facts.confidential and message.person is not None:
            assert set(message.values) <= DISCREET
