"""The data files: what is wrong in them is found when they are loaded, with file and line."""

from __future__ import annotations

from datetime import time, timedelta
from pathlib import Path

import pytest
import yaml

from services.kernel.domain.lifecycle_table import REJECTION_REASONS
from services.notify.adapters.book_file import DATA, BookFaults, load_book, read_book
from services.notify.core.book import CITIZENS, Book, Button, Quiet, Route, Summary, Waits
from services.notify.core.values import (
    DISCREET,
    LINK,
    MISSING_WORDS,
    STAMP,
    offered,
    word_of_reason,
)

RULES = """\
audiences:
  citizen: {channels: [sms, whatsapp], filed_by: {whatsapp: [whatsapp]}, quiet: {from: "21:00", to: "08:00"}}
  co_complainants: {channels: [sms]}
  officer: {channels: [whatsapp]}
  holder: {channels: [whatsapp]}
  head: {channels: [whatsapp]}
  sdm: {channels: [whatsapp]}
  collector: {channels: [whatsapp]}
  operator: {channels: [email]}
waits:
  whatsapp: {receipt_minutes: 240, urgent_receipt_minutes: 10}
  sms: {receipt_minutes: 360, urgent_receipt_minutes: 15, assumed_minutes: 20}
  email: {receipt_minutes: 1440, urgent_receipt_minutes: 60, assumed_minutes: 90}
summary: {template: summary, every_minutes: 30}
free: [code]
groups:
  over: [samvad.case.resolved.v1, samvad.case.closed.v1]
rules:
  - {event: samvad.case.filed.v1, to: citizen, template: filed, at_once: true}
  - event: samvad.question.asked.v1
    to: citizen
    template: filed
    announced: true
    stale: [over, samvad.question.answered.v1]
  - {event: samvad.case.filed.v1, to: operator, when: danger, template: alarm}
  - {event: samvad.sla.warned.v1, to: holder, template: filed, gathered: true}
"""
TEMPLATES = """\
longest: {ticket: 17, count: 4, code: 8}
templates:
  filed:
    variables: [ticket]
    whatsapp:
      name: filed_v1
      hi: आवेदन {ticket} दर्ज है।
      en: Case {ticket} is registered.
    sms:
      hi: {id: "1000000000000000001", text: "आवेदन {ticket} दर्ज है।"}
      en: {id: "1000000000000000002", text: "Case {ticket} is registered."}
    buttons:
      - {id: good, hi: अच्छा, en: Good}
  alarm:
    variables: [ticket]
    email:
      hi: {subject: "आपात {ticket}", text: अभी देखें।}
      en: {subject: "Alarm {ticket}", text: See it now.}
  summary:
    variables: [count]
    whatsapp:
      name: summary_v1
      hi: कुल {count} आवेदन।
      en: There are {count} cases.
    email:
      hi: {subject: कुल आवेदन}
      en: {subject: Cases}
  code:
    variables: [code]
    sms:
      hi: {id: "1000000000000000003", text: "कोड {code}"}
      en: {id: "1000000000000000004", text: "Code {code}"}
words:
""" + "".join(
    f"  {name}: {{hi: अ, en: a}}\n"
    for name in (*MISSING_WORDS, *(word_of_reason(reason) for reason in REJECTION_REASONS))
)
TABLE = yaml.safe_load((Path(__file__).parent / "book_faults.yaml").read_text(encoding="utf-8"))


def faults(rules: str = RULES, templates: str = TEMPLATES) -> list[str]:
    with pytest.raises(BookFaults) as caught:
        read_book(rules, templates)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return caught.value.faults


def changed(text: str, old: str, new: str) -> str:
    assert old in text
    return text.replace(old, new, 1)


def line_of(text: str, part: str) -> int:
    """The number of the first line that has `part`."""
    return next(n for n, line in enumerate(text.splitlines(), start=1) if part in line)


def named(case: dict[str, str]) -> str:
    return f"{case['new'].strip() or 'without ' + case['old'].strip()}"[:40]


def told(case: dict[str, str], file: str, text: str) -> tuple[str, ...]:
    """How a fault's line may begin: of two that are the same, either's place may be told."""
    lines = [n for n, line in enumerate(text.splitlines(), start=1) if case["at"] in line]
    assert lines
    return tuple(f"{file}:{n}: {case['fault']}" for n in lines)


FILED, ASKED, WARNED = (line_of(RULES, part) for part in ("filed.v1", "asked.v1", "warned.v1"))


