"""Plays a transcript on one side, the pure machine or the whole line, and says where it does not hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol, TypeVar

from services.intake.whatsapp.conversation.core.saying import BETWEEN
from services.kernel.domain import tickets
from tests.conversation.town import Shown
from tests.conversation.transcript import Expected, Gets, Happens, Must, Sent, Transcript, Who

T = TypeVar("T")
_CASE = re.compile(r"\{(?P<number>\d+)(?: (?P<how>bare|देवनागरी))?\}")
_TICKET = re.compile(r"\b[A-Z]{2}-(\d{10})\b")
_DEVANAGARI = str.maketrans("0123456789", "०१२३४५६७८९")


class Side(Protocol):
    """Where a transcript is played. What is waited for comes, or `find` fails naming it."""

    async def has(self, who: Who) -> None:
        """This person has the phone from now on."""

    async def say(self, who: Who, sent: Sent, choice: str, about: str) -> list[str]:
        """He sends it; the ids of the messages. `choice`: the id of what he taps; `about`: of the message
        that it is about, or under which that stands."""

    async def shown(self, who: Who) -> Sequence[Shown]:
        """All that his phone shows, oldest first."""

    async def replies(self, who: Who, ids: Sequence[str]) -> Sequence[Shown]:
        """What his phone shows for these messages so far."""

    async def find(self, look: Callable[[], object], what: str) -> object:
        """`look` (which may be awaited) until it finds something."""

    async def happen(self, who: Who, happens: Happens, ticket: str) -> str | None:
        """Carry it out; the ticket of a case that was filed by it."""

    async def case(self, ticket: str) -> Mapping[str, str]:
        """The case's fields as README.md names them, those that it has."""

    async def calls(self, who: Who) -> Sequence[Mapping[str, str]]:
        """What was promised about calling him."""


class Broken(AssertionError):
    """The transcript does not hold."""


