"""The judgement over messages, pure: what was owed against what the stand-ins took and told, and only where
they cannot know it (a call that never reached them) against what the store holds. Every function names what
is wrong, one line a fault, and nothing where all is well."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

from tests.chaos.messages_cases import Owed

TRANSIENT = {"whatsapp": {"131000", "130429"}, "sms": {"503"}, "kannel": {"503"}}
"""The codes with which the stand-ins are told to fail for the moment; every other is for good."""
NOBODY = {"whatsapp": "131026", "sms": "406"}
"""The code that says of a number that it is nobody's there: it is not called again."""
TELLS = frozenset({"whatsapp", "kannel"})
"""Who gives receipts."""
FINAL = ("sent", "delivered", "read", "failed", "unknown")
REACHED = ("delivered", "read")


@dataclass(frozen=True)
class Taken:
    """One request as a stand-in had it, at its place among all of them. `status`: the furthest that it has
    told of it, empty where it has told nothing."""

    place: int
    provider: str
    accepted: bool
    code: str = ""
    status: str = ""

    @property
    def later(self) -> bool:
        """Refused for the moment."""
        return not self.accepted and self.code in TRANSIENT[self.provider]

    @property
    def never(self) -> bool:
        """Refused for good, at once or by a receipt."""
        return self.status == "failed" or not (self.accepted or self.later)

    @property
    def untold(self) -> bool:
        return self.accepted and self.provider in TELLS and not self.status


@dataclass(frozen=True)
class Tried:
    """One attempt as the store has it. `outcome` None: it is still open."""

    provider: str
    claim: str
    outcome: str | None
    status: str | None = None


@dataclass(frozen=True)
class Stored:
    """A message as the store has it; `due`: something is still to be done with it."""

    state: str
    due: bool = False
    tried: tuple[Tried, ...] = ()

    def lost(self, provider: str) -> bool:
        """Whether it is not known what became of a call to `provider`."""
        return any(one.provider == provider and one.outcome == "unknown" for one in self.tried)


@dataclass(frozen=True)
class Evidence:
    """All that there is to judge by, by the message's id. `calls`: the keys of call-backs, in order;
    `notices`: (about, what) of each numbered event of room `notices`; `in_hand`: (message, claim) of all that
    was claimed when a sender was killed."""

    owed: Mapping[str, Owed]
    taken: Mapping[str, Sequence[Taken]]
    stored: Mapping[str, Stored]
    calls: Sequence[str] = ()
    notices: Sequence[tuple[str, str]] = ()
    in_hand: Collection[tuple[str, str]] = field(default=())

    @cached_property
    def nobody(self) -> frozenset[tuple[str, str]]:
        """(provider, phone) of numbers that are nobody's there."""
        return frozenset(
            (one.provider, self.owed[id_].phone)
            for id_, taken in self.taken.items()
            for one in taken
            if not one.accepted and one.code == NOBODY.get(one.provider)
        )

    def of(self, id_: str) -> Sequence[Taken]:
        return self.taken.get(id_, ())

    def left_at(self, id_: str, provider: str) -> bool:
        """Whether a message ends at `provider` since an answer of it was lost, whatever it was: only from
        WhatsApp, which may still tell of it, the next channel is taken."""
        owed, stored = self.owed[id_], self.stored.get(id_)
        told = any(one.provider == provider and one.status for one in self.of(id_))
        goes_on = provider == "whatsapp" == owed.providers[0]
        return stored is not None and stored.lost(provider) and not (told or goes_on)

    def passed_by(self, id_: str, provider: str) -> bool:
        """Whether a message may have left `provider` without the stand-in having a request of it that ended
        there: its number is nobody's, its text is refused unread, or a call of it was lost."""
        owed, stored = self.owed[id_], self.stored.get(id_)
        unread = not owed.registered and provider != "kannel"
        lost = stored is not None and stored.lost(provider)
        return unread or lost or (provider, owed.phone) in self.nobody


def ends(all_: Evidence) -> list[str]:
    """Every message that is owed is there, and nothing else; all are in a final state, with nothing due; and
    `sent` is final only where nobody tells more."""
    wrong = [f"never planned: {id_}" for id_ in sorted(all_.owed.keys() - all_.stored.keys())]
    wrong += [f"owed to nobody: {id_}" for id_ in sorted(all_.stored.keys() - all_.owed.keys())]
    for id_, one in all_.stored.items():
        if one.state not in FINAL or one.due:
            wrong.append(f"{id_} is {one.state}{' and due' if one.due else ''}")
        last = one.tried[-1].provider if one.tried else ""
        if one.state == "sent" and last in TELLS and last != all_.owed[id_].providers[-1]:
            wrong.append(f"{id_}: no receipt came from {last}, and it was left at that")
    return wrong


def doubles(all_: Evidence) -> list[str]:
    """No provider took a message twice, and nobody got one from two providers but where the first told that
    it had failed, or told nothing."""
    wrong: list[str] = []
    for id_, taken in all_.taken.items():
        times = Counter(one.provider for one in taken if one.accepted)
        wrong += [f"sent {n} times by {name}: {id_}" for name, n in times.items() if n > 1]
        got = [one for one in taken if one.accepted]
        for earlier in got[:-1]:
            if earlier.provider not in TELLS or earlier.status in ("sent", *REACHED):
                wrong.append(f"{id_} was {earlier.status or 'taken'} by {earlier.provider}, then sent again")
    return wrong


