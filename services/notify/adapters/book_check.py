"""The checks of a book as a whole: what each part says about the others, and about the channels."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from services.kernel.contracts.events import EVENTS, CaseEvent
from services.kernel.domain.directory import LANGUAGES, Language
from services.notify.core.book import Book, Channel, Rule, Template, Wording
from services.notify.core.planning import ALWAYS, DISCREET, UNKNOWN_SERVICE, offered
from services.notify.core.wording import (
    MOST_DLT_VARIABLE,
    MOST_SMS_SEGMENTS,
    MOST_WHATSAPP_UNITS,
    fill,
    is_well_formed,
    segments,
    septets,
    utf16_units,
    variables_of,
)

FOLLOWED = ("intake", "case", "sla")
DISCREETLY = frozenset({"ticket"})
"""The only variable of a text to an officer about a confidential case."""
About = Callable[[str, str], None]


def check_book(book: Book, about: About) -> None:
    """Tell every fault to `about` with the place it is at: `rule <index>`, `template <id> …`."""
    for index, rule in enumerate(book.rules):
        _check_rule(book, index, rule, partial(about, f"rule {index}"))
    registered: dict[str, str] = {}
    used = {rule.template for rule in book.rules}
    for template in book.templates.values():
        if template.id not in used:
            about(f"template {template.id}", f"template `{template.id}` is used by no rule")
        _check_template(book, template, about)
        for (channel, language), wording in template.wordings.items():
            # a WhatsApp template has one name in all of its languages
            owner = template.id if channel == "whatsapp" else f"{template.id} {language}"
            if registered.setdefault(wording.registered, owner) != owner:
                about(
                    f"template {template.id} {channel} {language}",
                    f"`{wording.registered}` is registered for {registered[wording.registered]}",
                )
    if UNKNOWN_SERVICE not in book.words and book.templates:
        about(f"template {next(iter(book.templates))}", f"words: `{UNKNOWN_SERVICE}` is missing")


def _check_rule(book: Book, index: int, rule: Rule, fault: Callable[[str], None]) -> None:
    model = EVENTS.get(rule.event)
    if model is None or not issubclass(model, CaseEvent) or not set(model.ROOMS) & set(FOLLOWED):
        fault(f"unknown event `{rule.event}`")
        return
    earlier = [
        other
        for other in book.rules[:index]
        if other.event == rule.event and other.audience == rule.audience
    ]
    if any(other.when in (None, rule.when) for other in earlier):
        fault(
            f"never counts: an earlier rule for {rule.event} to {rule.audience} always holds first"
        )
    template = book.templates.get(rule.template)
    if template is None:
        fault(f"unknown template `{rule.template}`")
        return
    for name in template.variables:
        if name not in offered(rule.event) and name in book.longest:
            fault(f"template `{rule.template}` needs `{name}`, which {rule.event} does not offer")
    route = book.routes[rule.audience]
    for channel in {route.otherwise, *route.filed_by.values()}:
        if not any(of == channel for of, _ in template.wordings):
            fault(f"template `{rule.template}` has no {channel} text, which {rule.audience} needs")
    _check_discretion(rule, template, earlier, fault)


def _check_discretion(
    rule: Rule, template: Template, earlier: list[Rule], fault: Callable[[str], None]
) -> None:
    """Every text that a confidential case can come to must say nothing of it."""
    if any(other.when == "confidential" for other in earlier):
        return
    allowed = DISCREET if rule.audience == "citizen" else DISCREETLY
    told = [name for name in template.variables if name not in allowed]
    if told:
        fault(
            f"a confidential case's text may not name {', '.join(told)}: "
            "put a rule `when: confidential` with a text that does not before this one"
        )


def _check_template(book: Book, template: Template, about: About) -> None:
    place = f"template {template.id}"
    for name in template.variables:
        if name not in book.longest:
            about(place, f"template `{template.id}`: unknown variable `{name}`")
        elif name not in ALWAYS and not any(name in offered(r.event) for r in book.rules):
            about(place, f"template `{template.id}`: no event offers `{name}`")
    if not template.wordings:
        about(place, f"template `{template.id}` has no text in any channel")
    used: set[str] = set()
    for (channel, language), wording in template.wordings.items():
        used |= set(variables_of(wording.text))

        def fault(what: str, at: str = f"{place} {channel} {language}") -> None:
            about(at, f"template `{template.id}`: {what}")

        _check_wording(book, template, channel, language, wording, fault)
    for name in template.variables:
        if name not in used:
            about(place, f"template `{template.id}`: variable `{name}` stands in none of its texts")
    for channel in {channel for channel, _ in template.wordings}:
        texts = {
            frozenset(variables_of(template.wordings[channel, language].text))
            for language in LANGUAGES
            if (channel, language) in template.wordings
        }
        if len(texts) > 1:
            about(place, f"template `{template.id}`: {channel}: the languages differ in variables")


def _check_wording(
    book: Book,
    template: Template,
    channel: Channel,
    language: Language,
    wording: Wording,
    fault: Callable[[str], None],
) -> None:
    if not is_well_formed(wording.text):
        fault("a brace that belongs to no {variable}")
        return
    names = variables_of(wording.text)
    unknown = [name for name in names if name not in template.variables]
    for name in unknown:
        fault(f"unknown variable `{name}`: it is not among the template's variables")
    if unknown or any(name not in book.longest for name in names):
        return
    if channel == "whatsapp":
        _check_whatsapp(book, wording, fault)
        return
    for name in names:
        if book.longest[name] > MOST_DLT_VARIABLE:
            fault(f"`{name}` may be {book.longest[name]} long, but DLT takes {MOST_DLT_VARIABLE}")
    longest = _longest(book, wording)
    if segments(longest) > MOST_SMS_SEGMENTS:
        fault(
            f"too long for sms: {segments(longest)} segments with the longest values, "
            f"at most {MOST_SMS_SEGMENTS}"
        )
    if language == "en" and septets(wording.text) is None:
        fault("an English SMS has characters outside the GSM alphabet, which doubles its price")


def _check_whatsapp(book: Book, wording: Wording, fault: Callable[[str], None]) -> None:
    units = utf16_units(_longest(book, wording))
    if units > MOST_WHATSAPP_UNITS:
        fault(
            f"too long for whatsapp: {units} with the longest values, at most {MOST_WHATSAPP_UNITS}"
        )
    if wording.text.startswith("{") or wording.text.endswith("}"):
        # Meta does not approve such a template
        fault("a WhatsApp template may not begin or end with a variable")


def _longest(book: Book, wording: Wording) -> str:
    """The text with every variable at its longest, in the alphabet of the text itself."""
    letter = "x" if septets(wording.text) is not None else "क"
    return fill(
        wording.text, {name: letter * book.longest[name] for name in variables_of(wording.text)}
    )
