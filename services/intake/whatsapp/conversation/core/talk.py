"""What can be said at any moment: menu, help, language, status, a person, undo, cancel, a new case. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.intake.whatsapp.conversation.core import cases
from services.intake.whatsapp.conversation.core.model import (
    MOST_PARKED,
    Callback,
    Conversation,
    Draft,
    Option,
    Tongue,
)
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.phones import mask

MOST_GIST = 60


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
    centre = stage.world.directory.call_centre
    stage.ask("help", menu_options(stage), call_centre=centre.phone)


def speak(stage: Stage, tongue: Tongue) -> None:
    stage.set(tongue=tongue)
    stage.say("tongue.changed")


# ------------------------------------------------------------------ cases


def own_cases(stage: Stage) -> None:
    known = list(stage.world.cases)
    if not known:
        stage.go("idle")
        stage.ask("cases.none", menu_options(stage))
    elif len(known) == 1:
        cases.show(stage, known[0])
    else:
        cases.pick(stage, known, "status", "cases.ask")


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
        [stage.option("call.yes", "call.yes"), stage.option("call.no", "call.no")],
        call_centre=centre.phone,
        hours=hours,
    )


def call_him(stage: Stage, phone: str | None) -> None:
    """Promise a call on `phone`; without one he is asked for it."""
    assert stage.inbound is not None
    if phone is None:
        stage.go("call_phone")
        stage.ask("call.phone", [stage.option("menu.back", "back")])
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
        stage.say("call.soon", phone=mask(phone))
    else:
        at = stage.voice.instant(opens, stage.world.directory.zone, stage.conversation.tongue)
        stage.say("call.later", phone=mask(phone), at=at)


def next_opening(stage: Stage) -> datetime:
    """When somebody is at the call centre's telephones: now, or when it opens next."""
    directory, now = stage.world.directory, stage.world.now
    second = timedelta(seconds=1)
    first = WorkingCalendar(directory.calendar_by_id[directory.call_centre.calendar]).add(now, second)
    return now if first <= now + second else first - second


# ------------------------------------------------------------------ drafts


def new_draft(stage: Stage, **fields: object) -> None:
    """Begin another case; the one in hand, where there is one, was put aside or thrown away before."""
    number = stage.conversation.drafts + 1
    draft = Draft(number, stage.world.now, warned=stage.warned)
    stage.go("draft", draft=replace(draft, **fields), drafts=number)  # type: ignore[arg-type]


def begin_new(stage: Stage) -> bool:
    """Somebody wants to tell something new. Whether he can begin; else he was asked what becomes of the
    draft that is open."""
    draft = stage.conversation.draft
    if draft is None:
        return True
    if not draft.parts and not draft.media:
        stage.set(draft=None)
        return True
    stage.go("park")
    shown = [stage.option("park.continue", "park.continue")]
    if len(stage.conversation.parked) < MOST_PARKED:
        shown.append(stage.option("park.new", "park.new"))
    shown.append(stage.option("park.drop", "park.drop"))
    stage.ask("park.ask", shown, gist=gist(stage, draft))
    return False


def put_aside(stage: Stage) -> None:
    """The draft in hand waits until the other is filed."""
    parked = (*stage.conversation.parked, stage.draft)[-MOST_PARKED:]
    stage.set(draft=None, parked=parked)


def take_up(stage: Stage) -> bool:
    """The draft that was put aside last comes into hand, where there is one."""
    parked = stage.conversation.parked
    if not parked:
        return False
    stage.go("draft", draft=parked[-1], parked=parked[:-1])
    return True


def gist(stage: Stage, draft: Draft) -> str:
    """A few words by which a person knows his draft again."""
    words = " ".join(draft.text.split())
    if not words:
        return stage.text("gist.media")
    return words if len(words) <= MOST_GIST else words[: MOST_GIST - 1].rstrip() + "…"


def undo(stage: Stage) -> None:
    """The last answer is taken back and its question asked again."""
    conversation = stage.conversation
    draft = conversation.draft
    if conversation.at not in ("draft", "behalf", "correct", "cancel") or draft is None:
        stage.say("undo.nothing")
        return
    if conversation.at == "draft" and draft.done:
        last = draft.done[-1]
        if last == "phone" and stage.inbound is not None and stage.inbound.person.number:
            stage.asked_again("phone")
            last = stage.draft.done[-1] if stage.draft.done else last
        stage.asked_again(last)
        if last == "story":
            stage.change(parts=())
        elif last == "village" and stage.draft.village is not None:
            stage.change(village=None)
    stage.go("draft")


def forget_draft(stage: Stage) -> None:
    stage.set(draft=None)
    stage.go("idle")


def resting(conversation: Conversation, now: datetime) -> timedelta:
    """How long nothing was heard of him."""
    return timedelta() if conversation.last_at is None else now - conversation.last_at


SPEAKS: Mapping[str, Tongue] = {"hindi": "hi", "english": "en", "chhattisgarhi": "hne"}