def test_the_small_book_is_as_it_says() -> None:
    book = read_book(RULES, TEMPLATES)
    over = frozenset({"samvad.case.resolved.v1", "samvad.case.closed.v1"})
    assert book.events == over | {
        "samvad.case.filed.v1",
        "samvad.question.asked.v1",
        "samvad.question.answered.v1",
        "samvad.sla.warned.v1",
    }
    filed, asked, alarm, warned = book.rules
    assert (filed.at_once, filed.announced, filed.gathered, filed.stale) == (
        True,
        False,
        False,
        frozenset(),
    )
    assert (asked.announced, asked.stale) == (True, over | {"samvad.question.answered.v1"})
    assert (alarm.when, alarm.audience, warned.gathered) == ("danger", "operator", True)
    assert book.stale_after("samvad.case.closed.v1") == {("samvad.question.asked.v1", "citizen")}
    assert book.routes["citizen"] == Route(
        ("sms", "whatsapp"), {"whatsapp": ("whatsapp",)}, Quiet(time(21), time(8))
    )
    assert book.routes["operator"] == Route(("email",))
    assert book.waits["sms"] == Waits(
        timedelta(hours=6), timedelta(minutes=15), timedelta(minutes=20)
    )
    assert book.waits["email"].assumed == timedelta(minutes=90)
    # where nothing else is said, as long as a receipt is waited for
    assert book.waits["whatsapp"] == Waits(
        timedelta(hours=4), timedelta(minutes=10), timedelta(hours=4)
    )
    assert book.summary == Summary("summary", timedelta(minutes=30))
    assert book.free == {"code"}
    assert book.templates["filed"].buttons == (Button("good", {"hi": "अच्छा", "en": "Good"}),)
    # an e-mail that has no text of its own says what WhatsApp does
    email = book.templates["summary"].wordings["email", "hi"]
    assert (email.subject, email.text, email.registered) == ("कुल आवेदन", "कुल {count} आवेदन।", "")


@pytest.mark.parametrize("case", TABLE["templates"], ids=named)
def test_faults_of_templates(case: dict[str, str]) -> None:
    templates = changed(TEMPLATES, case["old"], case["new"])
    found = faults(templates=templates)
    assert any(line.startswith(told(case, "templates.yaml", templates)) for line in found), found


@pytest.mark.parametrize("case", TABLE["rules"], ids=named)
def test_faults_of_rules(case: dict[str, str]) -> None:
    rules = changed(RULES, case["old"], case["new"])
    found = faults(rules=rules)
    assert any(line.startswith(told(case, "rules.yaml", rules)) for line in found), found


def test_a_template_that_nothing_uses() -> None:
    found = faults(rules=changed(RULES, "free: [code]\n", ""))
    place = f"templates.yaml:{line_of(TEMPLATES, '  code:')}"
    assert found == [
        f"{place}: template `code` is used by no rule; one without a case stands under `free`"
    ]


def test_a_template_of_a_rule_may_be_asked_for_without_a_case_too() -> None:
    rules = changed(RULES, "free: [code]", "free: [code, alarm]")
    assert read_book(rules, TEMPLATES).free == {"code", "alarm"}
    words = changed(telling("words"), "    buttons:\n      - {id: good, hi: अच्छा, en: Good}\n", "")
    rules = changed(RULES, "free: [code]", "free: [code, filed]")
    place = f"rules.yaml:{line_of(rules, 'free:')}"
    assert f"{place}: template `filed` is not free: `words` are those of an act" in faults(
        rules, words
    )


def test_who_was_answered_already() -> None:
    rules = changed(RULES, "template: filed, at_once: true}", "template: filed, answered_by: [web, phone]}")
    filed, *others = read_book(rules, TEMPLATES).rules
    assert filed.answered_by == {"web", "phone"}
    assert not any(rule.answered_by for rule in others)


def test_a_text_that_is_too_long_for_its_channel() -> None:
    long = changed(TEMPLATES, '"आवेदन {ticket} दर्ज है।"', f'"{"क" * 190} {{ticket}} ।"')
    assert faults(templates=long) == [
        f"templates.yaml:{line_of(long, 'कक')}: template `filed`: too long for sms: 4 segments with the "
        "longest values, at most 3"
    ]
    long = changed(TEMPLATES, "Case {ticket} is", f"{'x' * 1010} {{ticket}} is")
    assert faults(templates=long) == [
        f"templates.yaml:{line_of(long, 'xx')}: template `filed`: too long for whatsapp: 1043 with the "
        "longest values, at most 1024"
    ]
    long = changed(TEMPLATES, "Alarm {ticket}", f"{'x' * 134}{{ticket}}")
    assert faults(templates=long) == [
        f"templates.yaml:{line_of(long, 'xx')}: template `alarm`: the subject is too long: 151 with the "
        "longest values, at most 150"
    ]


