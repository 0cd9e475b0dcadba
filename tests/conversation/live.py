"""The whole line as a side on which transcripts are played: what citizens write goes through the stand-in to
the webhook, what they get is read from its journal, the office acts at the desk.

Phones are fresh for every play: a transcript's numbers stand for others, and are told back so.
"""

from __future__ import annotations

import asyncio
import inspect
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import httpx

from services.cli.stack import Stack
from services.intake.whatsapp.conversation.adapters.conversation_store import ConversationStore
from services.intake.whatsapp.conversation.core.memory import short
from services.intake.whatsapp.conversation.core.saying import telephone
from services.kernel.adapters import mongo, tokens
from services.kernel.adapters.kafka import read_whole
from services.kernel.adapters.settings import Settings
from services.kernel.contracts.beside import CallbackRequested
from services.kernel.contracts.envelope import Caller, unseal
from services.kernel.contracts.topics import CALLS
from services.kernel.domain.lifecycle_table import Role
from services.kernel.domain.naming import Names
from tests.conversation.shapes import SAMPLES, content_of, fields_of_case, key_of, options_of
from tests.conversation.town import Shown
from tests.conversation.transcript import Happens, Sent, Who

DISTRICT = "janjgir-champa"
PATIENCE_SECONDS = 40.0
LOOK_SECONDS = 0.05
PROBE = "मदद"
"""It is answered at any moment, and changes nothing that counts afterwards."""
_FIRST = random.SystemRandom().randrange(10**6) * 100
_numbers = itertools.count(_FIRST)
_BEFORE: Mapping[str, tuple[str, ...]] = {
    "start": ("acknowledge",),
    "ask_citizen": ("acknowledge",),
    "reply": ("acknowledge",),
    "resolve": ("acknowledge", "start"),
}
"""What an office does before, where it has not yet."""
_TOLD = ("ask_citizen", "reply", "resolve", "reject")
"""Of what a citizen gets a message from notify."""


class Feed:
    """What the stand-in was given for all phones since the feed began, read once for everybody."""

    def __init__(self, http: httpx.AsyncClient, url: str) -> None:
        self._http = http
        self._url = url
        self._since = datetime.now(UTC)
        self._known: set[str] = set()
        self._of: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self._reading = asyncio.Lock()
        self._read_at = 0.0

    async def to(self, address: str) -> Sequence[dict[str, Any]]:
        """In their order."""
        async with self._reading:
            if time.monotonic() - self._read_at > LOOK_SECONDS:
                await self._read()
                self._read_at = time.monotonic()
        return self._of[address.removeprefix("+")]

    async def _read(self) -> None:
        since = self._since.isoformat()
        asked: dict[str, str | int] = {"since": since, "provider": "whatsapp", "limit": 10_000}
        answer = await self._http.get(self._url, params=asked)
        assert answer.status_code == 200, answer.text
        for message in answer.json()["messages"]:
            if message["id"] not in self._known and message["accepted"]:
                self._known.add(message["id"])
                self._of[message["to"]].append(message)
                self._since = max(self._since, datetime.fromisoformat(message["at"]))


