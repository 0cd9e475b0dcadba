"""The conversation: (conversation, message, world) → (conversation, replies, effect). Pure.

A message is looked at in this order, and the first that takes it answers: what changes nothing to talk about
(STOP, a flood, a reaction), what was tapped, a command, a person who is back after long, and then whatever is
being talked about (`_HEARS`, by `Conversation.at`). Words that nobody expects are a story: they begin a case.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from services.intake.whatsapp.conversation.core import cases, flood, hearing, talk, tapping
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    MOST_REMEMBERED,
    Acted,
    Conversation,
    Fallback,
    Filed,
    NotActed,
    NotFiled,
    Outcome,
    Step,
    Turn,
    World,
)
from services.intake.whatsapp.conversation.core.questions import MOST_NAMES
from services.intake.whatsapp.conversation.core.saying import Voice
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import Words, looks_like_ticket
from services.kernel.domain import danger, tickets

RESUME_AFTER = timedelta(minutes=60)
"""After so long he is asked whether he wants to go on with a draft."""
FORGET_AFTER = timedelta(hours=24)
"""After so long nothing but a draft is still being talked about."""
LANDING: Mapping[str, tuple[Step, ...]] = {
    "service": ("service",),
    "place.block": ("place", "village"),
    "place.village": ("place", "village"),
    "citizen.phone": ("phone",),
    "citizen.name": ("name",),
    "text": ("story",),
}
"""Which question is asked again when a field cannot be filed."""
Hear = Callable[[Stage, Inbound], bool]


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
            if not self._flooded(stage):
                self._hear(stage, inbound)
        stage.set(last_at=world.now)
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
        return stage.turn()

    # ------------------------------------------------------------ what is answered by nobody

    def _silent(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.sort == "reaction":
            return True
        wants = stage.world.choices.wants(inbound.text) if inbound.sort == "text" else None
        if wants is False or (wants is True and stage.conversation.opted_out):
            # whoever keeps the choice answers it
            stage.set(opted_out=not wants)
            return True
        return False

    def _flooded(self, stage: Stage) -> bool:
        conversation, heard, tell = flood.take(stage.conversation, stage.world.now)
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
        self._warn(stage, inbound)
        if inbound.sort == "edited" or inbound.sort == "revoked":
            hearing.corrected(stage, inbound)
        elif inbound.choice:
            tapping.tapped(stage, inbound.choice)
        elif not self._commanded(stage, inbound) and not self._back_after_long(stage, inbound):
            hearing.hear(stage, inbound)
        self._go_on(stage)

    def _warn(self, stage: Stage, inbound: Inbound) -> None:
        """Danger is answered before everything else, once for a draft."""
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

    def _commanded(self, stage: Stage, inbound: Inbound) -> bool:
        if inbound.sort != "text":
            return False
        # what was asked comes first: "no" answers a question before it cancels anything
        option = self._words.option(inbound.text, stage.conversation.offered)
        if option is not None and stage.conversation.at != "idle":
            tapping.tapped(stage, option.id)
            return True
        command = self._words.command(inbound.text)
        if command is not None:
            return tapping.command(stage, command)
        ticket = tickets.parse(inbound.text)
        # ten digits may be a telephone number where one is asked for
        draft = stage.conversation.draft if stage.conversation.at == "draft" else None
        asked = stage.conversation.at == "call_phone" or (draft is not None and draft.step == "phone")
        if ticket is not None and not asked:
            talk.case_of(stage, ticket)
            return True
        if stage.conversation.at == "idle" and looks_like_ticket(inbound.text):
            talk.no_case(stage)
            return True
        if option is not None:
            tapping.tapped(stage, option.id)
            return True
        return False

    def _back_after_long(self, stage: Stage, inbound: Inbound) -> bool:
        """Whether he is asked what becomes of the draft before his message is looked at."""
        conversation = stage.conversation
        rest = talk.resting(conversation, stage.world.now)
        if conversation.at not in ("idle", "draft") and rest > FORGET_AFTER:
            stage.go("draft" if conversation.draft is not None else "idle")
        draft = stage.conversation.draft
        if draft is None or rest <= RESUME_AFTER or not (draft.parts or draft.media):
            return False
        stage.go("resume", pending=inbound)
        stage.ask(
            "resume.ask",
            [
                stage.option("resume.continue", "park.continue"),
                stage.option("resume.new", "park.new"),
                stage.option("resume.drop", "park.drop"),
            ],
            gist=talk.gist(stage, draft),
        )
        return True

    def _go_on(self, stage: Stage) -> None:
        """Whatever the message did: the open question about the draft is asked, unless something was asked
        just now, is done, or waits for its outcome."""
        hearing.go_on(stage)

    # ------------------------------------------------------------ outcomes

    def _filed(self, stage: Stage, filed: Filed) -> None:
        draft = stage.conversation.draft
        directory = stage.world.directory
        told = stage.conversation.told
        if draft is not None and draft.number == filed.draft:
            names = (*filter(None, [draft.name]), *stage.conversation.names)
            told = (*told, *((part.message, filed.ticket) for part in draft.parts))
            stage.set(draft=None, names=tuple(dict.fromkeys(names))[:MOST_NAMES])
        stage.go(
            "idle",
            filed=(*stage.conversation.filed, (filed.draft, filed.ticket))[-MOST_REMEMBERED:],
            told=told[-MOST_REMEMBERED:],
            offered=(),
        )
        values = {
            "ticket": filed.number,
            "district": directory.name.say(stage.conversation.language),
            "link": filed.link,
            "call_centre": directory.call_centre.phone,
        }
        digits = filed.ticket
        stage.say(
            "filed",
            fallback=Fallback("citizen_filed", values),
            number=filed.number,
            digits=f"{digits[:2]} {digits[2:6]} {digits[6:]}",
            link=filed.link,
        )
        if stage.conversation.parked:
            left = stage.conversation.parked[-1]
            stage.ask(
                "parked.left",
                [stage.option("park.take", "park.take"), stage.option("park.later", "park.later")],
                gist=talk.gist(stage, left),
            )

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
        hearing.go_on(stage)

    def _acted(self, stage: Stage, acted: Acted) -> None:
        cases.say_done(stage, acted)
        action = acted.acts[0].action
        if action == "confirm":
            cases.rate(stage, acted.ticket)
        elif action == "attach" and stage.conversation.at == "add":
            stage.set(offered=(stage.option("menu.back", "add.done"),))
        else:
            hearing.home(stage)
            hearing.go_on(stage)


def remember(conversation: Conversation, message: str, ticket: str) -> Conversation:
    """A message of ours was about this case: an answer to it is too."""
    if (message, ticket) in conversation.told:
        return conversation
    told = (*conversation.told, (message, ticket))[-MOST_REMEMBERED:]
    return replace(conversation, told=told)


__all__ = ["Acted", "Machine", "NotActed", "Turn", "remember"]
