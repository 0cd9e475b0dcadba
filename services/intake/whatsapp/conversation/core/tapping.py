"""What was tapped, or said so that it means the same: an option's id, or a command. Pure.

Ids of a draft's options begin with its number, so a button of an older draft, which still stands in the chat,
can never answer a question about another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from services.intake.whatsapp.conversation.core import aftercare, cases, drafting, drafts, talk
from services.intake.whatsapp.conversation.core.card import correct
from services.intake.whatsapp.conversation.core.model import At, CitizenAct
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain import tickets
from services.kernel.domain.directory import KINDS


def tapped(stage: Stage, choice: str) -> None:
    head, _, rest = choice.partition(".")
    if head.isdecimal():
        _of_draft(stage, int(head[:9]), rest)
        return
    elsewhere = head == "case" and rest.partition(".")[0] != stage.conversation.ticket
    if stage.conversation.pending and (head == "menu" or elsewhere):
        drafting.keep_waiting(stage)
    taken = head in _TAKES and _TAKES[head](stage, rest)
    if not taken and not _is_for_ticket(stage, choice):
        _stale(stage)


def named(stage: Stage, ticket: str) -> None:
    """He writes the number of a case: it is shown, or it is the one that is to be picked."""
    if stage.conversation.at == "pick" and stage.world.case(ticket) is not None:
        _pick(stage, ticket)
    else:
        talk.case_of(stage, ticket)


def _of_draft(stage: Stage, number: int, rest: str) -> None:
    conversation = stage.conversation
    ticket = next((ticket for n, ticket in conversation.filed if n == number), None)
    if ticket is not None:
        shown = tickets.show(stage.world.directory.code, ticket)
        stage.say("filed.already", number=shown)
        return
    if conversation.draft is None or conversation.draft.number != number:
        _stale(stage)
        return
    step, _, value = rest.partition(".")
    if step == "cancel":
        _cancel(stage, value)
    elif step == "correct":
        if not correct(stage, value):
            _stale(stage)
    else:
        drafting.answer(stage, step, value)


def _cancel(stage: Stage, value: str) -> None:
    if value == "yes":
        _throw_away(stage)
    else:
        stage.go("draft")


def _throw_away(stage: Stage) -> None:
    drafts.forget(stage)
    stage.say("cancelled")
    if not drafts.offer_parked(stage):
        talk.menu(stage)


def _stale(stage: Stage) -> None:
    """A button of long ago. What is open now is asked again, or the menu shown."""
    stage.say("stale")
    if stage.conversation.pending and stage.conversation.offered:
        stage.ask_again()  # what waits still waits
        return
    if stage.conversation.draft is None:
        talk.menu(stage)
    else:
        stage.go("draft")


# ------------------------------------------------------------------ ids that no draft has


def _menu(stage: Stage, what: str) -> bool:
    if what == "new":
        _new(stage)
    elif what == "cases":
        talk.own_cases(stage)
    elif what == "human":
        talk.human(stage)
    elif what in ("continue", "back"):
        drafting.home(stage)
        if stage.conversation.draft is None:
            talk.menu(stage)
    elif what == "menu":
        talk.menu(stage)
    else:
        return False
    return True


def _new(stage: Stage) -> None:
    if not drafts.can_begin(stage):
        return
    drafts.new(stage)
    # who says what it is need not be asked
    inbound = stage.inbound
    typed = inbound.text if inbound is not None and inbound.sort == "text" else ""
    kinds = [kind for kind in KINDS if kind in stage.words.answers(typed)]
    if len(kinds) == 1:
        stage.answered("kind", kind=kinds[0])


def _park(stage: Stage, what: str) -> bool:
    """What becomes of the open draft when another is begun, or when he is back after long."""
    if what == "take":
        return drafts.take_up(stage)
    if what == "later":
        stage.go("idle")
        stage.say("parked.later")
        return True
    number, _, what = what.rpartition(".")
    waiting = stage.conversation.pending
    told = [one for one in waiting if talk.is_story(stage, one)]
    draft = stage.conversation.draft
    asked = stage.conversation.at in ("park", "resume")
    if draft is None or not asked or number != str(draft.number):
        return False
    if what == "continue":
        is_new = stage.conversation.at == "park"
        stage.go("draft")
        if told and is_new:
            drafting.begin_behind(stage, told)
        elif told:
            drafting.put(stage, told)
        return True
    if what == "new":
        if not drafts.put_aside(stage):
            return False
    elif what == "drop":
        drafts.forget(stage)
        stage.say("cancelled")
    else:
        return False
    stage.go("idle")
    if told:
        drafting.begin(stage, told)
    elif waiting and what == "drop":
        talk.menu(stage)  # he had only greeted
    else:
        drafts.new(stage)
    return True


def _case(stage: Stage, rest: str) -> bool:
    ticket, _, what = rest.partition(".")
    followed = stage.world.case(tickets.parse(ticket))
    return followed is not None and aftercare.begin(stage, followed, what)


def _pick(stage: Stage, rest: str) -> bool:
    waiting, purpose = stage.conversation.pending, stage.conversation.purpose
    if rest == "new":
        stage.go("idle")
        if waiting:
            drafting.begin(stage, waiting)
        else:
            _new(stage)
        return True
    if rest == "draft":
        if stage.conversation.draft is None:
            return False
        stage.go("draft")
        if waiting:
            drafting.put(stage, waiting)
        return True
    followed = stage.world.case(tickets.parse(rest))
    if followed is None:
        return False
    stage.set(pending=(), purpose=None)
    if purpose == "answer" and waiting:
        aftercare.about(stage, followed, waiting)
    elif purpose in ("confirm", "unsatisfied", "withdraw"):
        cases.begin(stage, followed, purpose)
    else:
        cases.show(stage, followed)
    return True


def _withdraw(stage: Stage, rest: str) -> bool:
    ticket, _, what = rest.partition(".")
    if stage.conversation.at != "withdraw" or ticket != stage.conversation.ticket:
        return False
    if what == "yes":
        cases.act(stage, ticket, CitizenAct("withdraw"))
    else:
        stage.say("kept")
        drafting.home(stage)
    return True


def _rating(stage: Stage, rest: str) -> bool:
    ticket, _, what = rest.partition(".")
    if stage.conversation.at != "rating" or ticket != stage.conversation.ticket:
        return False
    if what not in map(str, cases.STARS):
        return False
    cases.act(stage, ticket, CitizenAct("rate", rating=int(what)))
    return True


def _call(stage: Stage, what: str) -> bool:
    if stage.conversation.at != "call":
        return False
    if what == "yes" and stage.inbound is not None:
        talk.call_him(stage, stage.inbound.person.number)
    elif what == "no":
        stage.say("call.not")
    else:
        return False
    if stage.conversation.at == "call":
        drafting.home(stage)
    return True


def _is_for_ticket(stage: Stage, choice: str) -> bool:
    """The buttons under the message that a case is resolved; notify's, so they have its form."""
    what, _, rest = choice.partition(":")
    ticket = tickets.parse(rest)
    if what not in ("satisfied", "unsatisfied") or ticket is None:
        return False
    followed = stage.world.case(ticket)
    if followed is None:
        talk.case_of(stage, ticket)
        return True
    return aftercare.begin(stage, followed, "confirm" if what == "satisfied" else "unsatisfied")


