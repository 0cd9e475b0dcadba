"""One turn while it is taken: the conversation as it stands, and what has been said so far. Pure.

The only thing here that changes; a step makes one, works on it and gives it up as a `Turn`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    MOST_OFFERED,
    At,
    Attachment,
    Callback,
    Conversation,
    Draft,
    Effect,
    Fallback,
    Option,
    Reply,
    Step,
    Turn,
    Wanted,
    World,
)
from services.intake.whatsapp.conversation.core.saying import Voice, reply
from services.intake.whatsapp.conversation.core.understanding import Words

BURST = timedelta(seconds=20)
"""Messages and photos that come so soon after one another are sent together."""


class Stage:
    """`inbound` is the message that the turn is about; of an outcome, nothing was sent."""

    def __init__(
        self,
        conversation: Conversation,
        world: World,
        voice: Voice,
        words: Words,
        inbound: Inbound | None = None,
    ) -> None:
        self.conversation = conversation
        self.world = world
        self.voice = voice
        self.words = words
        self.inbound = inbound
        self.warned = False
        self.asked = False
        self.effect: Effect | None = None
        self.replies: list[Reply] = []
        self.callbacks: list[Callback] = []
        self.wanted: list[Wanted] = []

    def turn(self) -> Turn:
        return Turn(
            self.conversation,
            tuple(self.replies),
            self.effect,
            tuple(self.callbacks),
            tuple(self.wanted),
        )

    @property
    def heard_at(self) -> datetime:
        """When the message came that the turn is about."""
        return self.inbound.at if self.inbound is not None else self.world.now

    @property
    def is_burst(self) -> bool:
        """Whether it came right after another message: he has not read what was said to that one."""
        last_at = self.conversation.last_at
        return last_at is not None and self.heard_at - last_at < BURST

    # ------------------------------------------------------------ the conversation

    def set(self, **changes: Any) -> None:
        self.conversation = replace(self.conversation, **changes)

    def go(self, at: At, **changes: Any) -> None:
        """What is being talked about from now on. Nothing waits any more, unless it is among `changes`."""
        self.set(**{"at": at, "failures": 0, "pending": (), **changes})

    @property
    def draft(self) -> Draft:
        """The draft in hand; it is asked for only where there is one."""
        draft = self.conversation.draft
        assert draft is not None
        return draft

    def change(self, **changes: Any) -> None:
        """Change the draft in hand."""
        self.set(draft=replace(self.draft, **changes))

    def answered(self, *steps: Step, **changes: Any) -> None:
        """A question about the draft is answered."""
        done = (*(step for step in self.draft.done if step not in steps), *steps)
        self.change(done=done, **changes)
        self.set(failures=0)

    def asked_again(self, *steps: Step) -> None:
        """Questions about the draft are open again."""
        self.change(done=tuple(step for step in self.draft.done if step not in steps))

    def attach(self, attachments: Sequence[Attachment]) -> None:
        self.change(media=(*self.draft.media, *attachments))

    # ------------------------------------------------------------ speaking

    def text(self, key: str, **values: str) -> str:
        return self.voice.say(key, self.conversation.tongue, **values)

    def option(self, id_: str, key: str, *means: str) -> Option:
        return Option(id_, self.text(key), means=means)

    def say(
        self, key: str, *, urgent: bool = False, fallback: Fallback | None = None, **values: str
    ) -> None:
        self.replies.append(reply(self.text(key, **values), urgent=urgent, fallback=fallback))

    def ask(
        self,
        key: str,
        options: Sequence[Option] = (),
        *,
        list_key: str = "list.open",
        **values: str,
    ) -> None:
        """Say it with what can be tapped; the options can be answered by their numbers too."""
        self.put(self.text(key, **values), options, list_key=list_key)

    def ask_again(self) -> None:
        """What was asked last, by what can be chosen."""
        self.ask("choose.again", self.conversation.offered)

    def put(self, text: str, options: Sequence[Option] = (), *, list_key: str = "list.open") -> None:
        """As `ask`, of a text that is made already."""
        shown = tuple(options[:MOST_OFFERED])
        self.replies.append(reply(text, shown, self.text(list_key)))
        self.set(offered=shown, noticed=None)
        self.asked = True