def unknown(all_: Evidence) -> list[str]:
    """Only what was claimed when a sender was killed is unknown, or ever was."""
    return [
        f"unknown though nobody was killed over it: {id_} at {one.provider}"
        for id_, stored in all_.stored.items()
        for one in stored.tried
        # a receipt may tell of a call before its answer does: that one is not unknown
        if (one.outcome == "unknown" or (one.outcome or one.status) is None)
        and (id_, one.claim) not in all_.in_hand
    ]


def ways(all_: Evidence) -> list[str]:
    """What was refused for the moment was tried again there; what was refused for good went on to the next
    provider, and nothing else did."""
    return [fault for id_ in all_.owed for fault in _way(all_, id_)]


def _way(all_: Evidence, id_: str) -> Iterator[str]:
    first, second = all_.owed[id_].providers
    taken = all_.of(id_)
    if any(one.provider not in (first, second) for one in taken):
        yield f"{id_} went by {[one.provider for one in taken]}"
    if (not taken or taken[0].provider != first) and not all_.passed_by(id_, first):
        yield f"{id_} was never tried by {first}"
    for one, then in zip_longest(taken, taken[1:]):
        goes_on = then is not None and then.provider != one.provider
        if one.provider == second and goes_on:
            yield f"{id_} went back to {first}"
        elif one.later and (then is None or goes_on) and not all_.passed_by(id_, one.provider):
            yield f"{id_} was refused for the moment by {one.provider}, and not tried there again"
        elif one.never and then is not None and not goes_on:
            yield f"{id_} was refused for good by {one.provider}, and tried there again"
        elif (
            one.never
            and one.provider == first
            and not (goes_on or all_.passed_by(id_, second) or all_.left_at(id_, first))
        ):
            yield f"{id_} was refused for good by {first}, and did not go on"


def order(all_: Evidence) -> list[str]:
    """The messages of a case came in the order of its events. Only one whose call was lost before it was
    taken may come later, by another way: nobody waits for what is not known."""
    cases: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for id_, taken in all_.taken.items():
        got = next((one for one in taken if one.accepted), None)
        if got is not None and not _late(all_, id_):
            cases[all_.owed[id_].ticket].append((got.place, all_.owed[id_].order))
    came = {ticket: [number for _, number in sorted(found)] for ticket, found in cases.items()}
    return [f"{ticket}: came as {seen}" for ticket, seen in came.items() if seen != sorted(seen)]


def _late(all_: Evidence, id_: str) -> bool:
    got = {one.provider for one in all_.of(id_) if one.accepted}
    stored = all_.stored.get(id_)
    return stored is not None and any(
        stored.lost(name) and name not in got for name in all_.owed[id_].providers
    )


def calls(all_: Evidence) -> list[str]:
    """A call-back is asked for exactly for what failed with every provider."""
    asked, owed = set(all_.calls), {id_ for id_ in all_.owed if failed(all_, id_)}
    return [
        *(f"no call-back for {id_}" for id_ in sorted(owed - asked)),
        *(f"a call-back for {id_}, which did not fail everywhere" for id_ in sorted(asked - owed)),
        *(
            f"{id_} is {one.state}, {'it' if id_ in owed else 'not all'} failed everywhere"
            for id_, one in all_.stored.items()
            if (one.state == "failed") != (id_ in owed)
        ),
    ]


def failed(all_: Evidence, id_: str) -> bool:
    """Whether both providers have failed with a message, by what they know of it themselves."""
    first = all_.owed[id_].providers[0]
    for name in all_.owed[id_].providers:
        last = next((one for one in reversed(all_.of(id_)) if one.provider == name), None)
        if last is None or last.later:
            gone_on = all_.passed_by(id_, name)
        else:
            gone_on = last.never or (last.untold and name == first)
        if not gone_on or all_.left_at(id_, name):
            return False
    return True


def notices(all_: Evidence) -> list[str]:
    """That a question or a resolution has reached the citizen, or cannot, is an event of the case, once."""
    wrong: list[str] = []
    told: dict[str, list[str]] = defaultdict(list)
    for about, what in all_.notices:
        told[about].append(what)
    for id_, owed in all_.owed.items():
        stored = all_.stored.get(id_)
        due: list[str] = []
        if owed.announced and stored is not None:
            counts = stored.state == "sent" and stored.tried[-1].provider not in TELLS
            if stored.state in REACHED or counts:
                due = ["delivered"]
            elif stored.state == "failed":
                due = ["failed"]
        if told[owed.event_id] != due:
            wrong.append(f"{id_}: announced as {told[owed.event_id]}, is {due}")
    return wrong


def known(all_: Evidence) -> list[str]:
    """What the stand-ins have told of a message the store knows: no receipt was lost, none went back."""
    return [
        f"{id_}: {one.provider} has told {one.status}"
        for id_, taken in all_.taken.items()
        for one in taken
        if one.status and not _knows(all_.stored.get(id_), one)
    ]


def _knows(stored: Stored | None, told: Taken) -> bool:
    return stored is not None and any(
        (tried.provider, tried.status) == (told.provider, told.status) for tried in stored.tried
    )
