"""The conversation: (conversation, message, world) → (conversation, replies, effect). Pure.

A message is looked at in this order, and the first that takes it answers: what changes nothing to talk about
(STOP, a flood, a reaction), what was tapped, a verdict on what was just resolved, a command, a person who is
back after long, and then whatever is being talked about (`hearing.py`, by `Conversation.at`). Words that
nobody expects are a story: they begin a case.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from services.intake.whatsapp.conversation.core import (
    aftercare,
    cases,
    drafting,
    drafts,
    flood,
    hearing,
    mending,
    talk,
    tapping,
)
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    MOST_REMEMBERED,
    MOST_TOLD,
    Acted,
    At,
    Conversation,
    Fallback,
    Filed,
    NotFiled,
    Outcome,
    Step,
    Turn,
    World,
)
from services.intake.whatsapp.conversation.core.numbers import looks_like_ticket, ticket_in
from services.intake.whatsapp.conversation.core.questions import MOST_NAMES
from services.intake.whatsapp.conversation.core.saying import Voice
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import Words, says_something
from services.kernel.domain import danger

RESUME_AFTER = timedelta(minutes=60)
"""After so long he is asked whether he wants to go on with a draft."""
FORGET_AFTER = timedelta(hours=24)
"""After so long nothing but a draft is still being talked about."""
FORGOTTEN_SOONER: Mapping[At, timedelta] = {
    "withdraw": RESUME_AFTER,
    "cancel": RESUME_AFTER,
    "add": timedelta(minutes=15),
}
"""What must not be taken for asked any more: a "yes" would undo something, a new story go to an old case."""
_OWN_WORDS: frozenset[At] = frozenset({"answer", "reason", "add"})
"""Where a number is what he says, and not what he chooses."""
_OPEN: frozenset[At] = frozenset({"idle", "case", "parked"})
"""Where a number that is none of a case was meant for one."""
LANDING: Mapping[str, tuple[Step, ...]] = {
    "service": ("service",),
    "place.block": ("place", "village"),
    "place.village": ("place", "village"),
    "citizen.phone": ("phone",),
    "citizen.name": ("name",),
    "text": ("story",),
}
"""Which question is asked again when a field cannot be filed."""


class Machine:
    """`step` takes a message, `after` the outcome of what the step before asked to be done."""

    def __init__(self, voice: Voice, words: Words) -> None:
        self._voice = voice
        self._words = words

    def step(self, conversation: Conversation, inbound: Inbound, world: World) -> Turn:
        """Raises CasesWanted where the world lacks them."""
        stage = Stage(conversation, world, self._voice, self._words, inbound)
        if not self._silent(stage, inbound):
            self._speak(stage, inbound)
            self._warn(stage, inbound)  # also to who floods: danger is answered before everything else
            if not self._flooded(stage, inbound):
                self._hear(stage, inbound)
            # when it came, not when we got to it: a backlog is neither a flood nor a long silence
            stage.set(last_at=max(inbound.at, conversation.last_at or inbound.at))
        return stage.turn()

    def after(
        self, conversation: Conversation, inbound: Inbound, outcome: Outcome, world: World
    ) -> Turn:
        """What is said of what was done. Raises CasesWanted."""
        stage = Stage(conversation, world, self._voice, self._words, inbound)
        if isinstance(outcome, Filed):
            self._filed(stage, outcome)
        elif isinstance(outcome, NotFiled):
            self._not_filed(stage, outcome)
        elif isinstance(outcome, Acted):
            self._acted(stage, outcome)
        else:
            cases.say_refused(stage, outcome)
            drafting.go_on(stage)
        return stage.turn()

    # ------------------------------------------------------------ what is answered by nobody

    def _silent(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.sort == "reaction":
            return True
        typed = inbound.sort in ("text", "choice")  # who keeps the choice hears what was tapped, too
        wants = stage.world.choices.wants(inbound.text) if typed else None
        if wants is False or (wants is True and stage.conversation.opted_out):
            # whoever keeps the choice answers it
            stage.set(opted_out=not wants)
            return True
        return False

    def _flooded(self, stage: Stage, inbound: Inbound) -> bool:
        conversation, heard, tell = flood.take(stage.conversation, inbound.at)
        stage.set(tokens=conversation.tokens, flooded=conversation.flooded)
        if tell:
            stage.say("flood", call_centre=stage.world.directory.call_centre.phone)
        return not heard

    def _speak(self, stage: Stage, inbound: Inbound) -> None:
        """The language of the first words that tell one."""
        if stage.conversation.tongue is None and inbound.sort in ("text", "media"):
            tongue = self._words.tongue_of(inbound.text)
            if tongue is not None:
                stage.set(tongue=tongue)

    # ------------------------------------------------------------ a message

    def _hear(self, stage: Stage, inbound: Inbound) -> None:
        if inbound.media is None:
            stage.set(album=None)
        if inbound.sort == "edited" or inbound.sort == "revoked":
            mending.corrected(stage, inbound)
        elif inbound.choice:
            tapping.tapped(stage, inbound.choice)
        else:
            self._forget(stage, inbound)
            if not self._commanded(stage, inbound) and not self._back_after_long(stage, inbound):
                hearing.hear(stage, inbound)
        if inbound.media is not None and inbound in stage.conversation.pending:
            stage.set(album=drafting.WAITING)
        drafting.go_on(stage)  # whatever the message did

    def _warn(self, stage: Stage, inbound: Inbound) -> None:
        """Danger is answered at once, and once for a draft."""
        if inbound.sort not in ("text", "media", "edited") or not danger.find(inbound.text):
            return
        draft = stage.conversation.draft
        if draft is not None and draft.warned:
            return
        emergency = stage.world.directory.emergency
        stage.warned = True
        stage.say(
            "danger", urgent=True, number=emergency.number, control_room=emergency.control_room
        )
        if draft is not None:
            stage.change(warned=True)

    def _forget(self, stage: Stage, inbound: Inbound) -> None:
        """What was talked about long ago is not talked about any more; the draft is."""
        at, rest = stage.conversation.at, talk.resting(stage.conversation, inbound.at)
        if at not in ("idle", "draft") and rest > FORGOTTEN_SOONER.get(at, FORGET_AFTER):
            drafting.home(stage)
            stage.set(offered=())

    def _commanded(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.sort != "text":
            return False
        if aftercare.notice_answered(stage, inbound):
            return True
        # what was asked comes first: "no" answers a question before it cancels anything
        answers = hearing.about_case(stage, inbound) is None and not self._is_long(stage)
        offered = stage.conversation.offered if answers else ()
        numbered = stage.conversation.at not in _OWN_WORDS
        option = self._words.option(inbound.text, offered, numbered=numbered)
        if option is not None and stage.conversation.at != "idle":
            tapping.tapped(stage, option.id)
            return True
        ticket, beside = ticket_in(inbound.text)
        command = self._words.command(beside)
        if command is not None and not (ticket is not None and command == "cases"):
            return tapping.command(stage, command)
        # ten digits may be a telephone number where one is asked for, or added
        draft = stage.conversation.draft if stage.conversation.at == "draft" else None
        asked = stage.conversation.at == "call_phone" or (
            draft is not None and draft.step in ("phone", "confirm")
        )
        if ticket is not None and not asked and (command is not None or not says_something(beside)):
            tapping.named(stage, ticket)
            return True
        if stage.conversation.at in _OPEN and looks_like_ticket(inbound.text):
            talk.no_case(stage)
            return True
        if option is not None:
            tapping.tapped(stage, option.id)
            return True
        return False

    def _back_after_long(self, stage: Stage, inbound: Inbound) -> bool:
        """Whether he is asked what becomes of the draft before his message is looked at."""
        if not self._is_long(stage) or hearing.about_case(stage, inbound) is not None:
            return False
        stage.go("resume", pending=(inbound,))
        stage.ask("resume.ask", drafts.fates(stage, "resume"), gist=drafts.gist(stage, stage.draft))
        return True

    def _is_long(self, stage: Stage) -> bool:
        """Whether he was away while a draft of his with something in it was talked about."""
        conversation = stage.conversation
        draft = conversation.draft
        if draft is None or conversation.at not in ("idle", "draft"):
            return False
        rest = talk.resting(conversation, stage.heard_at)
        return rest > RESUME_AFTER and not draft.is_blank

    # ------------------------------------------------------------ outcomes

    def _filed(self, stage: Stage, filed: Filed) -> None:
        draft = stage.conversation.draft
        directory = stage.world.directory
        told = stage.conversation.told
        is_danger = False
        if draft is not None and draft.number == filed.draft:
            is_danger = bool(danger.find(draft.text))
            names = (*filter(None, [draft.name]), *stage.conversation.names)
            told = (*told, *((message, filed.ticket) for message in draft.messages))
            stage.set(draft=None, names=tuple(dict.fromkeys(names))[:MOST_NAMES])
        stage.go(
            "idle",
            filed=(*stage.conversation.filed, (filed.draft, filed.ticket))[-MOST_REMEMBERED:],
            told=told[-MOST_TOLD:],
            offered=(),
            noticed=None,
        )
        emergency = directory.emergency
        values = {
            "ticket": filed.number,
            "district": directory.name.say(stage.conversation.language),
            "link": filed.link,
            "call_centre": directory.call_centre.phone,
            "emergency": emergency.number,
            "control_room": emergency.control_room,
        }
        digits = filed.ticket
        stage.say(
            "filed",
            fallback=Fallback("citizen_filed_danger" if is_danger else "citizen_filed", values),
            number=filed.number,
            digits=f"{digits[:2]} {digits[2:6]} {digits[6:]}",
            link=filed.link,
        )
        drafts.offer_parked(stage)

    def _not_filed(self, stage: Stage, refused: NotFiled) -> None:
        """Something of it is not so any more: the directory has changed since it was answered."""
        stage.say("not_filed")
        stage.go("draft")
        steps = {step for field in refused.fields for step in LANDING.get(field, ())}
        if not steps:
            steps = {"service", "place", "village"}
        stage.asked_again(*steps)
        if "service" in steps:
            stage.change(service=None)
        if "place" in steps:
            stage.change(block=None, village=None)
        if "story" in steps:
            stage.change(parts=())
        drafting.go_on(stage)

    def _acted(self, stage: Stage, acted: Acted) -> None:
        action, sent = cases.main_act(acted), stage.inbound
        photo = sent is not None and sent.media is not None
        if photo and action == "attach" and drafting.is_album(stage, acted.ticket):
            stage.asked = True  # one answer to an album
        else:
            cases.say_done(stage, acted)
        stage.set(album=acted.ticket if photo else None, noticed=None)
        if action == "confirm":
            cases.rate(stage, acted.ticket)
        elif action == "attach" and stage.conversation.at == "add":
            stage.set(offered=(stage.option("menu.back", "add.done", "enough"),))
        else:
            drafting.home(stage)
            if stage.conversation.draft is None:
                stage.set(offered=())  # what was offered is done
            drafting.go_on(stage)


def remember(conversation: Conversation, message: str, ticket: str) -> Conversation:
    """A message of ours was about this case: an answer to it is too."""
    if (message, ticket) in conversation.told:
        return conversation
    told = (*conversation.told, (message, ticket))[-MOST_TOLD:]
    return replace(conversation, told=told, noticed=ticket)
