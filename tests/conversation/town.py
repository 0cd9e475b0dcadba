"""A district in memory around the pure machine: people with their phones, their cases, an office that acts.

What the worker does with the store and Kafka is done here with dictionaries, by the same kernel: what is
filed is considered, what is done to a case is performed. Time stands still until it is moved.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from services.intake.following import Followed, can, placement
from services.intake.whatsapp.conversation.adapters.wording import load_voice, load_words
from services.intake.whatsapp.conversation.core.inbound import Inbound, Person
from services.intake.whatsapp.conversation.core.machine import Machine, remember
from services.intake.whatsapp.conversation.core.memory import Held, Memory
from services.intake.whatsapp.conversation.core.model import (
    Acted,
    Acts,
    Callback,
    CasesWanted,
    CitizenAct,
    Conversation,
    File,
    Filed,
    NotActed,
    NotFiled,
    Outcome,
    Reply,
    Turn,
    World,
)
from services.intake.whatsapp.conversation.core.saying import together
from services.kernel.domain import tickets
from services.kernel.domain.case import Act, Case, CasePlace, perform
from services.kernel.domain.choices import choices
from services.kernel.domain.directory import District, Kind, Text
from services.kernel.domain.errors import Refused
from services.kernel.domain.filing import Application, Faulty, Suggest, consider
from services.kernel.domain.people import Actor
from services.kernel.domain.suggest import Suggester, Suggestion
from services.notify.adapters.book_file import DATA, TEMPLATES

WORDS = load_words()
VOICE = load_voice()
MACHINE = Machine(VOICE, WORDS)
MOST_EFFECTS = 3
_NOTICES = {
    "assign": "citizen_assigned",
    "ask_citizen": "citizen_question",
    "reply": "citizen_replied",
    "resolve": "citizen_resolved",
    "reject": "citizen_rejected",
    "close": "citizen_closed",
}
"""What the office does that the citizen is told of by notify, with its template."""


@dataclass(frozen=True)
class Shown:
    """A message on somebody's phone. `options`: (id, title, description). `notice`: it came from notify."""

    id: str
    text: str
    options: tuple[tuple[str, str, str], ...] = ()
    notice: bool = False


@dataclass
class Phone:
    """A person as the worker knows him, with what his phone shows. `id`: under which he files."""

    id: str
    memory: Memory = field(default_factory=Memory)
    shown: list[Shown] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)

    @property
    def conversation(self) -> Conversation:
        return self.memory.conversation


_INDEXES: dict[int, tuple[District, Suggester]] = {}


def suggests(district: District) -> Suggest:
    known = _INDEXES.get(id(district))
    if known is None or known[0] is not district:
        known = _INDEXES[id(district)] = (district, Suggester(district))
    index = known[1]

    def suggest(text: str, kind: Kind) -> tuple[Suggestion, ...]:
        return index.suggest(text, kind, 3)

    return suggest