def test_more_buttons_than_whatsapp_shows() -> None:
    more = "".join(f"      - {{id: b{'x' * n}, hi: अ, en: A}}\n" for n in range(3))
    templates = changed(TEMPLATES, "    buttons:\n", f"    buttons:\n{more}")
    line = line_of(templates, "id: good")
    assert faults(templates=templates) == [
        f"templates.yaml:{line}: WhatsApp shows 3 buttons at most"
    ]


def test_few_words_for_a_reason_that_are_too_many() -> None:
    templates = changed(TEMPLATES, "count: 4", "count: 4, short_reason: 5")
    templates = changed(
        templates, "  reason_abusive: {hi: अ, en: a}", "  reason_abusive: {hi: अ, en: abuse!}"
    )
    line = line_of(templates, "abuse!")
    assert f"templates.yaml:{line}: `abuse!` is longer than `short_reason` may be (5)" in faults(
        templates=templates
    )


def test_a_channel_that_the_audience_needs_is_missing() -> None:
    start, end = TEMPLATES.index("    sms:"), TEMPLATES.index("    buttons:")
    found = faults(templates=TEMPLATES[:start] + TEMPLATES[end:])
    needs = "template `filed` has no sms text, which citizen needs"
    assert found == [f"rules.yaml:{n}: {needs}" for n in (FILED, ASKED)]


def telling(name: str) -> str:
    """The templates, of which `filed` tells of one thing more."""
    templates = changed(TEMPLATES, "count: 4", f"count: 4, {name}: 20")
    templates = changed(templates, "variables: [ticket]", f"variables: [ticket, {name}]")
    return templates.replace("{ticket} दर्ज", f"{{ticket}} {{{name}}} दर्ज").replace(
        "{ticket} is", f"{{ticket}} {{{name}}} is"
    )


def test_confidential_cases_must_not_be_named() -> None:
    needs = (
        "a confidential case's text may not name service: put a rule `when: confidential` with a text "
        "that does not before this one"
    )
    found = faults(templates=telling("service"))
    assert found == [f"rules.yaml:{n}: {needs}" for n in (FILED, ASKED, WARNED)]
    discreet = (
        "  - {event: samvad.sla.warned.v1, to: holder, when: confidential, template: alarm}\n"
    )
    last = RULES.index("  - {event: samvad.sla")
    found = faults(RULES[:last] + discreet + RULES[last:], telling("service"))
    assert [line for line in found if needs in line] == [
        f"rules.yaml:{n}: {needs}" for n in (FILED, ASKED)
    ]
    for name in DISCREET - {"ticket", LINK}:
        read_book(RULES, telling(name))


def test_the_citizens_link_is_for_the_citizen_alone() -> None:
    found = faults(templates=telling(LINK))
    assert found == [f"rules.yaml:{WARNED}: `link` is the citizen's own and may not go to holder"]


def test_a_variable_that_the_event_does_not_offer() -> None:
    found = faults(templates=telling("parent"))
    assert any(
        "needs `parent`, which samvad.case.filed.v1 does not offer" in line for line in found
    )
    assert {"parent"} == offered("samvad.case.merged.v1") - offered("samvad.case.filed.v1") - {
        "words"
    }


def test_all_faults_are_told_at_once() -> None:
    templates = changed(TEMPLATES, "ticket: 17", "ticket: x").replace("name: filed_v1", "nam: x")
    found = faults(changed(RULES, "to: citizen, template", "to: mayor, template"), templates)
    assert {line.split(":")[0] for line in found} == {"rules.yaml", "templates.yaml"}
    assert len(found) >= 4


# ---------------------------------------------------------------- the book that is shipped


@pytest.fixture(scope="module")
def book() -> Book:
    return load_book(DATA)


