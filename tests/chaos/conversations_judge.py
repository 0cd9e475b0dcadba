"""The judgement of conversations, pure: what citizens wrote and were told against what there is. Every
function names what is wrong, one line a fault, and nothing where all is well."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from tests.chaos.conversations_citizen import Reply


@dataclass(frozen=True)
class Receipt:
    """`has_case`: whether room `case` is there."""

    ticket: str
    has_case: bool


@dataclass
class Talk:
    """One citizen's: `asked`, with what the keys of the replies to each of his messages begin; `asks_again`:
    he has sent the same twice; `replies` that his phone got; `receipts`, of what he filed; `stored`, how many
    conversations are his, and `handled`, which of `asked` they know as handled."""

    number: int
    ticket: str | None
    asked: Sequence[str]
    asks_again: bool = False
    replies: list[Reply] = field(default_factory=list)
    receipts: list[Receipt] = field(default_factory=list)
    stored: int = 0
    handled: Collection[str] = ()


def cases(talks: Sequence[Talk]) -> list[str]:
    """Everybody has filed one case, and it is there."""
    wrong: list[str] = []
    for talk in talks:
        if len(talk.receipts) != 1:
            wrong.append(f"citizen {talk.number} has {len(talk.receipts)} receipts")
        wrong += [
            f"citizen {talk.number}: {receipt.ticket} has no case"
            for receipt in talk.receipts
            if not receipt.has_case
        ]
    tickets = Counter(receipt.ticket for talk in talks for receipt in talk.receipts)
    return wrong + [f"{ticket} is {n} citizens'" for ticket, n in tickets.items() if n > 1]


def numbers(talks: Sequence[Talk], unknown: Collection[str]) -> list[str]:
    """Everybody was told once that his case is filed, and no number but its own, which he heard again only
    where he asked again. Where the telling is `unknown`, he has asked again and knows it all the same."""
    wrong: list[str] = []
    for talk in talks:
        who = f"citizen {talk.number}"
        filed = {receipt.ticket for receipt in talk.receipts}
        told = [reply.announced for reply in talk.replies if reply.announced is not None]
        excused = any(key.rpartition("/")[0] in talk.asked for key in unknown)
        if len(told) > 1 or (not told and not excused):
            wrong.append(f"{who} was told {len(told)} times that his case is filed")
        named = set(told).union(*(reply.tickets for reply in talk.replies))
        if named != filed:
            wrong.append(f"{who} was told of {sorted(named)}, filed is {sorted(filed)}")
        if talk.ticket not in filed:
            wrong.append(f"{who} holds {talk.ticket}, filed is {sorted(filed)}")
        naming = sum(bool(reply.tickets) for reply in talk.replies)
        if naming > 1 and not talk.asks_again and not excused:
            wrong.append(f"{who} was told his number {naming} times")
    return wrong


def answers(talks: Sequence[Talk], unknown: Collection[str]) -> list[str]:
    """Each message was handled and answered; no reply came twice, none says what another to the same message
    says, none answers what nobody wrote."""
    wrong: list[str] = []
    for talk in talks:
        who = f"citizen {talk.number}"
        if talk.stored != 1:
            wrong.append(f"{who} has {talk.stored} conversations")
        wrong += [f"{who}: {key} was not handled" for key in talk.asked if key not in talk.handled]
        got = Counter(reply.key for reply in talk.replies)
        wrong += [f"{who}: {key} came {n} times" for key, n in got.items() if n > 1]
        for key in talk.asked:
            if f"{key}/0" not in got and f"{key}/0" not in unknown:
                wrong.append(f"{who}: no answer to {key}")
        texts = Counter((_asked(reply), reply.text) for reply in talk.replies)
        wrong += [f"{who}: {key} says the same {n} times" for (key, _), n in texts.items() if n > 1]
        wrong += [
            f"{who}: {reply.key} answers nothing that he wrote"
            for reply in talk.replies
            if _asked(reply) not in talk.asked
        ]
    return wrong


def unknown_of(states: Mapping[str, str]) -> set[str]:
    """The keys of messages of which their sender does not know whether they arrived. `states`: by id, which
    is the key and the recipient."""
    return {id_.partition(":")[0] for id_, state in states.items() if state == "unknown"}


def _asked(reply: Reply) -> str:
    return reply.key.rpartition("/")[0]
