"""Gathers what there is after the storm: the desk's lists and cases, what the stand-ins were given, what
the store still owes, what the processes tell of themselves."""

from __future__ import annotations

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from services.cli.stack import Stack
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.parking import COLLECTION as PARKED
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.contracts.events import CaseFiled
from services.kernel.contracts.notices import COLLECTION as MESSAGES
from services.kernel.domain.directory import District
from services.notify.adapters.book_file import load_book
from tests.chaos.crowd import WORDS
from tests.chaos.faults import SERVICES, WORKERS
from tests.chaos.judge import Told, Unknown
from tests.chaos.logbook import Logbook
from tests.chaos.staff import token
from tests.e2e.client import Line, bearer

TOGETHER = 16
_PHONE = re.compile(r"(?<![0-9a-f])(?:91)?([6-9][0-9]{9})(?![0-9a-f])")
PAGE = 200
_FILED = "intake/1"
# the event of which a registered text tells, by the act that brought it about
_ACTS = {
    "samvad.case.assigned.v1": "assign",
    "samvad.case.resolved.v1": "resolve",
    "samvad.case.confirmed.v1": "confirm",
}
Cases = Mapping[str, Mapping[str, Any]]


class Witness:
    """Looks at the line from outside; only for what nobody tells it looks into the store."""

    def __init__(self, at: Line, database: mongo.Database, log: Logbook) -> None:
        self._at = at
        self._database = database
        self._log = log

    # --- the desk ---------------------------------------------------------------------

    async def listed(self, districts: Collection[str]) -> list[dict[str, Any]]:
        """All cases of all states, page by page."""
        rows: list[dict[str, Any]] = []
        url = self._at.stack.url("desk", "/api/v1/cases")
        for district in districts:
            headers = bearer(token("collector", district))
            asked: dict[str, Any] = {"state": "all", "limit": PAGE}
            while True:
                answer = await self._at.http.get(url, params=asked, headers=headers)
                assert answer.status_code == 200, answer.text
                page = answer.json()
                rows += page["items"]
                if page["next_cursor"] is None:
                    break
                asked["cursor"] = page["next_cursor"]
        return rows

    async def cases(self) -> dict[str, dict[str, Any]]:
        """Every case of the log as the desk shows it, by ticket."""
        found: dict[str, dict[str, Any]] = {}
        together = asyncio.Semaphore(TOGETHER)

        async def look(ticket: str, district: str) -> None:
            async with together:
                case = await self._at.case(ticket, token("collector", district))
            if case is not None:
                found[ticket] = case

        async with asyncio.TaskGroup() as looks:
            for filing in self._log.filings.values():
                for ticket in filing.tickets:
                    looks.create_task(look(ticket, filing.district))
        return found

    # --- messages ---------------------------------------------------------------------

    def owed(self, cases: Cases, districts: Mapping[str, District]) -> set[Told]:
        """Who is to be told what, by the log and by who has the case: the citizen that it was filed,
        assigned, resolved and confirmed, the officer that it was assigned to him."""
        owed: set[Told] = set()
        for filing in self._log.filings.values():
            for ticket in filing.tickets:
                phone = _digits(filing.phone)
                owed |= {
                    Told(ticket, event, phone)
                    for event in (_FILED, _event(cases, ticket, "assign"))
                }
                done = {d.action for d in self._log.deeds_of(ticket) if d.accepted}
                owed |= {
                    Told(ticket, _event(cases, ticket, action), phone)
                    for action in ("resolve", "confirm")
                    if action in done
                }
                entries = cases[ticket]["history"] if ticket in cases else []
                for entry in entries:
                    officer = entry["data"].get("officer") if entry["action"] == "assign" else None
                    number = _number(districts[filing.district], officer)
                    if number is not None:
                        owed.add(Told(ticket, f"case/{entry['n']}", number))
        return owed

    def overtaken(self, cases: Cases) -> set[tuple[str, str]]:
        """(ticket, event) of what is no news any more, if it has not been told in time: the assignment once
        the case is resolved, the resolution once it is confirmed."""
        by = {"assign": ("resolve", "confirm"), "resolve": ("confirm",)}
        return {
            (ticket, _event(cases, ticket, action))
            for ticket in self._log.tickets
            for action, later in by.items()
            if any(d.accepted and d.action in later for d in self._log.deeds_of(ticket))
        }

    async def sent(self, since: datetime, cases: Cases) -> Counter[Told]:
        """What the stand-ins' phones got, by event and phone. An SMS carries no key of ours: its event is
        its registered text's, and its ticket the one of the phone that it went to."""
        answer = await self._at.http.get(
            self._at.stack.url("standins", "/api/messages"),
            params={"since": since.isoformat(), "accepted": "true", "limit": 10_000},
        )
        body = answer.json()
        assert body["count"] < 10_000, "the stand-ins tell of no more messages than these"
        acts = _acts_of_texts()
        by_phone = {_digits(f.phone): f.ticket for f in self._log.filings.values()}
        tickets = self._log.tickets
        sent: Counter[Told] = Counter()
        for message in body["messages"]:
            phone = _digits(message["to"])
            if message["provider"] == "sms":
                ticket = by_phone.get(phone, "")
                act = acts[message["template"]]
                event = _event(cases, ticket, act) if act is not None else _FILED
            else:
                ticket, _, event = message["key"].partition(":")[0].partition("/")
            if ticket in tickets:
                sent[Told(ticket, event, phone)] += 1
        return sent

    async def unknown(self, districts: Mapping[str, District]) -> list[Unknown]:
        """The messages that the line itself calls unknown."""
        unknown: list[Unknown] = []
        for told, document in await self._messages("unknown", districts):
            attempt = document["attempts"][-1]
            unknown.append(Unknown(told, attempt.get("reason"), attempt["claimed_at"]))
        return unknown

    async def collapsed(self, districts: Mapping[str, District]) -> list[Told]:
        """The messages that the line has not sent, since they were no news any more."""
        return [told for told, _ in await self._messages("collapsed", districts)]

    async def _messages(
        self, state: str, districts: Mapping[str, District]
    ) -> list[tuple[Told, dict[str, Any]]]:
        phones = {f.ticket: f.phone for f in self._log.filings.values()}
        wanted = {"ticket": {"$in": list(phones)}, "state": state}
        messages: list[tuple[Told, dict[str, Any]]] = []
        async for document in self._database[MESSAGES].find(wanted):
            ticket, _, event = document["event_id"].partition("/")
            if document["audience"] == "citizen":
                phone = _digits(phones[ticket])
            else:
                phone = _number(districts[document["district"]], document["person"]) or ""
            messages.append((Told(ticket, event, phone), document))
        return messages

    # --- what is still under way ------------------------------------------------------

    async def under_way(self, planned: int | None = None) -> list[str]:
        """What the line has yet to do with what it accepted; nothing when it has come to rest.

        `planned`: how many messages there must be.
        """
        left: list[str] = []
        tickets = {"$in": sorted(self._log.tickets)}
        cases, messages = self._database[CASES], self._database[MESSAGES]
        waiting = {"unsent_since": {"$exists": True}}
        if n := await self._database[RECEIPTS].count_documents(waiting):
            left.append(f"{n} receipts are not published")
        routed = await cases.count_documents({"_id": tickets, "case.n": {"$gte": 1}})
        if routed < len(self._log.tickets):
            left.append(f"{len(self._log.tickets) - routed} cases are not routed")
        for follower in ("sla", "notices"):
            behind = {"$ne": ["$case.n", f"${follower}.seen.case"]}
            if n := await cases.count_documents({"_id": tickets, "$expr": behind}):
                left.append(f"room {follower} has not followed {n} cases")
        if planned is not None:
            there = await messages.count_documents({"ticket": tickets})
            if there < planned:
                left.append(f"{planned - there} messages are not planned")
        # what was sent, or may have been, waits for its receipt for hours
        to_send = {"ticket": tickets, "state": {"$in": ["planned", "claimed"]}}
        if n := await messages.count_documents(to_send):
            left.append(f"{n} messages are neither sent nor given up")
        for name in WORKERS:
            for metric in ("samvad_consumer_lag", "samvad_consumer_held_cases"):
                if value := await self._at.metric(name, metric):
                    left.append(f"{name}: {metric} is {value:.0f}")
        for name in SERVICES:
            if value := await self._at.metric(name, "samvad_outbox_backlog"):
                left.append(f"{name}: samvad_outbox_backlog is {value:.0f}")
        if n := await self._database[PARKED].count_documents({"key": tickets}):
            left.append(f"{n} records are parked")
        return left