class Line:
    """The stack with what all plays share."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.settings = Settings(
            kafka=stack.settings["SAMVAD_KAFKA"], mongo=stack.settings["SAMVAD_MONGO"]
        )
        self.http = httpx.AsyncClient(timeout=30)
        self.feed = Feed(self.http, stack.url("standins", "/api/messages"))
        self.database = mongo.connect(self.settings.mongo, self.settings.database)
        self.conversations = ConversationStore(self.database, self.settings.keys)
        self.names = Names(self.settings.contact_secret.get_secret_value())

    async def close(self) -> None:
        await self.http.aclose()
        mongo.close(self.database)

    def bearer(self, role: Role, person: str | None = None) -> dict[str, str]:
        secret = self.settings.token_secret.get_secret_value()
        token = tokens.issue(secret, role=role, person=person, district=DISTRICT, now=datetime.now(UTC))
        return {"Authorization": f"Bearer {token}"}

    async def post(self, process: str, path: str, body: Any, **more: Any) -> dict[str, Any]:
        answer = await self.http.post(self.stack.url(process, path), json=body, **more)
        assert answer.status_code in (200, 202), f"{path}: {answer.status_code} {answer.text}"
        found: dict[str, Any] = answer.json()
        return found

    async def case(self, ticket: str) -> dict[str, Any] | None:
        url = self.stack.url("desk", f"/api/v1/cases/{ticket}")
        answer = await self.http.get(url, headers=self.bearer("collector", "collector-1"))
        if answer.status_code == 404:
            return None
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found


class LiveSide:
    """One play."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._addresses: dict[str, str] = {}
        self._now: dict[str, str] = {}
        self._sent: dict[str, str] = {}

    async def has(self, who: Who) -> None:
        for own in filter(None, (who.number, who.user)):
            self._address(own)

    def _address(self, own: str) -> str:
        """For a number or user id of the transcript, the fresh one."""
        if own not in self._addresses:
            number = next(_numbers)
            fresh = f"+9189{number:08d}"[:13] if own.startswith("+") else f"IN.{7 * 10**9 + number}"
            self._addresses[own] = fresh
        return self._addresses[own]

    def _of(self, who: Who) -> dict[str, str]:
        number = self._number(who)
        whose = {"name": who.name}
        if number is not None:
            whose["from"] = number
        if who.user is not None:
            whose["user_id"] = self._address(who.user)
        return whose

    def _number(self, who: Who) -> str | None:
        changed = self._now.get(f"{who.name}/{who.number}", who.number)
        return self._address(changed) if changed is not None else None

    def _to(self, who: Who) -> str:
        return self._number(who) or self._address(who.user or "")

    # ------------------------------------------------------------ messages

    async def say(self, who: Who, sent: Sent, choice: str, about: str) -> list[str]:
        body: dict[str, Any] = {**self._of(who), **content_of(sent, choice, about)}
        if choice and await self._is_list(who, about):
            body["row"] = body.pop("button")
        if about and (sent.replies or choice):
            body["context"] = about
        if sent.times == 1:
            ids = [(await self._line.post("standins", "/api/inbound", body))["id"]]
        else:
            bare = {name: value for name, value in body.items() if name != sent.media}
            others = {**bare, str(sent.media): {"sample": SAMPLES[sent.media or ""]}}
            messages = [body, *[others] * (sent.times - 1)]
            asked = {"messages": messages, "spread": "one"}
            ids = (await self._line.post("standins", "/api/inbound", asked))["ids"]
        self._sent |= dict.fromkeys(ids, self._to(who))
        return list(ids)

    async def shown(self, who: Who) -> Sequence[Shown]:
        return [self._shown(one) for one in await self._line.feed.to(self._to(who))]

    async def replies(self, who: Who, ids: Sequence[str]) -> Sequence[Shown]:
        found = []
        for id_ in ids:
            # his number may be another one now
            messages = await self._line.feed.to(self._sent[id_])
            came = {key_of(message): message for message in messages}
            keys = (f"wa/{short(id_)}/{place}" for place in itertools.count())
            mine = itertools.takewhile(came.__contains__, keys)
            found += [self._shown(came[key]) for key in mine]
        return found

    async def _is_list(self, who: Who, message: str) -> bool:
        came = await self._line.feed.to(self._to(who))
        return any(one["id"] == message and one["layout"].get("type") == "list" for one in came)

    def _shown(self, message: Mapping[str, Any]) -> Shown:
        text = message["text"]
        for own, fresh in self._addresses.items():
            text = text.replace(telephone(fresh), telephone(own))
        notice = not key_of(message).startswith("wa/")
        return Shown(message["id"], text, options_of(message), notice)

    async def find(self, look: Callable[[], object], what: str) -> object:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            found = look()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            assert time.monotonic() < end, f"not within {PATIENCE_SECONDS:.0f} s: {what}"
            await asyncio.sleep(LOOK_SECONDS)

    async def settle(self, people: Sequence[Who]) -> None:
        """All that was sent has been answered: what comes after it is."""
        for who in {self._to(one): one for one in people}.values():
            ids = await self.say(who, Sent(0, "text", PROBE), "", "")

            async def answered(who: Who = who, ids: list[str] = ids) -> bool:
                return bool(await self.replies(who, ids))

            await self.find(answered, f"an answer to “{PROBE}”")

    # ------------------------------------------------------------ the office, and others

    async def happen(self, who: Who, happens: Happens, ticket: str) -> str | None:
        if happens.what == "number":
            system = {"number": self._address(happens.words)}
            # told of who has the number so far
            body = {**self._of(who), "system": system}
            await self._line.post("standins", "/api/inbound", body)
            self._now[f"{who.name}/{who.number}"] = happens.words
            name = self._line.names.phone(f"+{str(self._number(who)).removeprefix('+')}")

            async def taken() -> bool:
                # what he writes next lies in another partition, and would else be a stranger's
                return bool(await self._line.conversations.read([name]))

            await self.find(taken, "the change of number")
            return None
        if happens.what == "web":
            return await self._file(who, happens.fields)
        await self._act(who, ticket, happens)
        return None

    async def _file(self, who: Who, told: Mapping[str, str]) -> str:
        place = {name: told[name] for name in ("block", "village") if name in told}
        citizen = {"phone": self._number(who)} | ({"name": told["name"]} if "name" in told else {})
        body = {
            "kind": "complaint",
            "text": told["text"],
            "service": told.get("service"),
            "place": place,
            "citizen": citizen,
            "confidential": "confidential" in told,
        }
        filed = await self._line.post("intake-web", "/api/v1/cases", body)
        ticket: str = filed["ticket"]
        await self._routed(ticket)
        return ticket

    async def _routed(self, ticket: str) -> dict[str, Any]:
        async def look() -> dict[str, Any] | None:
            case = await self._line.case(ticket)
            return case if case is not None and case["state"] != "filed" else None

        found = await self.find(look, f"case {ticket} is routed")
        assert isinstance(found, dict)
        return found

    async def _act(self, who: Who, ticket: str, happens: Happens) -> None:
        case = await self._routed(ticket)
        version = case["version"]
        if case["state"] == "triage":
            placed = await self._acts(ticket, version, "assign", data={"department": "phe"})
            version = placed["version"]
        done = {entry["action"] for entry in case["history"]} if case["state"] != "assigned" else set()
        for action in _BEFORE.get(happens.what, ()):
            if action not in done:
                version = (await self._acts(ticket, version, action))["version"]
        if happens.what == "reject":
            reason = {"reason": happens.words}
            proposed = await self._acts(
                ticket, version, "propose_rejection", by=("head", "phe-head-1"), data=reason
            )
            done_ = await self._acts(ticket, proposed["version"], "reject")
        else:
            words: dict[str, Any] = {"note": happens.words, "public": True} if happens.words else {}
            done_ = await self._acts(ticket, version, happens.what, **words)
        if happens.what in _TOLD:
            await self._noticed(who, f"{ticket}/case/{done_['version']}")

    async def _acts(
        self,
        ticket: str,
        version: int,
        action: str,
        *,
        by: tuple[Role, str] = ("collector", "collector-1"),
        **more: Any,
    ) -> dict[str, Any]:
        body = {"action": action, "expected_version": version, **more}
        path = f"/api/v1/cases/{ticket}/actions"
        return await self._line.post("desk", path, body, headers=self._line.bearer(*by))

    async def _noticed(self, who: Who, event: str) -> None:
        """The citizen has got notify's message, and the conversation knows of it."""
        address = self._to(who)

        async def came() -> str | None:
            for message in await self._line.feed.to(address):
                if key_of(message).startswith(event):
                    return str(message["id"])
            return None

        wamid = await self.find(came, f"notify tells of {event}")
        names = self._line.names
        name = names.phone(address) if address.startswith("+") else names.user(address)

        async def known() -> bool:
            stored = await self._line.conversations.read([name])
            told = [message for one in stored for message, _ in one.memory.conversation.told]
            return wamid in told

        await self.find(known, f"the conversation knows of {event}")

    # ------------------------------------------------------------ what must be

    async def case(self, ticket: str) -> Mapping[str, str]:
        case = await self._line.case(ticket)
        return fields_of_case(case, {fresh: own for own, fresh in self._addresses.items()}) if case else {}

    async def calls(self, who: Who) -> Sequence[Mapping[str, str]]:
        mine = {f"wa/{short(id_)}" for id_ in self._sent}
        own_of = {fresh: own for own, fresh in self._addresses.items()}
        found = []
        async for record in read_whole(self._line.settings.kafka, CALLS):
            if record.header("ce_type") != CallbackRequested.TYPE:
                continue
            asked = CallbackRequested.model_validate_json(record.value or b"")
            if asked.key not in mine or asked.sealed is None or asked.wrapped_key is None:
                continue
            data_key = self._line.settings.keys.unwrap(asked.wrapped_key, asked.key)
            caller = unseal(asked.sealed, Caller, data_key, asked.key)
            told = {
                "phone": own_of.get(caller.phone, caller.phone),
                "name": caller.name,
                "words": caller.words,
                "case": asked.ticket,
            }
            found.append({name: value for name, value in told.items() if value})
        return found