_TAKES: Mapping[str, Callable[[Stage, str], bool]] = {
    "menu": _menu,
    "park": _park,
    "resume": _park,
    "case": _case,
    "pick": _pick,
    "withdraw": _withdraw,
    "rating": _rating,
    "call": _call,
}


# ------------------------------------------------------------------ commands


_OVER: frozenset[At] = frozenset(
    {"idle", "parked", "rating", "case", "add", "withdraw", "call", "call_phone"}
)
"""Where thanks end what is talked about."""


def command(stage: Stage, what: str) -> bool:
    """Carry out a command. Whether it is one here: a greeting is none in the middle of an answer."""
    if stage.conversation.pending and what not in ("help", "thanks"):
        drafting.keep_waiting(stage)
    if what in talk.SPEAKS:
        talk.speak(stage, talk.SPEAKS[what])
        if stage.conversation.last_at is None:
            talk.welcome(stage)
        elif stage.conversation.draft is None:
            talk.menu(stage)
        else:
            stage.go("draft")
    elif what in ("menu", "new", "cases", "human"):
        _menu(stage, what)
    elif what == "help":
        talk.help_(stage)
    elif what == "undo":
        drafts.undo(stage)
        if stage.conversation.draft is None:
            talk.menu(stage)
    elif what == "withdraw" and stage.conversation.draft is None:
        talk.withdraw(stage)
    elif what in ("cancel", "restart", "withdraw"):
        _give_up(stage, what)
    elif what == "thanks" and stage.conversation.at in _OVER:
        drafting.home(stage)
        stage.say("thanks")
    elif what == "thanks" and stage.conversation.at == "draft":
        stage.say("thanks.open")  # or he believes that it is registered; its question stands
    else:
        return False
    return True


def _give_up(stage: Stage, what: str) -> None:
    draft = stage.conversation.draft
    if draft is None:
        stage.go("idle")
        if what == "restart":
            drafts.new(stage)
        else:
            stage.say("nothing_open")
            talk.menu(stage)
    elif what == "restart":
        drafts.forget(stage)
        stage.say("restarted")
        drafts.new(stage)
    elif not draft.is_blank:
        drafting.answer(stage, "confirm", "cancel")
    else:
        _throw_away(stage)