@asynccontextmanager
async def opened(stack: Stack) -> AsyncIterator[mongo.Database]:
    """The line's own database, for reading."""
    database = mongo.connect(stack.settings["SAMVAD_MONGO"], "samvad")
    try:
        yield database
    finally:
        mongo.close(database)


def logged(stack: Stack, log: Logbook) -> list[str]:
    """The line's logs that hold what a citizen of the storm wrote, or his number."""
    phones = {_digits(filing.phone) for filing in log.filings.values()}
    wrong: list[str] = []
    for path in sorted(stack.home.logs.glob("*")):
        text = path.read_text(errors="replace")
        if WORDS in text or phones & set(_PHONE.findall(text)):
            wrong.append(f"{path.name} holds what citizens wrote, or their numbers")
    return wrong


def faults_of_the_code(stack: Stack, since: datetime) -> list[str]:
    """What the processes logged of themselves as a fault, and not as something that was away."""
    found: Counter[str] = Counter()
    for path in sorted(stack.home.logs.glob("*.log*")):
        for line in path.read_text(errors="replace").splitlines():
            told = _told(line) if "fault" in line else {}
            if not str(told.get("event")).endswith("fault"):
                continue
            if datetime.fromisoformat(told["timestamp"]) >= since:
                where = (told.get("raised_at") or ["?"])[-1]
                found[f"{told['service']}: {told['event']}: {told.get('error')} at {where}"] += 1
    return [f"{count} times {what}" for what, count in found.items()]


