"""What can be said at any moment: menu, help, language, status, a person, undo, cancel, a new case. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from services.intake.whatsapp.conversation.core import cases
from services.intake.whatsapp.conversation.core.card import take_back
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    MOST_PARKED,
    At,
    Callback,
    Conversation,
    Draft,
    Option,
    Tongue,
)
from services.intake.whatsapp.conversation.core.saying import telephone
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import says_something
from services.kernel.domain.calendar import WorkingCalendar
from services.kernel.domain.filing import comparable

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


def is_story(stage: Stage, inbound: Inbound) -> bool:
    """Whether a message may tell of something: files, a pin, words that are no command and no nod."""
    if inbound.media is not None or inbound.location is not None:
        return True
    words = stage.words
    return (
        inbound.sort == "text"
        and says_something(inbound.text)
        and not words.is_greeting(inbound.text)
        and not words.answers(inbound.text)
        and words.command(inbound.text) is None
    )


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


# ------------------------------------------------------------------ drafts


def new_draft(stage: Stage, **fields: object) -> None:
    """Begin another case; the one in hand, where there is one, was put aside or thrown away before."""
    number = stage.conversation.drafts + 1
    draft = Draft(number, warned=stage.warned)
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
    stage.ask("park.ask", fates(stage, "park"), gist=gist(stage, draft))
    return False


def fates(stage: Stage, head: str) -> list[Option]:
    """What can become of the draft in hand: no more than MOST_PARKED are put aside."""
    head = f"{head}.{stage.draft.number}"  # an old button is never about another draft
    shown = [stage.option(f"{head}.continue", "park.continue", "yes")]
    if len(stage.conversation.parked) < MOST_PARKED:
        shown.append(stage.option(f"{head}.new", "park.new"))
    return [*shown, stage.option(f"{head}.drop", "park.drop")]


def put_aside(stage: Stage) -> bool:
    """The draft in hand waits until the other is filed, where there is room."""
    parked = stage.conversation.parked
    if len(parked) >= MOST_PARKED:
        return False
    stage.set(draft=None, parked=(*parked, stage.draft))
    return True


def take_up(stage: Stage) -> bool:
    """The draft that was put aside last comes into hand, where there is one; another one takes its place."""
    parked = stage.conversation.parked
    if not parked:
        return False
    in_hand = stage.conversation.draft
    if in_hand is not None and not (in_hand.parts or in_hand.media):
        in_hand = None
    others = (*parked[:-1], in_hand) if in_hand is not None else parked[:-1]
    stage.go("draft", draft=parked[-1], parked=others)
    return True


def offer_parked(stage: Stage) -> bool:
    """Ask whether a draft that was put aside is to be gone on with, where there is one."""
    if not stage.conversation.parked:
        return False
    shown = [stage.option("park.take", "park.take", "yes"), stage.option("park.later", "park.later", "no")]
    stage.go("parked")
    stage.ask("parked.left", shown, gist=gist(stage, stage.conversation.parked[-1]))
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
    if draft is None or conversation.at not in _ABOUT_DRAFT:
        stage.say("undo.nothing")
        return
    if conversation.at == "draft" and _is_half_answered(stage):
        if draft.step == "place":
            take_back(stage, "place")
    elif conversation.at == "draft" and draft.done:
        last = draft.done[-1]
        if last == "phone" and stage.inbound is not None and stage.inbound.person.number:
            stage.asked_again("phone")
            last = stage.draft.done[-1] if stage.draft.done else last
        take_back(stage, "place" if last == "village" else last)
    stage.go("draft")


def _is_half_answered(stage: Stage) -> bool:
    """Whether the question has been gone into: a list of a list is shown, or the words wait for a block."""
    draft = stage.draft
    if draft.step != "service":
        return draft.step == "place" and draft.village_text is not None
    head = f"{draft.number}.service."
    shown = [one.id.removeprefix(head) for one in stage.conversation.offered]
    # the list of departments is the first one where no service was guessed
    guessed = bool(stage.world.suggest(comparable(draft.text), draft.kind))
    return "all" in shown or (guessed and any(value.startswith("dept/") for value in shown))


def forget_draft(stage: Stage) -> None:
    stage.set(draft=None)
    stage.go("idle")


def resting(conversation: Conversation, now: datetime) -> timedelta:
    """How long nothing was heard of him."""
    return timedelta() if conversation.last_at is None else now - conversation.last_at


_ABOUT_DRAFT: frozenset[At] = frozenset({"draft", "behalf", "correct", "cancel", "park", "resume"})
SPEAKS: Mapping[str, Tongue] = {"hindi": "hi", "english": "en", "chhattisgarhi": "hne"}
