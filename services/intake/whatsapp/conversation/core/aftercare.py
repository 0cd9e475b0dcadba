"""What is said or shown about a case that is filed: an answer, a verdict, a reason, more of it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.intake.following import Followed, can
from services.intake.whatsapp.conversation.core import cases, drafting, talk
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import MOST_PENDING, CitizenAct, recordings
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import is_sign, plain
from services.kernel.domain import tickets

STORY_WORDS = 3
"""So many words may tell something that no word list knows."""


def about(stage: Stage, followed: Followed, some: Sequence[Inbound]) -> None:
    """Messages about one case: the answer that is waited for, what he thinks of its end, or more."""
    may = can(followed, stage.world.directory, stage.world.now)
    words = "\n".join(inbound.text for inbound in some)
    meant = stage.words.verdict(words)
    if not any(map(has_content, some)):
        cases.show(stage, followed)
    elif "answer" in may:
        act_with(stage, followed.ticket, some, "answer")
    elif "confirm" in may and meant is not None:
        begin(stage, followed, "confirm" if meant == "yes" else "unsatisfied")
    elif "confirm" in may:
        stage.say("held")  # whether it is done he says first; then his words go with that
        cases.show(stage, followed, pending=some)
    elif stage.words.is_nod(words):
        stage.say("thanks")
    elif "attach" in may:
        act_with(stage, followed.ticket, some, "attach")
    else:
        cases.show(stage, followed, pending=some)


def begin(stage: Stage, followed: Followed, what: str) -> bool:
    """What he chose for a case; with what he sent before he chose, where that waits."""
    conversation = stage.conversation
    here = conversation.at == "case" and conversation.ticket == followed.ticket
    waiting = conversation.pending if here else ()
    action = {"unsatisfied": "reopen"}.get(what, what)
    may = can(followed, stage.world.directory, stage.world.now)
    if waiting and action in may and action in ("answer", "reopen", "attach", "confirm"):
        stage.set(pending=())
        act_with(stage, followed.ticket, waiting, action)
        return True
    return cases.begin(stage, followed, what)


def act_with(stage: Stage, ticket: str, some: Sequence[Inbound], action: str) -> None:
    """An act with what was sent; a recording is the words that are typed down later."""
    said = [_words(stage, inbound) for inbound in some]
    words = "\n".join(filter(None, said))[: cases.MOST_WORDS] or None
    kept = [drafting.keep(stage, one) for one in some if one.media is not None]
    files = CitizenAct("attach", media=tuple(one.id for one in kept), recordings=recordings(kept))
    if action == "attach":
        cases.act(stage, ticket, replace(files, words=words))
        return
    if words is None and action != "confirm":
        words = stage.text("said.media")
    spoken = CitizenAct(action, words=words)
    if not kept:
        cases.act(stage, ticket, spoken)
        return
    # attaching comes first where the act moves the case on, last where it is opened again
    both = (spoken, files) if action == "reopen" else (files, spoken)
    cases.act(stage, ticket, *both)


def _words(stage: Stage, inbound: Inbound) -> str:
    pin = inbound.location
    if pin is None:
        return inbound.text.strip()
    return stage.text("said.pin", lat=f"{pin.lat:.5f}", lng=f"{pin.lng:.5f}", words=pin.words)


def has_content(inbound: Inbound) -> bool:
    return (
        inbound.media is not None
        or inbound.location is not None
        or (inbound.sort == "text" and bool(inbound.text.strip()))
    )


def notice_answered(stage: Stage, inbound: Inbound) -> bool:
    """Yes or no, 1 or 2, right after the message that asks for it: that a case is resolved."""
    meant, sign = stage.words.verdict(inbound.text), is_sign(inbound.text)
    if (meant is None and not sign) or stage.conversation.noticed is None:
        return False
    followed = stage.world.case(stage.conversation.noticed)
    if followed is None or followed.state != "resolved":
        return False
    if sign:
        cases.show(stage, followed)  # it may say thanks for the message, and no more
        return True
    return begin(stage, followed, "confirm" if meant == "yes" else "unsatisfied")


def is_verdict(stage: Stage, inbound: Inbound) -> bool:
    """The same some time later, where one case is resolved, or where he says which. What is said then may be
    about anything: that it is done counts where no other case can be meant, else it is asked."""
    meant = stage.words.verdict(inbound.text)
    if meant is None:
        return False
    resolved = [one for one in stage.world.cases if one.state == "resolved"]
    what = "confirm" if meant == "yes" else "unsatisfied"
    certain = {"done", "undone"} & stage.words.answers(inbound.text) and stage.conversation.draft is None
    known = [one for one in stage.world.cases if one.case is None or one.case.open or one in resolved]
    if len(resolved) == len(known) == 1 and certain:
        begin(stage, resolved[0], what)
    elif len(resolved) == 1:
        cases.show(stage, resolved[0])
    elif resolved:
        cases.pick(stage, resolved, what if certain else "status", "cases.which")
    return bool(resolved)


def joins_album(stage: Stage, inbound: Inbound) -> bool:
    """A photo that comes with one that went to a case just now goes there too."""
    ticket = tickets.parse(stage.conversation.album or "")
    if ticket is None or inbound.media is None or stage.conversation.noticed is not None:
        return False
    if not drafting.is_album(stage, ticket):
        return False
    followed = stage.world.case(ticket)
    if followed is None or "attach" not in can(followed, stage.world.directory, stage.world.now):
        return False
    act_with(stage, ticket, [inbound], "attach")
    return True


# ------------------------------------------------------------------ what a case was asked for


def with_words(stage: Stage, inbound: Inbound, action: str) -> None:
    """The words that were asked for: an answer, a reason, or more."""
    ticket, words = stage.conversation.ticket, stage.words
    nods = inbound.sort == "text" and words.is_nod(inbound.text)
    no_reason = action == "reopen" and (nods or words.number(inbound.text) is not None)
    followed = stage.world.case(ticket) if action == "reopen" and not nods else None
    if ticket is not None and action == "attach" and nods:
        stage.say("thanks")
        drafting.home(stage)
    elif followed is not None and words.verdict(inbound.text) == "yes":
        cases.show(stage, followed)  # done after all, or not: he is asked again
    elif ticket is None or not _says(stage, inbound) or no_reason:
        drafting.fail(stage)
    else:
        act_with(stage, ticket, [inbound], action)


def _says(stage: Stage, inbound: Inbound) -> bool:
    """Whether it is more than a greeting, thanks or signs: numbers may answer a question."""
    words = stage.words
    if inbound.sort != "text":
        return has_content(inbound)
    polite = words.is_greeting(inbound.text) or words.command(inbound.text) is not None
    asks = stage.conversation.at == "reason" and words.only_asks(inbound.text)
    return bool(plain(inbound.text)) and not polite and not asks


def rated(stage: Stage, inbound: Inbound) -> bool:
    """Whoever says something else instead of rating tells of something new, or is done. Whether he is."""
    drafting.home(stage)
    text = inbound.text
    if inbound.sort != "text" or talk.suggests(stage, text) or stage.words.is_greeting(text):
        return False
    if stage.words.is_amiss(text) and not stage.words.only_answers(text):
        return False
    told = talk.is_story(stage, inbound) and len(text.split()) >= STORY_WORDS
    if told and not stage.words.is_praise(text):
        return False
    stage.say("thanks")
    return True


def looked_at(stage: Stage, inbound: Inbound) -> bool:
    """Words or a photo while a case is looked at: he says whether they are about it. Whether he is asked."""
    followed = stage.world.case(stage.conversation.ticket)
    waiting = stage.conversation.pending
    may = can(followed, stage.world.directory, stage.world.now) if followed is not None else ()
    if followed is None or not has_content(inbound) or stage.words.is_greeting(inbound.text):
        return False
    if inbound.sort == "text" and stage.words.is_nod(inbound.text):
        return False
    if "confirm" in may:
        about(stage, followed, (*waiting, inbound)[-MOST_PENDING:])
    elif "attach" in may and talk.is_story(stage, inbound):
        cases.pick(stage, [followed], "answer", "answer.which", pending=(*waiting, inbound)[-MOST_PENDING:])
    else:
        return False
    return True
