"""The data files: what is wrong in them is found when they are loaded, with file and line."""

from __future__ import annotations

import pytest

from services.notify.adapters.book_file import DATA, BookFaults, load_book, read_book
from services.notify.core.planning import ALWAYS, offered

RULES = """\
rules:
  - {event: samvad.case.filed.v1, to: citizen, template: filed}
channels:
  citizen: {otherwise: sms, filed_by: {whatsapp: whatsapp}}
  officer: {otherwise: whatsapp}
  holder: {otherwise: whatsapp}
"""
TEMPLATES = """\
longest: {ticket: 17, service: 60}
words: {unknown_service: {hi: अन्य, en: other}}
templates:
  filed:
    variables: [ticket]
    whatsapp:
      name: filed_v1
      hi: आवेदन {ticket} दर्ज है।
      en: Case {ticket} is registered.
    sms:
      hi: {id: "1", text: "आवेदन {ticket} दर्ज है।"}
      en: {id: "2", text: "Case {ticket} is registered."}
"""


def faults(rules: str = RULES, templates: str = TEMPLATES) -> list[str]:
    with pytest.raises(BookFaults) as caught:
        read_book(rules, templates)
    assert str(caught.value) == "\n".join(caught.value.faults)
    return caught.value.faults


def test_the_small_book_is_right() -> None:
    book = read_book(RULES, TEMPLATES)
    assert book.events == {"samvad.case.filed.v1"}


def test_the_book_that_is_shipped_is_right() -> None:
    book = load_book(DATA)
    assert {"samvad.case.filed.v1", "samvad.case.assigned.v1", "samvad.case.resolved.v1"} <= set(
        book.events
    )
    for template in book.templates.values():
        assert {language for _, language in template.wordings} == {"hi", "en"}


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("{ticket} is registered.\n", "{tiket} is registered.\n", "templates.yaml:9: template"),
        ("variables: [ticket]", "variables: [ticket, who]", "templates.yaml:4: template `filed`: un"),
        ("      en: Case {ticket} is registered.\n", "", "templates.yaml:7: template `filed`: what"),
        ('      en: {id: "2", text: "Case {ticket} is registered."}\n', "", "templates.yaml:11: temp"),
        ("Case {ticket} is registered.\n", '"{ticket}"\n', "templates.yaml:9: template `filed`: a Wh"),
        ("is registered.\"", "is “registered”.\"", "templates.yaml:12: template `filed`: an English"),
        ("आवेदन {ticket} दर्ज है।\n", "आवेदन {ticket} दर्ज} है।\n", "templates.yaml:8: template"),
        ('id: "2"', 'id: "1"', "templates.yaml:12: `1` is registered for filed hi"),
        ("name: filed_v1", "nam: filed_v1", "templates.yaml:7: unknown key `nam`"),
        ("    variables: [ticket]\n", "", "templates.yaml:5: `variables` is missing"),
        ("words: {unknown_service: {hi: अन्य, en: other}}", "words: {}", "templates.yaml:4: words"),
        ("{hi: अन्य, en: other}", "{hi: अन्य}", "templates.yaml:2: `en` is missing"),
        ("ticket: 17", "ticket: many", "templates.yaml:1: must be a whole number from 1 to 200"),
        ("ticket: 17", "ticket: 31", "templates.yaml:11: template `filed`: `ticket` may be 31 long"),
        ("templates:", "templates: &a", "templates.yaml:3: anchors"),
        ("longest:", "longest: [", "templates.yaml:2: not YAML"),
    ],
)  # fmt: skip
def test_faults_of_templates(old: str, new: str, fault: str) -> None:
    assert old in TEMPLATES
    found = faults(templates=TEMPLATES.replace(old, new, 1))
    assert any(line.startswith(fault) for line in found), found


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("samvad.case.filed.v1", "samvad.case.fild.v1", "rules.yaml:2: unknown event `samvad.case.fi"),
        ("samvad.case.filed.v1", "samvad.notice.failed.v1", "rules.yaml:2: unknown event"),
        ("to: citizen", "to: mayor", "rules.yaml:2: `mayor` is not one of citizen, officer, holder"),
        ("template: filed", "template: field", "rules.yaml:2: unknown template `field`"),
        ("template: filed", "template: filed, when: rainy", "rules.yaml:2: `rainy` is not one of conf"),
        ("template: filed", "templat: filed", "rules.yaml:2: unknown key `templat`"),
        (", template: filed", "", "rules.yaml:2: `template` is missing"),
        ("otherwise: sms", "otherwise: post", "rules.yaml:4: `post` is not one of whatsapp, sms"),
        ("  holder: {otherwise: whatsapp}\n", "", "rules.yaml:4: channels: audience `holder` is"),
        ("  officer:", "  oficer:", "rules.yaml:5: unknown audience `oficer`"),
        (
            "channels:",
            "  - {event: samvad.case.filed.v1, to: citizen, when: danger, template: filed}\nchannels:",
            "rules.yaml:3: never counts",
        ),
    ],
)  # fmt: skip
def test_faults_of_rules(old: str, new: str, fault: str) -> None:
    assert old in RULES
    found = faults(rules=RULES.replace(old, new, 1))
    assert any(line.startswith(fault) for line in found), found


def test_a_text_that_is_too_long_for_its_channel() -> None:
    long = "क" * 190
    found = faults(templates=TEMPLATES.replace('"आवेदन {ticket} दर्ज है।"', f'"{long} {{ticket}} ।"'))
    assert found == [
        "templates.yaml:11: template `filed`: too long for sms: 4 segments with the longest values, "
        "at most 3"
    ]
    long = "x" * 1010
    found = faults(templates=TEMPLATES.replace("Case {ticket} is", f"{long} {{ticket}} is", 1))
    assert found == [
        "templates.yaml:9: template `filed`: too long for whatsapp: 1043 with the longest values, "
        "at most 1024"
    ]


def test_a_channel_that_the_audience_needs_is_missing() -> None:
    whatsapp_only = TEMPLATES[: TEMPLATES.index("    sms:")]
    assert faults(templates=whatsapp_only) == [
        "rules.yaml:2: template `filed` has no sms text, which citizen needs"
    ]


def test_confidential_cases_must_not_be_named() -> None:
    rules = RULES.replace("filed.v1, to: citizen", "assigned.v1, to: officer")
    telling = TEMPLATES.replace("[ticket]", "[ticket, service]").replace(
        "{ticket} ", "{ticket} {service} "
    )
    no_sms = telling[: telling.index("    sms:")]
    assert faults(rules, no_sms) == [
        "rules.yaml:2: a confidential case's text may not name service: put a rule "
        "`when: confidential` with a text that does not before this one"
    ]


def test_a_variable_that_the_event_does_not_offer() -> None:
    templates = (
        TEMPLATES.replace("service: 60", "service: 60, department: 30")
        .replace("[ticket]", "[ticket, department]")
        .replace("{ticket} ", "{ticket} {department} ")
    )
    found = faults(templates=templates)
    assert any("needs `department`, which samvad.case.filed.v1 does not offer" in f for f in found)
    assert offered("samvad.case.assigned.v1") == ALWAYS | {"department"}


def test_all_faults_are_told_at_once() -> None:
    templates = TEMPLATES.replace("ticket: 17", "ticket: x").replace("name: filed_v1", "nam: x")
    assert len(faults(RULES.replace("to: citizen", "to: mayor"), templates)) >= 4
