"""A message's whole life: calls, crashes, receipts in any order, waits; what must hold of it always."""

from __future__ import annotations

from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.notify.core.book import Audience, Channel
from services.notify.core.delivery import (
    LAPSED,
    after_receipt,
    after_wait,
    give_way,
)
from services.notify.core.messages import Attempt, Conclusion, Message, Move, Step
from services.notify.core.outcomes import Outcome
from services.notify.core.receipts import Receipt, Status
from services.notify.testing.memory import MemoryMessages
from services.notify.testing.store_suite import NOW, claim, planned
from tests.unit.notify.delivering import (
    BUSY,
    CLOSED,
    LOST,
    REFUSED,
    WAITS,
    T,
    called,
)


def done(work: Coroutine[Any, Any, T]) -> T:
    """The result of what waits for nothing: the fake store."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]
    raise AssertionError("it waits")


@dataclass
class Call:
    """A call to a provider, as it really was. `has_it`: whether the provider took the message, None while
    that is open; `fails`: with what it will tell, if it took it, that it could not deliver it."""

    claim: str
    channel: Channel
    message: Message
    fails: Outcome | None
    ended: str | None = None
    has_it: bool | None = None
    told: set[Status] = field(default_factory=set)

    @property
    def refused(self) -> bool:
        """Whether it is known that the person does not have it by this call."""
        return self.ended in ("transient", "window") or "failed" in self.told


FAILURES = [None, BUSY, REFUSED, CLOSED]


class Life(RuleBasedStateMachine):
    """Calls, answers, crashes, receipts in any order, waits and later events, in whatever order."""

    def __init__(self) -> None:
        super().__init__()
        self.store = MemoryMessages()
        self.now = NOW
        self.calls: list[Call] = []
        self.flying: list[Call] = []
        self.paid: Counter[str] = Counter()
        self.assumed = False
        self.waited = False
        self.best = 0
        self.stale_on: Channel | None = None

    @initialize(
        channels=st.sampled_from(
            [("whatsapp", "sms"), ("sms", "whatsapp"), ("whatsapp", "sms", "email"), ("sms",)]
        ),
        audience=st.sampled_from(["citizen", "officer"]),
        urgent=st.booleans(),
        announced=st.booleans(),
        kannel=st.booleans(),
    )
    def plan(
        self,
        channels: tuple[Channel, ...],
        audience: Audience,
        *,
        urgent: bool,
        announced: bool,
        kannel: bool,
    ) -> None:
        document = planned(
            channel=channels[0],
            then=channels[1:],
            audience=audience,
            urgent=urgent,
            announced=announced,
        )
        self.id = str(document["_id"])
        self.receipts = {"whatsapp": True, "sms": kannel, "email": False}
        done(self.store.plan([document]))

    @property
    def document(self) -> dict[str, Any]:
        return self.store.documents[self.id]

    @property
    def message(self) -> Message:
        return done(self.store.read([self.id]))[self.id]

    def move(self, step: Step, **more: Any) -> None:
        assert not done(self.store.move([Move(self.message, self.now, step, **more)]))

    def until(self, at: datetime) -> None:
        self.now = max(self.now, at)

    # ------------------------------------------------------------ calls

    @precondition(lambda self: self.document["state"] == "planned")
    @rule(free=st.booleans(), fails=st.sampled_from(FAILURES))
    def begin(self, *, free: bool, fails: Outcome | None) -> None:
        self.until(self.document["next_at"])
        before = self.message
        self.may_be_called(before)
        channel = before.channel
        forms = {self.id: "text"} if free and channel == "whatsapp" else {}
        made = replace(claim(f"c{len(self.calls)}", channel=channel, forms=forms), at=self.now)
        made = replace(made, until=self.now + timedelta(seconds=40))
        assert done(self.store.claim([self.id], made)) == {self.id}
        attempt = Attempt(made.id, channel, form=forms.get(self.id, ""))
        claimed = replace(before, tries=before.tries + 1, attempts=(*before.attempts, attempt))
        call = Call(made.id, channel, claimed, fails)
        self.calls.append(call)
        self.flying.append(call)

    def may_be_called(self, message: Message) -> None:
        place = message.channels.index
        for call in self.calls:
            if call.channel == message.channel:
                assert call.refused, "it may have been sent on this channel"
            elif not call.refused and call.ended in (None, "unknown") and "sent" not in call.told:
                assert call.channel == "whatsapp", "what is unknown is not sent again"
            assert place(call.channel) <= place(message.channel)
        if self.calls and self.calls[-1].channel != message.channel:
            last = self.calls[-1]
            assert last.refused or last.ended == "permanent" or self.waited, "nobody gave up on it"
        self.waited = False
        if message.stale:
            assert message.channel == self.stale_on, "what is no news goes no further"

    @precondition(lambda self: self.flying)
    @rule(
        which=st.integers(0, 9),
        kind=st.sampled_from(
            ["accepted", "accepted", "transient", "permanent", "window", "unknown"]
        ),
        has_it=st.booleans(),
    )
    def end(self, which: int, kind: str, *, has_it: bool) -> None:
        call = self.flying.pop(which % len(self.flying))
        if call.has_it:
            kind = "accepted" if kind != "unknown" else kind
        if kind == "window" and call.message.attempts[-1].form != "text":
            kind = "permanent"
        call.ended = kind
        call.has_it = call.has_it or kind == "accepted" or (kind == "unknown" and has_it)
        outcome = {
            "accepted": Outcome("accepted", provider_id=f"id-{call.claim}"),
            "transient": BUSY,
            "permanent": REFUSED,
            "window": CLOSED,
            "unknown": LOST,
        }[kind]
        step = self.called(call.message, outcome)
        done(self.store.conclude([Conclusion(call.message, call.claim, outcome, step, self.now)]))

    def called(self, message: Message, outcome: Outcome) -> Step:
        receipts = self.receipts[message.channel]
        return called(message, outcome, receipts=receipts, now=self.now)

    @precondition(lambda self: self.document["state"] == "claimed")
    @rule(dead=st.booleans(), has_it=st.booleans())
    def lapse(self, *, dead: bool, has_it: bool) -> None:
        """Nobody has said for long what became of the call; who made it may be dead, or come back."""
        self.until(self.document["next_at"])
        message = self.message
        call = self.calls[-1]
        if dead and call in self.flying:
            self.flying.remove(call)
            call.has_it = bool(call.has_it) or has_it
        self.move(self.called(message, LAPSED), lapsed=message.claim)

    # ------------------------------------------------------------ what comes later

    @precondition(lambda self: any(call.has_it is not False for call in self.calls))
    @rule(which=st.integers(0, 9), status=st.sampled_from(["sent", "delivered", "read", "failed"]))
    def receive(self, which: int, status: Status) -> None:
        """What the provider tells of a call that it took, once more or for the first time."""
        had = [call for call in self.calls if call.has_it is not False]
        call = had[which % len(had)]
        call.has_it = True
        if call.fails is not None and status != "sent":
            status = "failed"
        elif status == "failed":
            return
        receipt = Receipt(
            call.channel,
            status,
            self.now,
            self.id,
            f"id-{call.claim}",
            None if call.channel == "whatsapp" else call.claim,
            call.fails if status == "failed" else None,
        )
        message = self.message
        seen, step = after_receipt(message, receipt, now=self.now, chance=0.0, waits=WAITS)
        assert step is None or seen is not None
        if seen is not None:
            assert seen.claim == call.claim
            done(self.store.move([Move(message, self.now, step, seen)]))
        call.told.add(status)

    @precondition(lambda self: self.document.get("queue") == "settle")
    @rule()
    def settle(self) -> None:
        self.until(self.document["next_at"])
        message = self.message
        if message.owes:
            debt = message.owes[0]
            self.paid[debt] += 1
            self.assumed |= debt == "delivered" and message.state == "sent"
            again = self.now if len(message.owes) > 1 else None
            done(self.store.paid(message, debt, again))
            return
        self.waited = True
        receipts = self.receipts[message.channel]
        self.move(after_wait(message, self.now, receipts=receipts, waits=WAITS))

    @precondition(lambda self: self.document["state"] == "planned")
    @rule(hours=st.integers(0, 30))
    def give_way(self, hours: int) -> None:
        self.now += timedelta(hours=hours)
        step = give_way(self.message, self.now, WAITS)
        if step is not None:
            self.waited = True
            self.move(step)

    @rule()
    def overtake(self) -> None:
        doc = self.document
        done(self.store.collapse([(doc["thread"], 99, [(doc["event"], doc["audience"])])]))
        if doc.get("stale") and self.stale_on is None:
            self.stale_on = doc["channel"]

    # ------------------------------------------------------------ what always holds

    @invariant()
    def a_status_never_moves_backwards(self) -> None:
        rank = {"delivered": 1, "read": 2}.get(self.document["state"], 0)
        assert rank >= self.best
        self.best = rank

    @invariant()
    def it_is_final_or_has_its_turn(self) -> None:
        doc = self.document
        assert ("next_at" in doc) == ("queue" in doc)
        if doc["state"] in ("planned", "claimed"):
            assert doc["queue"] == self.message.provider_of(doc["channel"])
        elif "queue" in doc:
            assert doc["queue"] == "settle"
        if doc.get("owes"):
            assert doc["queue"] == "settle"

    @invariant()
    def a_call_is_owed_when_every_channel_has_failed(self) -> None:
        message = self.message
        owed = "callback" in message.owes or self.paid["callback"] > 0
        if message.state == "failed":
            wanted = message.audience == "citizen" or message.urgent
            assert owed or not wanted or message.stale
            assert message.channel == message.channels[-1] or message.stale
        elif "callback" in message.owes:
            # nobody knows whether an urgent one has come
            assert message.state in ("unknown", "sent") and message.urgent
        if owed:
            assert message.audience == "citizen" or message.urgent

    @invariant()
    def it_is_said_once_that_it_was_delivered(self) -> None:
        message = self.message
        said = self.paid["delivered"] + message.owes.count("delivered")
        if not message.announced:
            assert said == 0
        elif message.state in ("delivered", "read"):
            # what counted as delivered may be delivered after all: the room has said so already
            assert said == 1 or (self.assumed and said == 2)
        else:
            assert said <= 1

    def teardown(self) -> None:
        """Left alone, with nobody who takes it, it comes to an end."""
        for _ in range(100):
            if "next_at" not in self.document:
                break
            if self.flying:
                self.end(0, "permanent", has_it=False)
            elif self.document["state"] == "planned":
                self.begin(free=False, fails=None)
            elif self.document["state"] == "claimed":
                self.lapse(dead=True, has_it=False)
            else:
                self.settle()
            self.a_status_never_moves_backwards()
            self.a_call_is_owed_when_every_channel_has_failed()
            self.it_is_said_once_that_it_was_delivered()
        assert self.document["state"] not in ("planned", "claimed")
        assert "next_at" not in self.document


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=100, stateful_step_count=25, deadline=None)