def test_every_event_that_is_news_is_told(book: Book) -> None:
    told = {
        (rule.event.removeprefix("samvad.").removesuffix(".v1"), rule.audience)
        for rule in book.rules
    }
    assert told == {
        ("case.filed", "citizen"), ("case.filed", "operator"),
        ("case.assigned", "citizen"), ("case.assigned", "officer"),
        ("case.transferred", "citizen"), ("case.transferred", "officer"),
        ("case.unmerged", "holder"), ("case.merged", "citizen"),
        ("question.asked", "citizen"), ("question.answered", "holder"),
        ("case.replied", "citizen"), ("case.replied", "co_complainants"),
        ("case.reminded", "holder"),
        ("sla.warned", "holder"), ("sla.breached", "holder"), ("sla.escalated", "officer"),
        ("sla.escalated", "head"), ("sla.escalated", "sdm"), ("sla.escalated", "collector"),
        ("case.resolved", "citizen"), ("feedback.planned", "citizen"), ("case.confirmed", "citizen"),
        ("case.closed", "citizen"), ("case.reopened", "citizen"), ("case.reopened", "officer"),
        ("rejection.proposed", "head"), ("case.rejected", "citizen"),
        ("case.withdrawn", "citizen"), ("case.withdrawn", "holder"),
    }  # fmt: skip


def test_what_waits_for_no_morning_and_what_is_announced(book: Book) -> None:
    at_once = {(rule.event.split(".")[2], rule.audience) for rule in book.rules if rule.at_once}
    assert at_once == {
        ("filed", "citizen"), ("filed", "operator"), ("confirmed", "citizen"), ("reopened", "citizen"),
        ("withdrawn", "citizen"),
    }  # fmt: skip
    announced = {rule.event for rule in book.rules if rule.announced}
    assert announced == {"samvad.question.asked.v1", "samvad.case.resolved.v1"}
    for rule in book.rules:
        if rule.event in announced:
            assert rule.announced
    gathered = {rule.event.split(".", 1)[1] for rule in book.rules if rule.gathered}
    assert gathered == {"case.reminded.v1", "sla.warned.v1", "sla.breached.v1", "sla.escalated.v1"}


def test_what_a_conversation_answers_itself(book: Book) -> None:
    answered = {rule.template: rule.answered_by for rule in book.rules if rule.answered_by}
    acts = ("filed", "filed_danger", "confirmed", "reopened", "withdrawn")
    assert answered == {f"citizen_{act}": frozenset({"whatsapp"}) for act in acts}
    # where WhatsApp does not take its reply any more, the same template goes
    assert answered.keys() <= book.free
    for name in answered:
        assert {"whatsapp", "sms"} == {channel for channel, _ in book.templates[name].wordings}


def test_what_is_no_news_any_more(book: Book) -> None:
    after = {
        event: {
            f"{of.split('.', 1)[1].removesuffix('.v1')} {to}" for of, to in book.stale_after(event)
        }
        for event in book.events
    }
    placed = {"case.assigned citizen", "case.assigned officer"}
    office = placed | {"sla.warned holder", "sla.breached holder", "case.reminded holder"}
    assert office <= after["samvad.case.transferred.v1"]
    assert office <= after["samvad.case.taken-over.v1"]
    for end in ("resolved", "confirmed", "closed", "rejected", "withdrawn", "merged"):
        assert office | {"question.asked citizen"} <= after[f"samvad.case.{end}.v1"], end
        assert f"case.{end} citizen" not in after[f"samvad.case.{end}.v1"]
    for asked in ("answered", "marked"):  # by telephone
        assert after[f"samvad.question.{asked}.v1"] == {"question.asked citizen"}
    assert "case.resolved citizen" in after["samvad.case.reopened.v1"]
    assert not any(of.startswith("case.filed ") for told in after.values() for of in told)


def test_every_text_is_there_in_both_languages_and_staff_can_be_told_of_confidential_cases(
    book: Book,
) -> None:
    for template in book.templates.values():
        channels = {channel for channel, _ in template.wordings}
        assert set(template.wordings) == {
            (c, language) for c in channels for language in ("hi", "en")
        }
    for rule in book.rules:
        template = book.templates[rule.template]
        if template.id.endswith("_discreet"):
            assert set(template.variables) <= {"ticket", "call_centre", STAMP}
            if rule.audience not in CITIZENS:
                assert "call_centre" not in template.variables


def test_the_resolution_has_its_two_answers(book: Book) -> None:
    assert [button.id for button in book.templates["citizen_resolved"].buttons] == [
        "satisfied",
        "unsatisfied",
    ]
