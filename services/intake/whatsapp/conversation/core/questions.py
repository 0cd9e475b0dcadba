"""The questions about a draft that is no place: kind, story, service, name, number. Pure.

A question asks, takes what was tapped (`choose`, the value behind its id), and hears what was sent in its own
words. Both tell whether that was an answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import Option, Part
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import says_something
from services.kernel.domain import danger
from services.kernel.domain.directory import KINDS, Department, Service
from services.kernel.domain.errors import Invalid
from services.kernel.domain.filing import MOST_NAME, MOST_TEXT, comparable
from services.kernel.domain.phones import normalise
from services.kernel.domain.suggest import Suggestion, clear_suggestion
from services.kernel.domain.whatsapp_limits import MOST_BUTTONS

MOST_SUGGESTED = 3
MOST_ADDED = 3
"""So often in a row is something added to the story in place of a choice, before it is gone on."""
PAGE = 8
LONGEST_NAME_WORDS = 8
SHORTEST_TROUBLE = 4
"""Words in place of a name that tell of a trouble, where they sound like one."""
MOST_NAMES = 5


class Question(Protocol):
    def ask(self, stage: Stage) -> None: ...
    def choose(self, stage: Stage, value: str) -> bool: ...
    def hear(self, stage: Stage, inbound: Inbound) -> bool: ...


def option(
    stage: Stage, step: str, value: str, key: str, description: str = "", means: tuple[str, ...] = ()
) -> Option:
    """A button of the draft in hand: its id says which draft, which question and what is answered."""
    return Option(f"{stage.draft.number}.{step}.{value}", stage.text(key), description, means)


def hides_name(stage: Stage, inbound: Inbound) -> bool:
    """Whether he wants no name told, or none known to others. Then it is so, whenever he says it."""
    meant = stage.words.answers(inbound.text) & {"unnamed", "confidential"}
    if not meant or inbound.sort != "text":
        return False
    if stage.draft.step != "name":
        stage.say("name.secret" if "confidential" in meant else "name.without")
    stage.answered("name", name=None, confidential=stage.draft.confidential or "confidential" in meant)
    return True


def tell(stage: Stage, inbound: Inbound) -> bool:
    """Put the words of a message to the story; whether there were any that tell something."""
    words = inbound.text.strip()
    if not stage.words.tells(words):
        return False
    draft = stage.draft
    room = MOST_TEXT - len(draft.text) - 1
    if room <= 0:
        stage.say("story.full")
        return True
    if len(words) > room:
        stage.say("story.full")
    parts = (*draft.parts, Part(inbound.id, words[:room]))
    stage.change(parts=parts)
    return True


def adds(stage: Stage, inbound: Inbound, *, named: bool = False) -> bool:
    """Whether words in place of an answer tell more of what happened; then they are put to the story. Only
    once in a row, but for danger: what he says again he means. `named`: it is a name that is asked for, and
    no place, which may sound like a trouble ("स्कूल के पास")."""
    failures = stage.conversation.failures
    if inbound.sort != "text":
        return False
    if not danger.find(inbound.text) and (failures or not _tells_more(stage, inbound.text, named)):
        return False
    if not tell(stage, inbound):
        return False
    stage.set(failures=failures + 1)
    stage.say("added.words")
    return True


def _tells_more(stage: Stage, text: str, named: bool) -> bool:
    if stage.words.is_sentence(text):
        return True
    long = named and len(text.split()) >= SHORTEST_TROUBLE and not stage.words.has_surname(text)
    return long and bool(stage.world.suggest(comparable(text), stage.draft.kind))


def ask_behalf(stage: Stage) -> None:
    stage.go("behalf")
    stage.ask("behalf.ask", [stage.option("menu.back", "back", "no")])


class Kind:
    def ask(self, stage: Stage) -> None:
        stage.ask("kind.ask", [option(stage, "kind", kind, f"kind.{kind}") for kind in KINDS])

    def choose(self, stage: Stage, value: str) -> bool:
        if value not in KINDS:
            return False
        stage.answered("kind", kind=value)
        service = stage.world.directory.service_by_id.get(stage.draft.service or "")
        if service is not None and value not in service.kinds:
            stage.change(service=None)
            stage.asked_again("service")
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        """A story in place of the kind: it says itself what it is."""
        if inbound.sort != "text" or not tell(stage, inbound):
            return False
        stage.answered("kind", "story", kind=stage.words.kind_of(inbound.text))
        return True


class Story:
    def ask(self, stage: Stage) -> None:
        if stage.draft.media:
            stage.ask("story.more", [option(stage, "story", "enough", "story.enough")])
        else:
            stage.ask(f"story.ask.{stage.draft.kind}")

    def choose(self, stage: Stage, value: str) -> bool:
        if value != "enough" or not stage.draft.media:
            return False
        stage.answered("story")
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.sort != "text" or not tell(stage, inbound):
            return False
        stage.answered("story")
        return True


class ServiceQuestion:
    """The likeliest three first; then all, by department."""

    def ask(self, stage: Stage) -> None:
        draft = stage.draft
        likely = self._likely(stage, draft.text)
        if not likely:
            self._departments(stage, 0)
            return
        # few are seen at once, on buttons; more are told apart by their departments, in a list
        few = len(likely) < MOST_BUTTONS
        means = ("yes", "right") if len(likely) == 1 else ()
        shown = [
            *(self._option(stage, service, bare=few, means=means) for service in likely),
            option(stage, "service", "list", "service.list", means=("no",)),
        ]
        if len(shown) != MOST_BUTTONS:
            why = "" if few else stage.text("service.unknown.why")
            shown.append(option(stage, "service", "unknown", "service.unknown", why))
        stage.ask("service.ask", shown, list_key="service.open")

    def choose(self, stage: Stage, value: str) -> bool:
        directory = stage.world.directory
        what, _, rest = value.partition("/")
        if value == "unknown":
            stage.answered("service", service=None)
        elif value in ("list", "all"):
            self._departments(stage, 0)
        elif what == "page" and rest.isdecimal():
            self._departments(stage, int(rest[:3]))
        elif what == "dept" and rest in directory.department_by_id:
            self._services(stage, directory.department_by_id[rest])
        elif value in directory.service_by_id:
            service = directory.service_by_id[value]
            if stage.draft.kind not in service.kinds:
                return False
            stage.answered("service", service=value)
        else:
            return False
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        """More of the story: it may say better what it is about. Whoever does not choose, though he is asked
        again and again, is not held up."""
        if inbound.sort != "text" or not tell(stage, inbound):
            return False
        sure = clear_suggestion(self._suggested(stage, inbound.text))
        if sure is not None and len(inbound.text.split()) <= 3:
            stage.answered("service", service=sure.service)
            return True
        stage.say("added.words")
        if not stage.is_burst:
            stage.set(failures=stage.conversation.failures + 1)
        if stage.conversation.failures >= MOST_ADDED:
            stage.answered("service", service=None)
        return True

    def _likely(self, stage: Stage, text: str) -> list[Service]:
        by_id = stage.world.directory.service_by_id
        return [by_id[one.service] for one in self._suggested(stage, text)]

    def _suggested(self, stage: Stage, text: str) -> list[Suggestion]:
        found = stage.world.suggest(comparable(text), stage.draft.kind) if text else ()
        known = stage.world.directory.service_by_id
        return [one for one in found if one.service in known][:MOST_SUGGESTED]

    def _option(
        self, stage: Stage, service: Service, *, bare: bool = False, means: tuple[str, ...] = ()
    ) -> Option:
        """With its department; bare of it, it may stand on a button."""
        language = stage.conversation.language
        department = stage.world.directory.department_by_id.get(service.department)
        return Option(
            f"{stage.draft.number}.service.{service.id}",
            service.name.say(language),
            department.name.say(language) if department is not None and not bare else "",
            means,
        )

    def _departments(self, stage: Stage, page: int) -> None:
        directory, language = stage.world.directory, stage.conversation.language
        kind, number = stage.draft.kind, stage.draft.number
        offered = {s.department for s in directory.services if kind in s.kinds}
        known = [d for d in directory.departments if d.id in offered]
        pages = max(1, -(-len(known) // PAGE))
        page = page % pages
        shown = [
            Option(f"{number}.service.dept/{d.id}", d.name.say(language), self._some(stage, d))
            for d in known[page * PAGE : (page + 1) * PAGE]
        ]
        if pages > 1:
            shown.append(option(stage, "service", f"page/{page + 1}", "service.next"))
        shown.append(option(stage, "service", "unknown", "service.unknown"))
        stage.ask("service.departments", shown, list_key="service.open")

    def _some(self, stage: Stage, department: Department) -> str:
        """A few of a department's services: names of departments tell villagers little."""
        language = stage.conversation.language
        names = [
            service.name.say(language)
            for service in stage.world.directory.services
            if service.department == department.id and stage.draft.kind in service.kinds
        ]
        return ", ".join(names)

    def _services(self, stage: Stage, department: Department) -> None:
        of_it = [
            service
            for service in stage.world.directory.services
            if service.department == department.id and stage.draft.kind in service.kinds
        ]
        shown: Sequence[Option] = [
            Option(f"{stage.draft.number}.service.{s.id}", s.name.say(stage.conversation.language))
            for s in of_it[:PAGE]
        ]
        stage.ask(
            "service.of",
            [
                *shown,
                option(stage, "service", "all", "service.others"),
                option(stage, "service", "unknown", "service.unknown"),
            ],
            list_key="service.open",
            department=department.name.say(stage.conversation.language),
        )