class Player:
    def __init__(self, transcript: Transcript, side: Side) -> None:
        self._transcript = transcript
        self._side = side
        self._tickets: list[str] = []
        self._told: set[int] = set()
        self._mine: list[tuple[str, str, str]] = []  # number or user, words, message
        self._expected: list[tuple[Who, list[str], Gets]] = []
        self._who: Who | None = None
        self._last: list[str] = []

    async def play(self) -> None:
        """Raises Broken."""
        for entry in self._transcript.entries:
            try:
                await self._one(entry)
            except AssertionError as error:
                raise Broken(f"{self._transcript.name}, line {entry.line}: {error}") from None

    async def check_silence(self) -> None:
        """Nothing came beyond what was expected, once all has come that will."""
        for who, ids, gets in self._expected:
            await self._hold(who, ids, gets)
        untold = set(range(1, len(self._tickets) + 1)) - self._told
        if untold:
            raise Broken(f"{self._transcript.name}: no line says what case {min(untold)} is")

    @property
    def who(self) -> Who:
        assert self._who is not None
        return self._who

    async def _one(self, entry: object) -> None:
        if isinstance(entry, Who):
            self._who = entry
            await self._side.has(entry)
        elif isinstance(entry, Sent):
            await self._send(entry)
        elif isinstance(entry, Gets):
            self._expected.append((self.who, self._last, entry))
            await self._arrive(self.who, self._last, entry)
        elif isinstance(entry, Happens):
            await self._happen(entry)
        elif isinstance(entry, Must):
            await self._check(entry)

    # ------------------------------------------------------------ he sends

    async def _send(self, sent: Sent) -> None:
        who, choice, about = self.who, "", ""
        sent = replace(sent, text=await self._filled(sent.text))
        if sent.tap:
            choice, about = await self._choice(who, sent)
        elif sent.sort in ("edited", "revoked"):
            about = self._own_message(sent.about)
        elif sent.about or sent.replies:
            about = await self._message(who, sent.about or sent.replies)
        self._last = await self._side.say(who, sent, choice, about)
        words = sent.text if sent.media is None or sent.text else "the photo"
        self._mine += [(who.number or who.user or "", words, id_) for id_ in self._last]
        if sent.media is not None and sent.text:
            self._mine += [(who.number or who.user or "", "the photo", id_) for id_ in self._last]

    async def _choice(self, who: Who, sent: Sent) -> tuple[str, str]:
        """The id of the newest option of that title, and of the message under which it stands."""
        found: list[tuple[str, str]] = []

        async def look() -> bool:
            for shown in reversed(await self._side.shown(who)):
                if sent.under and not _holds(shown.text, (sent.under,)):
                    continue
                found.extend((o[0], shown.id) for o in shown.options if _same_title(o[1], sent.tap))
                if found:
                    return True
            return False

        await self._side.find(look, f"an option [{sent.tap}]")
        return found[0]

    async def _message(self, who: Who, words: str) -> str:
        wanted = await self._filled(words)

        async def look() -> str | None:
            shown = reversed(await self._side.shown(who))
            return next((one.id for one in shown if _holds(one.text, (wanted,))), None)

        return str(await self._side.find(look, f"a message with “{wanted}”"))

    def _own_message(self, words: str) -> str:
        whose = self.who.number or self.who.user or ""
        for author, said, id_ in reversed(self._mine):
            if author == whose and words in said:
                return id_
        raise AssertionError(f"he has sent nothing with “{words}”")

    # ------------------------------------------------------------ he gets

    async def _arrive(self, who: Who, ids: list[str], gets: Gets) -> None:
        """Wait until it holds; what comes beyond it is found by `check_silence`."""
        if not gets.replies:
            return
        fault = ""

        async def look() -> bool:
            nonlocal fault
            fault = await self._fault(who, ids, gets)
            return not fault

        try:
            await self._side.find(look, "what he gets")
        except AssertionError:
            raise Broken(fault or "nothing comes") from None
        await self._learn(who)

    async def _hold(self, who: Who, ids: list[str], gets: Gets) -> None:
        fault = await self._fault(who, ids, gets)
        if fault:
            raise Broken(f"{self._transcript.name}, line {gets.line}: {fault}")

    async def _fault(self, who: Who, ids: list[str], gets: Gets) -> str:
        """Why what came is not what was expected; "" where it is."""
        came = [part for one in await self._side.replies(who, ids) for part in _parts(one)]
        wanted = [await self._filled_in(one) for one in gets.replies]
        fault = _mismatch(wanted, came)
        return f"{fault}; what came: {[_brief(one) for one in came]}" if fault else ""

    async def _filled_in(self, expected: Expected | None) -> Expected | None:
        if expected is None:
            return None
        parts = tuple([await self._filled(part) for part in expected.parts])
        options = expected.options
        if options is not None:
            options = tuple([(await self._filled(title), said) for title, said in options])
        return replace(expected, parts=parts, options=options)

    # ------------------------------------------------------------ cases

    async def _learn(self, who: Who) -> None:
        """Cases are numbered as their numbers are first told."""
        for shown in await self._side.shown(who):
            for found in _TICKET.findall(shown.text):
                if tickets.parse(found) and found not in self._tickets:
                    self._tickets.append(found)

    async def _ticket(self, number: int) -> str:
        async def look() -> str | None:
            await self._learn(self.who)
            return self._tickets[number - 1] if len(self._tickets) >= number else None

        return str(await self._side.find(look, f"case {number} is filed"))

    async def _filled(self, text: str) -> str:
        """`{1}`: the number of the first case; `{1 bare}`: its ten digits, `{1 देवनागरी}` in that script."""
        found = list(_CASE.finditer(text))
        for one in found:
            ticket = await self._ticket(int(one["number"]))
            shown = {None: f"JC-{ticket}", "bare": ticket, "देवनागरी": ticket.translate(_DEVANAGARI)}
            text = text.replace(one[0], shown[one["how"]])
        return text

    async def _happen(self, happens: Happens) -> None:
        ticket = await self._ticket(happens.case) if happens.case else ""
        filed = await self._side.happen(self.who, happens, ticket)
        if filed is not None:
            self._tickets.append(filed)

    async def _check(self, must: Must) -> None:
        if must.what == "case":
            self._told.add(must.number)
            await self._check_case(await self._ticket(must.number), must.fields)
        elif must.what == "cases":
            await self._learn(self.who)
            assert len(self._tickets) == must.number, f"{len(self._tickets)} cases are filed"
        elif must.what == "no call":
            calls = await self._side.calls(self.who)
            assert not calls, f"a call is promised: {calls}"
        else:
            fields = dict(must.fields)
            if "case" in fields:
                fields["case"] = await self._ticket(int(fields["case"]))
            await self._until(lambda: self._call_fault(fields))

    async def _check_case(self, ticket: str, fields: Mapping[str, str]) -> None:
        async def fault() -> str:
            return _difference(fields, await self._side.case(ticket))

        await self._until(fault)

    async def _call_fault(self, fields: Mapping[str, str]) -> str:
        calls = await self._side.calls(self.who)
        faults = [_difference(fields, call) for call in calls]
        return "" if "" in faults else f"no such call: {faults or 'none at all'}"

    async def _until(self, fault: Callable[[], object]) -> None:
        last = ""

        async def look() -> bool:
            nonlocal last
            last = await fault()  # type: ignore[misc]
            return not last

        try:
            await self._side.find(look, "what must be")
        except AssertionError:
            raise Broken(last) from None


