"""What can be said at any moment: menu, help, language, status, a person. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from services.intake.following import can
from services.intake.whatsapp.conversation.core import cases
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import Callback, Conversation, Option, Tongue
from services.intake.whatsapp.conversation.core.saying import telephone
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain import danger
from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.filing import comparable


def welcome(stage: Stage) -> None:
    """To who greets, or says nothing that could be understood."""
    greeted = stage.conversation.last_at is not None
    stage.go("idle")
    district = stage.world.directory.name.say(stage.conversation.language)
    stage.ask("menu.again" if greeted else "welcome", menu_options(stage), district=district)


def menu(stage: Stage) -> None:
    stage.go("idle")
    stage.ask("menu.ask", menu_options(stage))


def menu_options(stage: Stage) -> list[Option]:
    shown = [
        stage.option("menu.new", "menu.new"),
        stage.option("menu.cases", "menu.cases"),
        stage.option("menu.human", "menu.human"),
    ]
    if stage.conversation.draft is not None:
        shown.insert(0, stage.option("menu.continue", "menu.continue"))
    return shown


def help_(stage: Stage) -> None:
    directory = stage.world.directory
    district = directory.name.say(stage.conversation.language)
    stage.ask("help", menu_options(stage), district=district, call_centre=directory.call_centre.phone)


def speak(stage: Stage, tongue: Tongue) -> None:
    stage.set(tongue=tongue)
    stage.say("tongue.changed")


# ------------------------------------------------------------------ cases


def is_story(stage: Stage, inbound: Inbound) -> bool:
    """Whether a message may tell of something: files, a pin, words that are no command and no nod."""
    if inbound.media is not None or inbound.location is not None:
        return True
    words = stage.words
    return (
        inbound.sort == "text"
        and words.tells(inbound.text)
        and not words.is_greeting(inbound.text)
        and words.command(inbound.text) is None
    )


def suggests(stage: Stage, text: str) -> bool:
    """Whether words tell of a trouble that is known, or of danger."""
    return bool(stage.world.suggest(comparable(text), "complaint") or danger.find(text))


def own_cases(stage: Stage) -> None:
    known = list(stage.world.cases)
    if not known:
        stage.go("idle")
        stage.ask("cases.none", menu_options(stage))
    elif len(known) == 1:
        cases.show(stage, known[0])
    else:
        cases.pick(stage, known, "status", "cases.ask")


def withdraw(stage: Stage) -> None:
    """He wants to take one back: which, if there are several; nothing is taken back before he is asked."""
    now, directory = stage.world.now, stage.world.directory
    known = [one for one in stage.world.cases if "withdraw" in can(one, directory, now)]
    if len(known) == 1:
        cases.begin(stage, known[0], "withdraw")
    elif known:
        cases.pick(stage, known, "withdraw", "cases.which")
    else:
        own_cases(stage)


def case_of(stage: Stage, ticket: str) -> None:
    """A ticket that he names: his own is shown; of anybody else's nothing, as of none."""
    followed = stage.world.case(ticket)
    if followed is None:
        no_case(stage)
    else:
        cases.show(stage, followed)


def no_case(stage: Stage) -> None:
    """The same for a number that was never given out, and for one that is another's."""
    stage.go("idle")
    phone = stage.world.directory.call_centre.phone
    stage.ask("case.unknown", menu_options(stage), call_centre=phone)


# ------------------------------------------------------------------ a person


def human(stage: Stage) -> None:
    """The call centre's number and hours, and the offer to call him."""
    directory = stage.world.directory
    centre = directory.call_centre
    hours = stage.voice.hours(directory.calendar_by_id[centre.calendar], stage.conversation.tongue)
    ticket = stage.conversation.ticket if stage.conversation.at == "case" else None
    stage.go("call", ticket=ticket)
    stage.ask(
        "call.offer",
        [stage.option("call.yes", "call.yes", "go"), stage.option("call.no", "call.no")],
        call_centre=centre.phone,
        hours=hours,
    )


def call_him(stage: Stage, phone: str | None) -> None:
    """Promise a call on `phone`; without one he is asked for it."""
    assert stage.inbound is not None
    if phone is None:
        stage.go("call_phone")
        stage.ask("call.phone", [stage.option("menu.back", "back", "no")])
        return
    draft = stage.conversation.draft
    stage.callbacks.append(
        Callback(
            key=stage.inbound.id,
            phone=phone,
            name=next(iter(stage.conversation.names), None) or stage.inbound.person.profile or None,
            words=draft.text if draft is not None and draft.text else None,
            ticket=stage.conversation.ticket,
        )
    )
    opens = next_opening(stage)
    stage.set(ticket=None)
    if opens <= stage.world.now:
        stage.say("call.soon", phone=telephone(phone))
    else:
        at = stage.voice.instant(opens, stage.world.directory.zone, stage.conversation.tongue)
        stage.say("call.later", phone=telephone(phone), at=at)


def next_opening(stage: Stage) -> datetime:
    """When somebody is at the call centre's telephones: now, or when it opens next."""
    directory, now = stage.world.directory, stage.world.now
    second = timedelta(seconds=1)
    first = WorkingCalendar(directory.calendar_by_id[directory.call_centre.calendar]).add(now, second)
    return now if first <= now + second else first - second


def resting(conversation: Conversation, now: datetime) -> timedelta:
    """How long nothing was heard of him."""
    return timedelta() if conversation.last_at is None else now - conversation.last_at


SPEAKS: Mapping[str, Tongue] = {"hindi": "hi", "english": "en", "chhattisgarhi": "hne"}
