"""What somebody says in his own words, a photo, a pin: to whatever is being talked about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.intake.following import Followed, can
from services.intake.whatsapp.conversation.core import aftercare, cases, drafting, talk
from services.intake.whatsapp.conversation.core.card import correct
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import MOST_PENDING, At
from services.intake.whatsapp.conversation.core.numbers import ticket_in
from services.intake.whatsapp.conversation.core.questions import number_in
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import says_something


def hear(stage: Stage, inbound: Inbound) -> None:
    """The case that it answers takes the message, or else what is being talked about."""
    ticket = about_case(stage, inbound)
    followed = stage.world.case(ticket) if ticket is not None else None
    if followed is not None:
        drafting.home(stage)
        aftercare.about(stage, followed, [inbound])
    elif not aftercare.joins_album(stage, inbound):
        _HEARS[stage.conversation.at](stage, inbound)


def about_case(stage: Stage, inbound: Inbound) -> str | None:
    """The ticket that the message was about which this one answers; or the one of his that it names."""
    if inbound.replies_to is not None:
        return dict(stage.conversation.told).get(inbound.replies_to)
    ticket = ticket_in(inbound.text)[0] if stage.conversation.at in ("idle", "case", "parked") else None
    return ticket if ticket is not None and stage.world.case(ticket) is not None else None


# ------------------------------------------------------------------ nothing is open


def _idle(stage: Stage, inbound: Inbound) -> None:
    words = stage.words
    if inbound.media is not None or inbound.location is not None:
        _new_or_answer(stage, inbound)
    elif inbound.sort != "text":
        stage.say("other")
        talk.menu(stage)
    elif words.is_greeting(inbound.text):
        talk.welcome(stage)
    elif aftercare.is_verdict(stage, inbound):
        return
    elif words.is_abuse(inbound.text) and not talk.suggests(stage, inbound.text):
        stage.say("abuse", call_centre=stage.world.directory.call_centre.phone)
    elif says_something(inbound.text) and cases.is_asked(stage):
        _new_or_answer(stage, inbound)
    elif words.is_nod(inbound.text) and stage.conversation.last_at is not None:
        stage.say("thanks")
    elif _tells(stage, inbound.text):
        _new_or_answer(stage, inbound)
    elif stage.conversation.last_at is None:
        talk.welcome(stage)
    else:
        _not_understood(stage)


def _not_understood(stage: Stage) -> None:
    failures = stage.conversation.failures + 1
    if failures >= drafting.PATIENCE:
        drafting.fail(stage)
        return
    stage.set(failures=failures)
    stage.say("not_understood")
    stage.ask("menu.ask", talk.menu_options(stage))


def _tells(stage: Stage, text: str) -> bool:
    """Whether words tell something, rather than try out what happens."""
    if not stage.words.tells(text):
        return False
    return len(text.split()) >= aftercare.STORY_WORDS or talk.suggests(stage, text)


def _new_or_answer(stage: Stage, inbound: Inbound) -> None:
    """A new story, unless it may be about a case of his: then he says which of the two it is."""
    asked = _cases_meant(stage, inbound)
    if len(asked) == 1 and _is_about(stage, inbound, asked[0]):
        aftercare.about(stage, asked[0], [inbound])
    elif asked:
        one = "answer.which" if asked[0].state != "closed" else "answer.which.closed"
        key = one if len(asked) == 1 else "cases.which"
        cases.pick(stage, asked, "answer", key, pending=[inbound])
    else:
        drafting.begin(stage, [inbound])


def _is_about(stage: Stage, inbound: Inbound, meant: Followed) -> bool:
    """Whether it is surely about a case of which he was just told: it tells of nothing else. An officer is
    answered with a few words; more may be about anything."""
    if talk.suggests(stage, inbound.text):
        return False
    if meant.state == "resolved":
        return True
    few = inbound.sort == "text" and len(inbound.text.split()) <= aftercare.STORY_WORDS
    return few and meant.state == "awaiting_citizen" and meant.ticket == stage.conversation.noticed


def _cases_meant(stage: Stage, inbound: Inbound) -> list[Followed]:
    """Those in which an officer waits for an answer, and the one that he was just told is resolved. All open
    ones, where his words do not say what they are about: "nothing has been done yet"; or those that he may
    open again."""
    known, noticed = stage.world.cases, stage.conversation.noticed
    found = [
        one
        for one in known
        if one.state == "awaiting_citizen" or (one.state == "resolved" and one.ticket == noticed)
    ]
    if found or inbound.sort != "text" or talk.suggests(stage, inbound.text):
        return found
    going_on = [one for one in known if one.case is not None and one.case.open]
    return going_on or [one for one in known if one.state == "closed" and _can_reopen(stage, one)]


def _can_reopen(stage: Stage, followed: Followed) -> bool:
    return "reopen" in can(followed, stage.world.directory, stage.world.now)


# ------------------------------------------------------------------ something is to be chosen


def _chosen(stage: Stage, inbound: Inbound) -> None:
    """Something was to be chosen, and this is none of it; but what has to wait for it waits."""
    if not _waits_too(stage, inbound):
        drafting.fail(stage)


def _about_draft(stage: Stage, inbound: Inbound) -> None:
    """The same, of the draft in hand: a photo or a pin is put to it."""
    if inbound.media is None and inbound.location is None:
        drafting.fail(stage)
        return
    stage.go("draft")
    drafting.take(stage, inbound)


def _cancel(stage: Stage, inbound: Inbound) -> None:
    """Whoever goes on telling does not throw it away."""
    if talk.is_story(stage, inbound):
        stage.go("draft")
        drafting.take(stage, inbound)
    else:
        drafting.fail(stage)


def _correct(stage: Stage, inbound: Inbound) -> None:
    """What is to be changed, in his own words."""
    field = stage.words.correction(inbound.text) if inbound.sort == "text" else None
    if field and correct(stage, field):
        return
    tells = stage.words.is_sentence(inbound.text) or talk.suggests(stage, inbound.text)
    if tells and talk.is_story(stage, inbound):
        stage.go("draft")
        drafting.take(stage, inbound)
    else:
        _about_draft(stage, inbound)


def _behalf(stage: Stage, inbound: Inbound) -> None:
    if inbound.sort == "text":
        drafting.behalf(stage, inbound)
    else:
        _about_draft(stage, inbound)


def _call(stage: Stage, inbound: Inbound) -> None:
    """Whoever goes on telling does not want to be called, or to take a case back."""
    if not talk.is_story(stage, inbound):
        drafting.fail(stage)
        return
    drafting.home(stage)
    hear(stage, inbound)


def _pick(stage: Stage, inbound: Inbound) -> None:
    """Words in place of a choice: they wait with others, or are a new story."""
    if _waits_too(stage, inbound):
        return
    if stage.conversation.purpose != "answer" and talk.is_story(stage, inbound):
        drafting.home(stage)
        hear(stage, inbound)
    else:
        drafting.fail(stage)


def _waits_too(stage: Stage, inbound: Inbound) -> bool:
    """Put it to what waits for the choice; of an album the question is not asked again."""
    waiting, at = stage.conversation.pending, stage.conversation.at
    if not (waiting or at in ("park", "resume")) or len(waiting) >= MOST_PENDING:
        return False
    if not talk.is_story(stage, inbound):
        return False
    stage.set(pending=(*waiting, inbound))
    if inbound.media is not None and drafting.is_album(stage, drafting.WAITING):
        stage.asked = True
    else:
        stage.ask_again()
    return True


def _parked(stage: Stage, inbound: Inbound) -> None:
    """Whether the draft that was put aside is gone on with he leaves open."""
    stage.go("idle")
    hear(stage, inbound)


# ------------------------------------------------------------------ a case


def _case(stage: Stage, inbound: Inbound) -> None:
    if not aftercare.looked_at(stage, inbound):
        drafting.home(stage)
        hear(stage, inbound)


def _answer(stage: Stage, inbound: Inbound) -> None:
    aftercare.with_words(stage, inbound, "answer")


def _reason(stage: Stage, inbound: Inbound) -> None:
    aftercare.with_words(stage, inbound, "reopen")


def _add(stage: Stage, inbound: Inbound) -> None:
    aftercare.with_words(stage, inbound, "attach")


def _rating(stage: Stage, inbound: Inbound) -> None:
    if not aftercare.rated(stage, inbound):
        hear(stage, inbound)


def _call_phone(stage: Stage, inbound: Inbound) -> None:
    number = number_in(inbound)
    if number is None:
        drafting.fail(stage)
        return
    talk.call_him(stage, number)
    drafting.home(stage)


_HEARS: Mapping[At, Callable[[Stage, Inbound], None]] = {
    "idle": _idle,
    "draft": drafting.take,
    "behalf": _behalf,
    "correct": _correct,
    "cancel": _cancel,
    "park": _chosen,
    "parked": _parked,
    "resume": _chosen,
    "pick": _pick,
    "case": _case,
    "answer": _answer,
    "reason": _reason,
    "rating": _rating,
    "withdraw": _call,
    "add": _add,
    "call": _call,
    "call_phone": _call_phone,
}
