"""The forms of a case page: which fields each action asks for, and what there is to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

from services.desk.core.acts import FEEDBACK_OUTCOMES, FOR_THE_CITIZEN, NEEDS_NOTE
from services.desk.core.placing import in_the_way
from services.desk.core.texts import Texts
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District, Language
from services.kernel.domain.lifecycle import REJECTION_REASONS

Control = Literal["select", "ticket"]
Options = Sequence[tuple[str, Sequence[tuple[str, str]]]]
"""Groups of (value, label); a group without a name stands alone."""

AT_ONCE = ("acknowledge", "start", "plan_feedback", "mark_asked")
"""Nothing to write: a button does it."""
FIRST = ("acknowledge", "start", "reject", "resolve", "confirm")
"""What usually comes next is the first and strongest button."""
GRAVE = ("propose_rejection", "reject", "withdraw", "refuse_rejection")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "assign": ("officer",),
    "transfer": ("department",),
    "change_service": ("service",),
    "propose_rejection": ("reason",),
    "end_feedback": ("outcome",),
    "rate": ("rating",),
}


@dataclass(frozen=True)
class Field:
    """`options` empty: a text is typed."""

    name: str
    control: Control
    options: Options = ()


@dataclass(frozen=True)
class Form:
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
        return not self.fields and not self.note


def forms(
    allowed: Sequence[str],
    case: Case,
    directory: District,
    day: date,
    texts: Texts,
    language: Language,
) -> list[Form]:
    """A form for each action that may be done now: the usual next step, then what needs no words."""
    first = next((action for action in FIRST if action in allowed), None)
    order = sorted(allowed, key=lambda action: (action != first, action not in AT_ONCE))
    return [
        Form(
            action=action,
            fields=tuple(
                _field(name, case, directory, day, texts, language)
                for name in CHOICES.get(action, ())
            ),
            note=action not in AT_ONCE,
            note_needed=action in NEEDS_NOTE,
            for_citizen=action in (*FOR_THE_CITIZEN, "resolve"),
            may_be_public=action == "note",
            grave=action in GRAVE,
            primary=action == first,
        )
        for action in order
    ]


def _field(
    name: str, case: Case, directory: District, day: date, texts: Texts, language: Language
) -> Field:
    if name == "parent":
        return Field(name, "ticket")
    return Field(name, "select", _options(name, case, directory, day, texts, language))


def _options(
    name: str, case: Case, directory: District, day: date, texts: Texts, language: Language
) -> Options:
    if name == "officer":
        return _officers(case, directory, day, language)
    if name == "service":
        return [
            (
                d.name.say(language),
                [
                    (s.id, s.name.say(language))
                    for s in directory.services
                    if s.department == d.id and case.kind in s.kinds and s.id != case.service
                ],
            )
            for d in directory.departments
        ]
    plain: list[tuple[str, str]] = {
        "department": lambda: [
            (d.id, d.name.say(language)) for d in directory.departments if d.id != case.department
        ],
        "reason": lambda: [(r, texts.say(f"reason.{r}", language)) for r in REJECTION_REASONS],
        "outcome": lambda: [(o, texts.say(f"outcome.{o}", language)) for o in FEEDBACK_OUTCOMES],
        "rating": lambda: [(str(n), str(n)) for n in range(1, 6)],
    }[name]()
    return [("", plain)]


def _officers(case: Case, directory: District, day: date, language: Language) -> Options:
    """Those to whom it may be assigned: of its department, or of any while it has none."""
    groups: list[tuple[str, list[tuple[str, str]]]] = []
    for office in directory.offices:
        if case.department not in (None, office.department) or in_the_way(
            case, office.id, directory
        ):
            continue
        people = [
            (o.id, f"{o.name.say(language)}, {o.designation.say(language)}")
            for o in directory.officers
            if o.office == office.id and o.on_duty(day) and o.id != case.officer
        ]
        if people:
            groups.append((office.name.say(language), people))
    return groups