class Town:
    """`refuse`: what is asked to be done is refused, so often; of what is to be filed these `faults`."""

    def __init__(self, directory: District, now: datetime) -> None:
        self.directory = directory
        self.now = now
        self.phones: list[Phone] = []
        self.cases: dict[str, Followed] = {}
        self.clients: dict[str, str] = {}
        self.user_ids: dict[str, str] = {}
        self.callbacks: list[Callback] = []
        self.released: dict[str, datetime] = {}
        self.refuse = 0
        self.faults: tuple[str, ...] = ("service", "place.block")
        self._keys: dict[tuple[str, str], str] = {}
        self._shown = 0

    # ------------------------------------------------------------ people

    def phone(self, person: Person) -> Phone:
        """Whoever has the number, or else the user id, now; somebody new else."""
        for one in self.phones:
            if person.number is not None and one.memory.number == person.number:
                return one
        for one in self.phones:
            if person.user is not None and one.memory.user == person.user:
                return one
        new = Phone(f"client-{len(self.phones) + 1}")
        since = self.released.get(person.number or "")
        if since is not None and person.number is not None:
            new.memory = Memory(numbers=(Held(person.number, since=since),))
        self.phones.append(new)
        return new

    def changed(self, person: Person, number: str) -> None:
        """The provider tells that the person's number is another one now."""
        phone = self.phone(person)
        if phone.memory.number is not None:
            self.released[phone.memory.number] = self.now
        phone.memory = phone.memory.with_number(number, self.now)

    # ------------------------------------------------------------ a message

    def hear(self, inbound: Inbound) -> list[Shown]:
        """A person sends something; what his phone shows for it."""
        phone = self.phone(inbound.person)
        phone.memory = phone.memory.seen_as(inbound.person)
        turns = [self._with_cases(phone, lambda w: MACHINE.step(phone.conversation, inbound, w))]
        while (effect := turns[-1].effect) is not None and len(turns) <= MOST_EFFECTS:
            outcome = self._carry_out(effect, phone)
            before = turns[-1].conversation
            turns.append(
                self._with_cases(
                    phone, lambda w, c=before, o=outcome: MACHINE.after(c, inbound, o, w)
                )
            )
        phone.turns += turns
        phone.memory = replace(phone.memory, conversation=turns[-1].conversation)
        self.callbacks += [one for turn in turns for one in turn.callbacks]
        said = [self._show(one) for one in together([one for turn in turns for one in turn.replies])]
        phone.shown += said
        return said

    def world(self, phone: Phone, *, with_cases: bool = False) -> World:
        known = self.own(phone) if with_cases else None
        return World(self.directory, self.now, suggests(self.directory), choices(), known)

    def own(self, phone: Phone) -> list[Followed]:
        """His cases, the newest first: those that he filed here, and those of his numbers."""

        def is_his(one: Followed) -> bool:
            if self.clients.get(one.ticket) == phone.id:
                return True
            case = one.case
            if case is None or case.confidential:
                return False
            return any(
                case.phone == held.number
                and (held.since is None or case.filed_at > held.since)
                and (held.until is None or case.filed_at <= held.until)
                for held in phone.memory.numbers
            )

        found = [one for one in self.cases.values() if is_his(one)]
        return sorted(found, key=lambda one: (one.filed_at, one.ticket), reverse=True)

    def _with_cases(self, phone: Phone, take: Any) -> Turn:
        try:
            turn: Turn = take(self.world(phone))
        except CasesWanted:
            turn = take(self.world(phone, with_cases=True))
        return turn

    def _show(self, reply: Reply) -> Shown:
        self._shown += 1
        rows = reply.rows or tuple((id_, title, "") for id_, title in reply.buttons)
        return Shown(f"out-{self._shown}", reply.text, rows)

    # ------------------------------------------------------------ what is done

    def _carry_out(self, effect: File | Acts, phone: Phone) -> Outcome:
        if self.refuse:
            self.refuse -= 1
            if isinstance(effect, File):
                return NotFiled(effect.draft, self.faults)
            return NotActed(effect.ticket, effect.acts, self._one(phone, effect.ticket))
        if isinstance(effect, File):
            return self._file(effect, phone)
        done = 0
        for act in effect.acts:
            followed = self._one(phone, effect.ticket)
            if followed is None or followed.case is None:
                break
            if act.action not in can(followed, self.directory, self.now):
                break
            cause = f"{effect.key}/{act.action}"
            if followed.case.by_cause(cause) is None:
                self._citizen_acts(followed, act, cause)
            done += 1
        followed = self._one(phone, effect.ticket)
        if done < len(effect.acts) or followed is None:
            return NotActed(effect.ticket, effect.acts[done:], followed)
        return Acted(effect.ticket, effect.acts, followed)

    def _file(self, effect: File, phone: Phone) -> Outcome:
        known = self._keys.get((phone.id, effect.key))
        if known is None:
            try:
                known = self.file(effect.application, "whatsapp", phone.id)
            except Faulty as error:
                return NotFiled(effect.draft, tuple(fault.field for fault in error.faults))
            self._keys[phone.id, effect.key] = known
        number = tickets.show(self.directory.code, known)
        return Filed(effect.draft, known, number, f"https://samvad.test/s/{known}")

    def file(self, application: Application, channel: str, client: str = "") -> str:
        """A case by whatever channel; its ticket. Raises Faulty."""
        found = consider(application, self.directory, suggests(self.directory))
        ticket = tickets.make(tickets.year_of(self.now), len(self.cases) + 101)
        service = self.directory.service_by_id.get(found.service or "")
        case = Case(
            ticket=ticket,
            district=self.directory.id,
            kind=found.kind,
            channel=channel,
            language=found.language,
            priority=found.priority,
            filed_at=self.now,
            updated_at=self.now,
            directory_version=found.directory_version,
            state="assigned" if service is not None else "triage",
            service=found.service,
            suggested=found.suggested,
            department=service.department if service is not None else None,
            place=CasePlace(
                found.block, found.village, found.village_text, found.landmark, found.lat, found.lng
            ),
            name=found.name,
            phone=found.phone,
            on_behalf_of=found.on_behalf_of,
            text=found.text,
            media=found.media,
            unwritten=found.recordings,
            confidential=found.confidential,
            dangers=found.dangers,
        )
        self._keep(ticket, case)
        if channel == "whatsapp":
            self.clients[ticket] = client
        if found.user_id is not None:
            self.user_ids[ticket] = found.user_id
        return ticket

    def _citizen_acts(self, followed: Followed, act: CitizenAct, cause: str) -> None:
        data: dict[str, Any] = {}
        if act.action == "reopen":
            data = placement(followed, self.directory, self.now, Text(hi="{to}", en="{to}"))
        elif act.action == "rate":
            data = {"rating": act.rating}
        elif act.media:
            data = {"media": list(act.media)}
        citizen = Actor("citizen", None, self.directory.id)
        public = act.words is not None
        done = Act(act.action, citizen, cause=cause, note=act.words, public=public, data=data)
        self._perform(followed.ticket, replace(done, recordings=act.recordings))

    # ------------------------------------------------------------ the office

    def office(self, ticket: str, action: str, words: str = "") -> None:
        """The office does it, after whatever must come before; the citizen is told. Raises Refused."""
        officer = Actor("head", "phe-head-1", self.directory.id)
        case = self._case(ticket)
        if case.state == "triage":
            department = {"department": self.directory.departments[0].id}
            routing = Actor("routing", "routing", self.directory.id)
            self._perform(ticket, Act("assign", routing, data=department))
        before = {"start": ["acknowledge"], "ask_citizen": ["acknowledge"]}
        before |= {"reply": ["acknowledge"], "resolve": ["acknowledge", "start"]}
        for one in before.get(action, ()):
            with suppress(Refused):  # it was done before
                self._perform(ticket, Act(one, officer))
        if action == "reject":
            by = Actor("officer", "phe-akaltara-1", self.directory.id)
            self._perform(ticket, Act("propose_rejection", by, data={"reason": words}))
            self._perform(ticket, Act("reject", officer))
        elif action == "close":
            self._perform(ticket, Act("close", Actor("rule", "rule", self.directory.id)))
        else:
            self._perform(ticket, Act(action, officer, note=words or None, public=bool(words)))
        self._notice(ticket, action, words)

    def _notice(self, ticket: str, action: str, words: str) -> None:
        name = _NOTICES.get(action)
        phone = self._owner(ticket)
        if name is None or phone is None or phone.conversation.opted_out:
            return
        language = phone.conversation.language
        template = _templates()[name]
        values = defaultdict(str, ticket=tickets.show(self.directory.code, ticket), words=words)
        values |= {"link": f"https://samvad.test/s/{ticket}", "call_centre": "7970001634"}
        self._shown += 1
        shown = Shown(
            f"out-{self._shown}",
            template["whatsapp"][language].format_map(values),
            tuple((f"{b['id']}:{ticket}", b[language], "") for b in template.get("buttons", ())),
            notice=True,
        )
        phone.shown.append(shown)
        told = remember(phone.conversation, shown.id, ticket)
        phone.memory = replace(phone.memory, conversation=told)

    def _owner(self, ticket: str) -> Phone | None:
        """To whom notify writes of the case: who has its number now, or the user id."""
        case = self._case(ticket)
        for phone in self.phones:
            if case.phone is not None and phone.memory.number == case.phone:
                return phone
            if case.phone is None and phone.memory.user == self.user_ids.get(ticket, ""):
                return phone
        return None

    # ------------------------------------------------------------ cases

    def _case(self, ticket: str) -> Case:
        case = self.cases[ticket].case
        assert case is not None
        return case

    def _one(self, phone: Phone, ticket: str) -> Followed | None:
        return next((one for one in self.own(phone) if one.ticket == ticket), None)

    def _perform(self, ticket: str, act: Act) -> None:
        case = self._case(ticket)
        after, _ = perform(case, act, n=len(case.history) + 1, at=self.now)
        self._keep(ticket, after)

    def _keep(self, ticket: str, case: Case) -> None:
        closes = None
        if case.state == "resolved" and case.resolved_at is not None:
            closes = case.resolved_at + timedelta(days=7)
        deadline = case.filed_at + timedelta(days=7)
        self.cases[ticket] = Followed(
            ticket, case.district, case.kind, case.filed_at, case, deadline, None, closes
        )


@cache
def _templates() -> Mapping[str, Any]:
    text = (Path(DATA) / TEMPLATES).read_text(encoding="utf-8")
    found: Mapping[str, Any] = yaml.safe_load(text)["templates"]
    return found


_SMALLER: dict[tuple[int, str], tuple[District, District]] = {}


def without_service(district: District, service: str) -> District:
    """The district after it has given up a service; the same value every time."""
    known = _SMALLER.get((id(district), service))
    if known is None or known[0] is not district:
        kept = tuple(one for one in district.services if one.id != service)
        known = _SMALLER[id(district), service] = (district, replace(district, services=kept))
    return known[1]


def said_of(replies: Sequence[Shown]) -> str:
    return "\n".join(shown.text for shown in replies)
