"""Conversations as plain text: what a citizen sends, what he gets, what the office does meanwhile.

`README.md` beside this file tells how they are written. Reading one gives its `Entry`s in their order; a line
that cannot be read raises BadTranscript with its number.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from services.intake.whatsapp.conversation.core.inbound import Sort
from services.kernel.domain.media import MediaKind

FOLDER = Path(__file__).with_name("transcripts")
ZONE = ZoneInfo("Asia/Kolkata")
GAP = "…"


class BadTranscript(ValueError):
    """A line that nobody can read."""


@dataclass(frozen=True)
class Who:
    """From here on this person has the phone. `number` in E.164 or None, `user` the user id or None; `at`:
    the instant to which the clock is set, where one is told."""

    line: int
    name: str
    number: str | None
    user: str | None
    at: datetime | None = None


@dataclass(frozen=True)
class Sent:
    """What a citizen sends; `times` of it one right after the other.

    `tap`: the title of what he taps, `under`: words of the message that bears it, where not the newest.
    `about`: words of the message that he edits, deletes, reacts to or (`replies`) answers; of his own file,
    "the photo"."""

    line: int
    sort: Sort
    text: str = ""
    tap: str = ""
    under: str = ""
    media: MediaKind | None = None
    voice: bool = False
    times: int = 1
    lat: float = 0.0
    lng: float = 0.0
    about: str = ""
    replies: str = ""
    unsupported: str = ""


@dataclass(frozen=True)
class Expected:
    """One message that he gets: it holds `parts`, in their order. `options`: the titles of all that it
    offers, with parts of their descriptions; `more`: and others."""

    line: int
    parts: tuple[str, ...]
    options: tuple[tuple[str, str], ...] | None = None
    more: bool = False


@dataclass(frozen=True)
class Gets:
    """All that he gets for what he has just sent; None in `replies`: any number of others."""

    line: int
    replies: tuple[Expected | None, ...]


@dataclass(frozen=True)
class Happens:
    """What others do, or time does. `what` is one of HAPPENINGS."""

    line: int
    what: str
    case: int = 0
    words: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    span: timedelta = timedelta()


@dataclass(frozen=True)
class Must:
    """What must be true: of a case (`what` "case"), of how many there are ("cases", in `number`), or of a
    promise to call ("call")."""

    line: int
    what: str
    number: int = 0
    fields: Mapping[str, str] = field(default_factory=dict)


Entry = Who | Sent | Gets | Happens | Must


@dataclass(frozen=True)
class Transcript:
    """`only_pure`: why it cannot be played on the real clock; "" where it can."""

    name: str
    about: str
    only_pure: str
    entries: tuple[Entry, ...]


CASE_FIELDS = frozenset(
    {
        "kind", "service", "village", "words of place", "landmark", "block", "name", "for", "phone",
        "priority", "files", "unwritten", "language", "text", "pin", "confidential", "state", "rating",
        "words", "history",
    }
)  # fmt: skip
"""What can be told of a case; see README.md."""
CALL_FIELDS = frozenset({"phone", "name", "case", "words"})
WEB_FIELDS = frozenset({"text", "service", "village", "block", "name", "confidential"})
_NUMBER = re.compile(r"\+[1-9][0-9]{7,14}")
_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}


def transcripts() -> list[Path]:
    return sorted(FOLDER.glob("*.txt"))


def read_transcript(path: Path) -> Transcript:
    """Raises BadTranscript."""
    return read_text(path.stem, path.read_text(encoding="utf-8"))


def read_text(name: str, text: str) -> Transcript:
    about: list[str] = []
    entries: list[Entry] = []
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        sign, rest = line[:1], line[1:].strip()
        if not line or line.startswith("--"):
            continue
        try:
            if sign in _READERS:
                _READERS[sign](entries, number, rest)
            elif entries:
                raise BadTranscript("a line begins with one of # > < ! = --")
            else:
                about.append(line)
        except (BadTranscript, ValueError) as error:
            raise BadTranscript(f"{name}, line {number}: {error}: {line}") from None
    if not any(isinstance(entry, Sent) for entry in entries):
        raise BadTranscript(f"{name}: nobody says anything")
    pure = next((one for one in about if one.lower().startswith("pure only:")), "")
    read = Transcript(
        name,
        " ".join(one for one in about if one is not pure),
        pure.partition(":")[2].strip(),
        tuple(entries),
    )
    if not read.about:
        raise BadTranscript(f"{name}: the first line tells what it is about")
    needs = [e.line for e in entries if isinstance(e, Happens) and e.what in _OF_THE_TEST_CLOCK]
    if needs and not read.only_pure:
        raise BadTranscript(f"{name}, line {needs[0]}: it needs `Pure only: why` at its head")
    return read


# ------------------------------------------------------------------ # who


def _who(entries: list[Entry], line: int, rest: str) -> None:
    name, *parts = (part.strip() for part in rest.split(","))
    number = user = at = None
    for part in parts:
        if _NUMBER.fullmatch(part):
            number = part
        elif part.startswith("user "):
            user = part.removeprefix("user ").strip()
        else:
            at = datetime.strptime(part, "%Y-%m-%d %H:%M").replace(tzinfo=ZONE)
    if not name or (number is None and user is None):
        raise BadTranscript("`# name, +number` or `# name, user IN.1`, and perhaps a date with a time")
    entries.append(Who(line, name, number, user, at))


# ------------------------------------------------------------------ > what he sends


_TAP = re.compile(r'\[(?P<tap>[^\]]+)\](?: under "(?P<under>[^"]+)")?')
_SPECIAL = re.compile(r"\((?P<what>[^)]+)\)\s*(?P<text>.*)", re.DOTALL)
_QUOTED = re.compile(
    r'(?P<verb>reply to|edit|delete|react (?P<emoji>\S+) to) (?:"(?P<about>[^"]+)"|the photo)'
)
_FILE = re.compile(r"(?:(?P<times>\d+) )?(?P<what>photo|video|audio|document|voice)s?")
_PIN = re.compile(r"location (?P<lat>-?[\d.]+),(?P<lng>-?[\d.]+)(?: (?P<words>.+))?")


def _sent(entries: list[Entry], line: int, rest: str) -> None:
    tapped = _TAP.fullmatch(rest)
    if tapped:
        entries.append(Sent(line, "choice", tap=tapped["tap"], under=tapped["under"] or ""))
        return
    special = _SPECIAL.fullmatch(rest)
    entries.append(
        _special(line, special["what"], special["text"]) if special else _text(line, rest)
    )


def _text(line: int, words: str, replies: str = "") -> Sent:
    if not words:
        raise BadTranscript("nothing is sent")
    return Sent(line, "text", words.replace("\\n", "\n"), replies=replies)


def _special(line: int, what: str, text: str) -> Sent:
    quoted = _QUOTED.fullmatch(what)
    if quoted:
        about = quoted["about"] or "the photo"
        if quoted["verb"] == "reply to":
            inner = _SPECIAL.fullmatch(text)
            sent = _special(line, inner["what"], inner["text"]) if inner else _text(line, text)
            return Sent(**{**vars(sent), "replies": about})
        if quoted["emoji"]:
            return Sent(line, "reaction", quoted["emoji"], about=about)
        if quoted["verb"] == "edit":
            return Sent(line, "edited", text, about=about)
        return Sent(line, "revoked", about=about)
    file = _FILE.fullmatch(what)
    if file:
        voice = file["what"] == "voice"
        kinds: Mapping[str, MediaKind] = {"photo": "image", "voice": "audio"}
        kind = kinds.get(file["what"]) or file["what"]
        times = int(file["times"] or 1)
        return Sent(line, "media", text, media=kind, voice=voice, times=times)  # type: ignore[arg-type]
    pin = _PIN.fullmatch(what)
    if pin:
        words = pin["words"] or ""
        return Sent(line, "location", words, lat=float(pin["lat"]), lng=float(pin["lng"]))
    if what.startswith("contact "):
        return Sent(line, "contact", what.removeprefix("contact ").strip())
    if what in ("sticker", "poll", "order"):
        return Sent(line, "other", text, unsupported=what)
    raise BadTranscript(f"nobody can send a ({what})")


# ------------------------------------------------------------------ < what he gets


_OPTION = re.compile(r"\[(?P<title>[^\]|]*)(?:\|(?P<said>[^\]]*))?\]\s*")


def _gets(entries: list[Entry], line: int, rest: str) -> None:
    last = entries[-1] if entries else None
    if not isinstance(last, Gets):
        if not isinstance(last, Sent):
            raise BadTranscript("nobody has sent anything to which this is the answer")
        last = Gets(line, ())
        entries.append(last)
    if rest == "(nothing)":
        if last.replies:
            raise BadTranscript("nothing, after something")
        return
    if rest == GAP:
        replies: tuple[Expected | None, ...] = (*last.replies, None)
    elif rest.startswith("["):
        replies = _with_options(last.replies, rest)
    else:
        parts = tuple(part.strip() for part in rest.split(GAP) if part.strip())
        if not parts:
            raise BadTranscript("nothing is said")
        replies = (*last.replies, Expected(line, parts))
    entries[-1] = Gets(last.line, replies)


def _with_options(
    replies: tuple[Expected | None, ...], rest: str
) -> tuple[Expected | None, ...]:
    said = replies[-1] if replies else None
    if said is None:
        raise BadTranscript("what is offered stands under what is said")
    more = rest.endswith(GAP)
    listed = rest.removesuffix(GAP).strip()
    options = [(m["title"].strip(), (m["said"] or "").strip()) for m in _OPTION.finditer(listed)]
    if "".join(m[0] for m in _OPTION.finditer(listed)).strip() != listed:
        raise BadTranscript("[one] [another]")
    known = said.options or ()
    return (*replies[:-1], Expected(said.line, said.parts, (*known, *options), more))


# ------------------------------------------------------------------ ! what happens


HAPPENINGS: Mapping[str, re.Pattern[str]] = {
    "pass": re.compile(r"(?P<count>\d+) (?P<unit>second|minute|hour|day)s? pass(?:es)?"),
    "acknowledge": re.compile(r"the office takes on (?P<case>\d+)"),
    "start": re.compile(r"the office starts (?P<case>\d+)"),
    "ask_citizen": re.compile(r"the office asks about (?P<case>\d+): (?P<words>.+)"),
    "reply": re.compile(r"the office writes about (?P<case>\d+): (?P<words>.+)"),
    "resolve": re.compile(r"the office resolves (?P<case>\d+): (?P<words>.+)"),
    "reject": re.compile(r"the office rejects (?P<case>\d+): (?P<words>[a-z_]+)"),
    "answer": re.compile(r"the office hears about (?P<case>\d+): (?P<words>.+)"),
    "close": re.compile(r"(?P<case>\d+) is closed by rule"),
    "web": re.compile(r"on the web: (?P<fields>.+)"),
    "number": re.compile(r"the number is now (?P<words>\+\d+)"),
    "loses": re.compile(r"the district loses (?P<words>[a-z0-9-]+)"),
}
_OF_THE_TEST_CLOCK = ("pass", "close", "loses")


def _happens(entries: list[Entry], line: int, rest: str) -> None:
    for what, pattern in HAPPENINGS.items():
        found = pattern.fullmatch(rest)
        if found is None:
            continue
        told = found.groupdict()
        span = timedelta(seconds=int(told.get("count") or 0) * _UNITS[told.get("unit") or "second"])
        fields = _fields(told["fields"], WEB_FIELDS) if told.get("fields") else {}
        case = int(told.get("case") or 0)
        entries.append(Happens(line, what, case, told.get("words") or "", fields, span))
        return
    raise BadTranscript("nobody knows how this happens")


# ------------------------------------------------------------------ = what must be true


_CASE = re.compile(r"case (?P<number>\d+): (?P<fields>.+)")
_CASES = re.compile(r"(?P<number>no|\d+) cases?")
_CALL = re.compile(r"a call is promised: (?P<fields>.+)")


def _must(entries: list[Entry], line: int, rest: str) -> None:
    case, cases, call = _CASE.fullmatch(rest), _CASES.fullmatch(rest), _CALL.fullmatch(rest)
    if case:
        fields = _fields(case["fields"], CASE_FIELDS)
        entries.append(Must(line, "case", int(case["number"]), fields))
    elif cases:
        number = 0 if cases["number"] == "no" else int(cases["number"])
        entries.append(Must(line, "cases", number))
    elif call:
        entries.append(Must(line, "call", 0, _fields(call["fields"], CALL_FIELDS)))
    elif rest == "no call is promised":
        entries.append(Must(line, "no call"))
    else:
        raise BadTranscript("nobody knows what must be")


def _fields(text: str, known: frozenset[str]) -> dict[str, str]:
    """`service hand-pump; village tarod; confidential`: names of fields, each with what it is."""
    return dict(_field(part.strip(), known) for part in text.split(";"))


def _field(part: str, known: frozenset[str]) -> tuple[str, str]:
    for name in sorted(known, key=len, reverse=True):
        if part == name or part.startswith(f"{name} "):
            return name, part.removeprefix(name).strip()
    raise BadTranscript(f"`{part}` is none of {', '.join(sorted(known))}")


_READERS: Mapping[str, Callable[[list[Entry], int, str], None]] = {
    "#": _who,
    ">": _sent,
    "<": _gets,
    "!": _happens,
    "=": _must,
}


def people_of(transcript: Transcript) -> Iterator[Who]:
    return (entry for entry in transcript.entries if isinstance(entry, Who))