def _told(line: str) -> dict[str, Any]:
    try:
        told = json.loads(line)
    except json.JSONDecodeError:
        return {}  # a kill cut it short, or it is no line of ours
    return told if isinstance(told, dict) else {}


def topic(at: Line, log: Logbook) -> list[str]:
    """What `samvad topic check` finds wrong with the storm's cases."""
    mine = [word for ticket in sorted(log.tickets) for word in ("--ticket", ticket)]
    done = at.run("topic", "check", "--json", *mine, check=False)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert found["cases"] == len(log.tickets)
    faults = [f"{f['kind']}: {f['ce_id']}: {f['why']}" for f in found["faults"]]
    assert (done.returncode == 0) == (not faults)
    return faults


def _event(cases: Cases, ticket: str, action: str) -> str:
    """The event of the case's only such act."""
    entries = cases[ticket]["history"] if ticket in cases else []
    numbers = [entry["n"] for entry in entries if entry["action"] == action]
    return f"case/{numbers[0]}" if len(numbers) == 1 else f"no {action}"


def _acts_of_texts() -> dict[str, str | None]:
    """The act of which each text tells that a citizen of the storm may get by SMS; None: the filing."""
    book = load_book()
    acts: dict[str, str | None] = {**_ACTS, CaseFiled.TYPE: None}
    return {
        wording.registered: acts[rule.event]
        for rule in book.rules
        if rule.audience == "citizen" and rule.event in acts
        for (channel, _), wording in book.templates[rule.template].wordings.items()
        if channel == "sms"
    }


def _number(district: District, officer: str | None) -> str | None:
    """The officer's phone, None where he has none and so is told nothing."""
    found = district.officer_by_id.get(officer or "")
    return _digits(found.phone) if found is not None and found.phone else None


def _digits(phone: str) -> str:
    return "".join(sign for sign in phone if sign.isdigit())[-10:]