class Name:
    """Whose name it is filed under. One phone may be many people's: nobody is taken for granted."""

    def ask(self, stage: Stage) -> None:
        number, behalf = stage.draft.number, stage.draft.on_behalf_of
        shown = [
            Option(f"{number}.name.{place}", name) for place, name in enumerate(self._known(stage))
        ]
        if behalf is None:
            shown.append(option(stage, "name", "behalf", "name.behalf"))
        key = "name.ask" if self._known(stage) else "name.ask.new"
        stage.ask("name.ask.behalf" if behalf else key, shown, whose=behalf or "")

    def choose(self, stage: Stage, value: str) -> bool:
        if value == "behalf":
            ask_behalf(stage)
            return True
        if value == "skip":
            stage.answered("name", name=None)
            return True
        known = self._known(stage)
        if not value.isdecimal() or int(value) >= len(known):
            return False
        stage.answered("name", name=known[int(value)])
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        known, meant = self._known(stage), stage.words.answers(inbound.text)
        if "self" in meant and known:
            stage.answered("name", name=known[0])
            return True
        if adds(stage, inbound, named=True):
            return True
        name = name_in(stage, inbound)
        if name is None:
            return False
        stage.answered("name", name=name)
        return True

    def _known(self, stage: Stage) -> list[str]:
        profile = stage.inbound.person.profile if stage.inbound is not None else ""
        told = stage.words.name_told(stage.draft.text)
        known = [name for name in (told, *stage.conversation.names, profile) if is_name(name)]
        return list(dict.fromkeys(known))[:MOST_NAMES]


