"""Kannel's delivery reports: a GET of the address that came with a message, its escapes filled in."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import quote_plus
from uuid import uuid4

import aiohttp
from yarl import URL

from services.standins.behaviour import Ruling
from services.standins.courier import Courier, Patience
from services.standins.journal import Journal

DELIVERED, FAILED, QUEUED, TO_OPERATOR, REJECTED = 1, 2, 4, 8, 16
STATUS = {
    DELIVERED: "delivered", FAILED: "failed", QUEUED: "sent", TO_OPERATOR: "sent", REJECTED: "failed",
}  # fmt: skip
PATIENCE = Patience(tries=8, first_pause=0.5, longest_pause=10.0)
SUBMIT_FAILED = 0x45
"""SMPP's code with which an operator refuses a text that DLT does not know."""
_ESCAPE = re.compile(r"%(.)", re.DOTALL)


@dataclass(frozen=True)
class Sms:
    """A message to one phone, as far as its reports tell of it. `mask`: which of them are wanted."""

    id: str
    to: str
    sender: str
    text: str
    mask: int
    url: str
    meta_data: str
    account: str
    smsc: str
    user: str


@dataclass(frozen=True)
class Report:
    url: str
    of: str
    status: str


class Reports:
    """The delivery reports that wait to be fetched, and those that have been."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.courier: Courier[Report] = Courier(self._deliver, PATIENCE, at_once=16)

    def tell_of(
        self, sms: Sms, ruling: Ruling, chance: random.Random, now: datetime, *, rejected: bool
    ) -> None:
        """What is to be told of a message that was accepted now. `rejected` by the operator."""
        wanted = ruling.receipts
        after = ruling.receipts_after
        at = now + timedelta(seconds=after)
        for kind in wanted.order(_kinds(ruling, rejected=rejected), chance):
            # a rejection is told to whoever wants to hear of failures at all
            if sms.url and sms.mask & (kind if kind != REJECTED else REJECTED | FAILED):
                reply = _reply(kind, sms, at, wanted.fail_code)
                url = fill(sms.url, sms, kind, reply, at)
                self.courier.put(Report(url, sms.id, STATUS[kind]), after)

    async def _deliver(self, session: aiohttp.ClientSession, reports: Sequence[Report]) -> bool:
        for report in reports:
            self._journal.mark(report.of, report.status)
            async with session.get(
                URL(report.url, encoded=True),
                headers={"User-Agent": "Kannel/1.4.5"},
                allow_redirects=False,
            ) as answer:
                if not 200 <= answer.status < 300:
                    return False
        return True


def _kinds(ruling: Ruling, *, rejected: bool) -> list[int]:
    code = ruling.receipts.fail_code
    if rejected or code == REJECTED:
        return [REJECTED]
    queued = [QUEUED] if ruling.receipts.delay_ms else []
    return [TO_OPERATOR, *queued, FAILED if code else DELIVERED]


def _reply(kind: int, sms: Sms, at: datetime, fail_code: int | None) -> str:
    """What the operator says, as most of them do."""
    if kind == TO_OPERATOR:
        return "ACK/"
    if kind == REJECTED:
        return f"NACK/0x{SUBMIT_FAILED:08x}/Submit failed"
    state = {DELIVERED: "DELIVRD", FAILED: "UNDELIV", QUEUED: "ENROUTE"}[kind]
    error = (fail_code or 0) if kind == FAILED else 0
    return (
        f"id:{sms.id} sub:001 dlvrd:{int(kind == DELIVERED):03} submit date:{at:%y%m%d%H%M} "
        f"done date:{at:%y%m%d%H%M} stat:{state} err:{error:03} text:"
    )


def fill(url: str, sms: Sms, kind: int, reply: str, at: datetime) -> str:
    """`url` with Kannel's escapes replaced; those that it does not know are left, encoded bytes among
    them unless they begin with one of its letters, so that `%2F` stays and `%D0` does not."""
    words = "+".join(quote_plus(word) for word in reply.split())
    values = {
        "a": words,
        "A": quote_plus(reply),
        "b": quote_plus(reply),
        "c": "-1",
        "C": "UTF-8",
        "d": str(kind),
        "D": quote_plus(sms.meta_data),
        # the operator's own id is known from its first answer on, not with it
        "F": "" if kind in (TO_OPERATOR, REJECTED) else sms.id,
        "i": quote_plus(sms.smsc),
        "I": str(uuid4()),
        "k": words.partition("+")[0],
        "n": quote_plus(sms.user),
        "o": quote_plus(sms.account),
        "p": quote_plus(sms.to),
        "q": quote_plus(sms.to),
        "P": quote_plus(sms.sender),
        "Q": quote_plus(sms.sender),
        "r": words.partition("+")[2],
        "R": quote_plus(sms.url),
        "t": f"{at:%Y-%m-%d+%H:%M:%S}",
        "T": str(int(at.timestamp())),
        **dict.fromkeys("BfuvVsS", ""),
        **dict.fromkeys("mM", "-1"),
        "%": "%",
    }
    return _ESCAPE.sub(lambda found: values.get(found[1], found[0]), url)
