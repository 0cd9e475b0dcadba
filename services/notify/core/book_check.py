"""The checks of a book as a whole: what its rules, templates and words say about one another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from services.kernel.contracts.events import (
    EVENTS,
    Act,
    CaseAssigned,
    CaseEvent,
    CaseFiled,
    SlaEscalated,
)
from services.kernel.domain.directory import LANGUAGES
from services.kernel.domain.lifecycle_table import REJECTION_REASONS
from services.kernel.domain.whatsapp_limits import utf16_units
from services.notify.core.book import CITIZENS, Audience, Book, Route, Rule, Template
from services.notify.core.values import (
    DISCREET,
    LINK,
    MISSING_WORDS,
    SHORT_REASON,
    SUMMARY,
    WORDS,
    offered,
    word_of_reason,
)
from services.notify.core.wording import variables_of
from services.notify.core.wording_check import check_buttons, check_wording

FOLLOWED = ("intake", "case", "sla")
COUNT = "count"
About = Callable[[str, str], None]
Fault = Callable[[str], None]


def check_book(book: Book, about: About) -> None:
    """Tell every fault to `about` with the place it is at: `rule <index>`, `template <id> …`, `free <id>`,
    `words …`, `longest <variable>`, `event <type>`, `summary`."""
    for index, rule in enumerate(book.rules):
        _check_rule(book, index, rule, partial(about, f"rule {index}"))
    for event in sorted(frozenset().union(*(rule.stale for rule in book.rules))):
        if not _is_followed(event) and not any(rule.event == event for rule in book.rules):
            about(f"event {event}", f"unknown group or event `{event}`")
    _check_summary(book, partial(about, "summary"))
    _check_free(book, about)
    for template in book.templates.values():
        _check_template(book, template, about)
    _check_registered(book, about)
    _check_use(book, about)
    _check_words(book, about)


# ---------------------------------------------------------------- rules


def _check_rule(book: Book, index: int, rule: Rule, fault: Fault) -> None:
    if not _is_followed(rule.event):
        fault(f"unknown event `{rule.event}`")
        return
    earlier = [
        other
        for other in book.rules[:index]
        if other.event == rule.event and other.audience == rule.audience
    ]
    _check_counting(rule, earlier, fault)
    _check_flags(rule, earlier, fault)
    _check_answered(rule, fault)
    template = book.templates.get(rule.template)
    if template is None:
        fault(f"unknown template `{rule.template}`")
        return
    given = offered(rule.event)
    for name in template.variables:
        if name not in given and name in book.longest:
            fault(f"template `{rule.template}` needs `{name}`, which {rule.event} does not offer")
    if rule.audience not in CITIZENS and LINK in template.variables:
        # who has the link may act as the citizen
        fault(f"`{LINK}` is the citizen's own and may not go to {rule.audience}")
    _check_channels(book, rule.template, rule.audience, fault)
    _check_discretion(rule, template, earlier, fault)


def _check_counting(rule: Rule, earlier: list[Rule], fault: Fault) -> None:
    model = EVENTS[rule.event]
    if any(other.when in (None, rule.when) for other in earlier):
        fault(
            f"never counts: an earlier rule for {rule.event} to {rule.audience} always holds first"
        )
    if rule.when == "reopened" and not issubclass(model, SlaEscalated):
        fault(f"never counts: `reopened` is a reason of {SlaEscalated.TYPE} alone")
    if rule.audience == "officer" and not issubclass(model, (CaseAssigned, SlaEscalated)):
        fault(f"never counts: {rule.event} names no officer; `holder` is who holds the case")


def _check_flags(rule: Rule, earlier: list[Rule], fault: Fault) -> None:
    if rule.announced and rule.audience != "citizen":
        fault("`announced` is for `citizen`: no clock waits for what others are told")
    for other in earlier[:1]:
        # the clock waits for the delivery, whichever of the texts was sent
        if other.announced != rule.announced:
            fault(f"`announced` must be the same in every rule for {rule.event} to {rule.audience}")
        # what overtakes a message is looked up by event and audience
        if other.stale != rule.stale:
            fault(f"`stale` must be the same in every rule for {rule.event} to {rule.audience}")
    if rule.gathered and rule.audience in CITIZENS:
        fault("`gathered` is for staff: a citizen is told of each thing by itself")
    if rule.gathered and rule.at_once:
        fault("`gathered` waits for others, so it cannot be `at_once`")
    if rule.gathered and rule.when in ("danger", "urgent"):
        fault(f"what is {rule.when} is never `gathered`")


def _check_answered(rule: Rule, fault: Fault) -> None:
    if not rule.answered_by:
        return
    if rule.audience != "citizen":
        fault("`answered_by` is for `citizen`: nobody else was answered")
    if not issubclass(EVENTS[rule.event], (CaseFiled, Act)):
        fault(f"`answered_by` never counts: {rule.event} is nothing that a citizen does")
    if rule.announced:
        fault("`announced` waits for a delivery that there is not, where `answered_by` counts")


def _check_discretion(rule: Rule, template: Template, earlier: list[Rule], fault: Fault) -> None:
    """Every text that a confidential case can come to must say nothing of it."""
    if any(other.when == "confidential" for other in earlier):
        return
    told = [name for name in template.variables if name not in DISCREET]
    if told:
        fault(
            f"a confidential case's text may not name {', '.join(told)}: "
            "put a rule `when: confidential` with a text that does not before this one"
        )


def _check_channels(book: Book, template: str, audience: Audience, fault: Fault) -> None:
    for channel in _channels(book.routes[audience]):
        if not any(of == channel for of, _ in book.templates[template].wordings):
            fault(f"template `{template}` has no {channel} text, which {audience} needs")


def _channels(route: Route) -> list[str]:
    ways = (route.otherwise, *route.filed_by.values())
    return list(dict.fromkeys(channel for way in ways for channel in way))


def _is_followed(event: str) -> bool:
    """Whether notify follows the room that this type of event is of."""
    model = EVENTS.get(event)
    return model is not None and issubclass(model, CaseEvent) and bool({*model.ROOMS} & {*FOLLOWED})


# ---------------------------------------------------------------- what belongs to no rule


def _check_summary(book: Book, fault: Fault) -> None:
    id_ = book.summary.template
    template = book.templates.get(id_)
    if template is None:
        fault(f"unknown template `{id_}`")
        return
    if COUNT not in template.variables:
        fault(f"template `{id_}` lacks `{COUNT}`, which a summary must tell")
    for name in template.variables:
        if name not in SUMMARY and name in book.longest:
            fault(f"template `{id_}` needs `{name}`, which a summary does not offer")
    for audience in dict.fromkeys(rule.audience for rule in book.rules if rule.gathered):
        _check_channels(book, id_, audience, fault)


def _check_free(book: Book, about: About) -> None:
    for name in book.free:
        fault = partial(about, f"free {name}")
        template = book.templates.get(name)
        if template is None:
            fault(f"unknown template `{name}`")
            continue
        if name == book.summary.template:
            fault(f"template `{name}` is not free: the summary uses it")
        if WORDS in template.variables:
            fault(f"template `{name}` is not free: `{WORDS}` are those of an act")
        if template.buttons:
            fault(f"template `{name}` is not free: what its buttons say is said of a case")


def _check_words(book: Book, about: About) -> None:
    needed = (*MISSING_WORDS, *(word_of_reason(reason) for reason in REJECTION_REASONS))
    for name in needed:
        if name not in book.words:
            about("words", f"words: `{name}` is missing")
    most = book.longest.get(SHORT_REASON)
    for reason in REJECTION_REASONS:
        name = word_of_reason(reason)
        for text in book.words.get(name, {}).values():
            if most is not None and utf16_units(text) > most:
                about(f"words {name}", f"`{text}` is longer than `{SHORT_REASON}` may be ({most})")


def _check_use(book: Book, about: About) -> None:
    ruled = {rule.template for rule in book.rules} | {book.summary.template}
    for template in book.templates.values():
        if template.id not in ruled | book.free:
            about(
                f"template {template.id}",
                f"template `{template.id}` is used by no rule; one without a case stands under `free`",
            )
    used = {name for template in book.templates.values() for name in template.variables}
    for name in book.longest:
        if name not in used:
            about(f"longest {name}", f"no template has a variable `{name}`")


def _check_registered(book: Book, about: About) -> None:
    registered: dict[str, str] = {}
    for template in book.templates.values():
        for (channel, language), wording in template.wordings.items():
            if channel == "email":
                continue
            # a WhatsApp template has one name in all of its languages
            owner = template.id if channel == "whatsapp" else f"{template.id} {language}"
            if registered.setdefault(wording.registered, owner) != owner:
                about(
                    f"template {template.id} {channel} {language}",
                    f"`{wording.registered}` is registered for {registered[wording.registered]}",
                )


# ---------------------------------------------------------------- templates


def _check_template(book: Book, template: Template, about: About) -> None:
    place = f"template {template.id}"
    fault = partial(_tell, about, place, template.id)
    for name in template.variables:
        if name not in book.longest:
            fault(f"unknown variable `{name}`")
    if not template.wordings:
        fault("has no text in any channel")
    check_buttons(template, lambda button, what: about(f"{place} button {button}", what))
    used: set[str] = set()
    for (channel, language), wording in template.wordings.items():
        used |= {*variables_of(wording.text), *variables_of(wording.subject)}
        at = partial(_tell, about, f"{place} {channel} {language}", template.id)
        check_wording(book, template, channel, language, wording, at)
    for name in template.variables:
        if name not in used:
            fault(f"variable `{name}` stands in none of its texts")
    for channel in dict.fromkeys(channel for channel, _ in template.wordings):
        if not _alike(
            variables_of(wording.text)
            for (of, language), wording in template.wordings.items()
            if of == channel and language in LANGUAGES
        ):
            fault(f"{channel}: the languages differ in variables")


def _tell(about: About, place: str, template: str, what: str) -> None:
    about(place, f"template `{template}`: {what}")


def _alike(names: Iterable[tuple[str, ...]]) -> bool:
    return len({frozenset(of) for of in names}) <= 1
