"""The forms of a case page: which fields each action asks for, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from services.desk.core.acts import FEEDBACK_OUTCOMES, FOR_THE_CITIZEN, NEEDS_NOTE
from services.desk.core.texts import Texts
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Language
from services.kernel.domain.duty import may_have
from services.kernel.domain.lifecycle import REJECTION_REASONS

Options = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Groups of (value, label); a group without a name stands alone."""

AT_ONCE = ("acknowledge", "start", "plan_feedback", "mark_asked")
"""Nothing to write: a button does it."""
FIRST = ("acknowledge", "start", "reject", "resolve", "confirm")
"""What usually comes next is the first and strongest button."""
GRAVE = ("propose_rejection", "reject", "withdraw", "refuse_rejection")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "assign": ("officer",),
    "transfer": ("department", "service"),
    "change_service": ("service",),
    "propose_rejection": ("reason",),
    "end_feedback": ("outcome",),
    "rate": ("rating",),
}
LEFT_AS_IT_IS = (("transfer", "service"),)
"""Choices that need not be made."""


@dataclass(frozen=True)
class Field:
    """A choice. Where it is not `needed`, nothing chosen leaves it as it is."""

    name: str
    options: Options
    needed: bool = True


@dataclass(frozen=True)
class Form:
    """What a page shows of one action. `for_citizen`: he reads what is written, unasked."""

    action: str
    fields: tuple[Field, ...]
    note: bool
    note_needed: bool
    for_citizen: bool
    may_be_public: bool
    grave: bool
    primary: bool

    @property
    def at_once(self) -> bool:
        """Whether a single button is the whole of it."""
        return not self.fields and not self.note


def forms(
    allowed: Sequence[str],
    case: Case,
    directory: District,
    day: date,
    texts: Texts,
    language: Language,
) -> list[Form]:
    """A form for each action that may be done now: the usual next step, then what needs no words.

    An action that needs a choice has no form while there is nothing to choose from.
    """
    first = next((action for action in FIRST if action in allowed), None)
    order = sorted(allowed, key=lambda action: (action != first, action not in AT_ONCE))
    found = [
        Form(
            action=action,
            fields=tuple(
                Field(
                    name,
                    _options(name, action, case, directory, day, texts, language),
                    needed=(action, name) not in LEFT_AS_IT_IS,
                )
                for name in CHOICES.get(action, ())
            ),
            note=action not in AT_ONCE,
            # a page attaches no media, so what it attaches is words
            note_needed=action in (*NEEDS_NOTE, "attach"),
            for_citizen=action in (*FOR_THE_CITIZEN, "resolve"),
            may_be_public=action == "note",
            grave=action in GRAVE,
            primary=action == first,
        )
        for action in order
    ]
    return [form for form in found if all(field.options for field in form.fields if field.needed)]


def _options(
    name: str,
    action: str,
    case: Case,
    directory: District,
    day: date,
    texts: Texts,
    language: Language,
) -> Options:
    if name == "officer":
        return _officers(case, directory, day, language)
    if name == "service":
        return _services(case, directory, language, elsewhere=action == "transfer")
    plain: list[tuple[str, str]] = {
        "department": lambda: [
            (d.id, d.name.say(language)) for d in directory.departments if d.id != case.department
        ],
        "reason": lambda: [(r, texts.say(f"reason.{r}", language)) for r in REJECTION_REASONS],
        "outcome": lambda: [(o, texts.say(f"outcome.{o}", language)) for o in FEEDBACK_OUTCOMES],
        "rating": lambda: [(str(n), str(n)) for n in range(1, 6)],
    }[name]()
    return [("", plain)]


def _services(case: Case, directory: District, language: Language, *, elsewhere: bool) -> Options:
    """Those of its department; `elsewhere`: of the others, to which it may be transferred."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for department in directory.departments:
        if (department.id != case.department) != elsewhere:
            continue
        found = [
            (s.id, s.name.say(language))
            for s in directory.services
            if s.department == department.id and case.kind in s.kinds and s.id != case.service
        ]
        if found:
            groups.append((department.name.say(language), found))
    return groups


def _officers(case: Case, directory: District, day: date, language: Language) -> Options:
    """Those to whom it may be assigned: of its department, or of any while it has none."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for office in directory.offices:
        if case.department not in (None, office.department):
            continue
        people = [
            (o.id, f"{o.name.say(language)}, {o.designation.say(language)}")
            for o in directory.officers
            if o.office == office.id
            and o.on_duty(day)
            and o.id != case.officer
            and may_have(o, case.named_official, directory)
        ]
        if people:
            groups.append((office.name.say(language), people))
    return groups
