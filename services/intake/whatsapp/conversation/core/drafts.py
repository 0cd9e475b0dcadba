"""The life of drafts: begun, put aside for another, taken up again, undone, thrown away. Pure."""

from __future__ import annotations

from dataclasses import replace

from services.intake.whatsapp.conversation.core.card import take_back
from services.intake.whatsapp.conversation.core.model import MOST_PARKED, At, Draft, Option
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain.filing import comparable

MOST_GIST = 60
_ABOUT_DRAFT: frozenset[At] = frozenset({"draft", "behalf", "correct", "cancel", "park", "resume"})


def new(stage: Stage, **fields: object) -> None:
    """Begin another case; the one in hand, where there is one, was put aside or thrown away before."""
    number = stage.conversation.drafts + 1
    draft = Draft(number, warned=stage.warned)
    stage.go("draft", draft=replace(draft, **fields), drafts=number)  # type: ignore[arg-type]


def can_begin(stage: Stage) -> bool:
    """Somebody wants to tell something new. Whether he can begin; else he was asked what becomes of the
    draft that is open."""
    draft = stage.conversation.draft
    if draft is None:
        return True
    if draft.is_blank:
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
    if in_hand is not None and in_hand.is_blank:
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


def forget(stage: Stage) -> None:
    stage.set(draft=None)
    stage.go("idle")