# ------------------------------------------------------------------ comparing


def _difference(wanted: Mapping[str, str], found: Mapping[str, str]) -> str:
    """What of `wanted` is not so. Words are looked for within; `none`: it has none."""
    for name, value in wanted.items():
        has = found.get(name)
        if value == "none":
            if has:
                return f"{name} is `{has}`"
        elif has is None:
            return f"there is no {name}"
        elif name in ("text", "words", "history", "words of place"):
            if not _holds(has, tuple(part.strip() for part in value.split("…") if part.strip())):
                return f"{name} is `{has}`, without `{value}`"
        elif has != value:
            return f"{name} is `{has}`, not `{value}`"
    return ""


def _parts(came: Shown) -> list[Shown]:
    """What stands in one message as if it had come in several; the options stand under the last."""
    *before, last = came.text.split(BETWEEN)
    return [*(replace(came, text=text, options=()) for text in before), replace(came, text=last)]


def _mismatch(wanted: Sequence[Expected | None], came: Sequence[Shown]) -> str:
    """Which of `wanted` (None: any number of others) is not there in its place; "" where all are."""
    at = 0
    gap = False
    for one in wanted:
        if one is None:
            gap = True
            continue
        here = range(at, len(came)) if gap else range(at, min(at + 1, len(came)))
        found = next((place for place in here if not _differs(one, came[place])), None)
        if found is None:
            told = f"line {one.line}, “{' … '.join(one.parts)}”"
            return f"{told}: {_differs(one, came[at])}" if at < len(came) else f"{told} does not come"
        at, gap = found + 1, False
    if at < len(came) and not gap:
        return f"there comes more: {_brief(came[at])}"
    return ""


def _differs(wanted: Expected, came: Shown) -> str:
    if not _holds(came.text, wanted.parts):
        return f"it says {_brief(came)}"
    if wanted.options is None:
        return ""
    titles = [title for _, title, _ in came.options]
    if len(titles) < len(wanted.options) or (len(titles) > len(wanted.options) and not wanted.more):
        return f"it offers {titles}"
    for (title, said), (_, has, description) in zip(wanted.options, came.options, strict=False):
        if not _same_title(has, title) or (said and said not in description):
            return f"it offers {titles}: [{has}|{description}]"
    return ""


def _holds(text: str, parts: Sequence[str]) -> bool:
    """Whether the parts stand in it, in their order. Line breaks are spaces, and bold is as plain."""
    whole, at = _plain(text), 0
    for part in parts:
        at = whole.find(_plain(part), at)
        if at < 0:
            return False
        at += len(_plain(part))
    return True


def _plain(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).replace("*", "").split())


def _same_title(has: str, wanted: str) -> bool:
    """Titles are told without their signs, unless they are nothing else."""
    return _plain(has) == _plain(wanted) or (bool(_letters(has)) and _letters(has) == _letters(wanted))


def _letters(title: str) -> str:
    kept = (c if unicodedata.category(c)[0] in "LMNP" else " " for c in _plain(title))
    return " ".join("".join(kept).replace("\ufe0f", "").split())


def _brief(shown: Shown) -> str:
    titles = "".join(f" [{title}]" for _, title, _ in shown.options)
    return f"“{_plain(shown.text)[:160]}”{titles}"