class Phone:
    """Only for who shows WhatsApp no number: by one he can be called and told by SMS."""

    def ask(self, stage: Stage) -> None:
        stage.ask("phone.ask", [option(stage, "phone", "skip", "skip")])

    def choose(self, stage: Stage, value: str) -> bool:
        if value != "skip":
            return False
        stage.answered("phone", phone=None)
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        if adds(stage, inbound, named=True):
            return True
        number = number_in(inbound)
        if number is None:
            return False
        stage.answered("phone", phone=number)
        return True


def number_in(inbound: Inbound) -> str | None:
    """The telephone number that a message or a visiting card is, in E.164."""
    if inbound.sort not in ("text", "contact"):
        return None
    try:
        return normalise(inbound.text)
    except Invalid:
        return None


def name_in(stage: Stage, inbound: Inbound) -> str | None:
    """The name that a message is; None for what is longer than a name, and for `yes` or `me`."""
    if inbound.sort != "text" or stage.words.answers(inbound.text):
        return None
    if stage.words.only_greets(inbound.text) or stage.words.only_asks(inbound.text):
        return None
    words = stage.words.name_told(inbound.text) or stage.words.name_in(inbound.text)
    told = stage.words.beside_place(words)
    if words != inbound.text.strip() and len(told) < len(words.split()):
        return None  # `मेरा नाम वोटर लिस्ट से कट …` tells no name
    return words if is_name(words) and not stage.words.is_no_name(words) else None


def is_name(words: str) -> bool:
    return (
        says_something(words)
        and len(words) <= MOST_NAME
        and len(words.split()) <= LONGEST_NAME_WORDS
        and sum(char.isdecimal() for char in words) < 3
        and "\n" not in words
    )
