"""Transcripts are read as README.md tells, and a line that cannot be read is named."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from services.kernel.domain.directory import District
from tests.conversation.playing import Broken, Player
from tests.conversation.pure import PureSide
from tests.conversation.transcript import (
    BadTranscript,
    Expected,
    Gets,
    Happens,
    Must,
    Sent,
    Who,
    read_text,
    read_transcript,
    transcripts,
)

HEAD = "About something\nPure only: for its clock\n# राम, +919999900001\n"


def read(*lines: str) -> list[Any]:
    """What the lines are, after a person and what he sent."""
    return list(read_text("x", HEAD + "> क\n" + "\n".join(lines)).entries[2:])


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("> हैंडपंप खराब है", {"sort": "text", "text": "हैंडपंप खराब है"}),
        ("> पहली\\nदूसरी", {"text": "पहली\nदूसरी"}),
        ("> [दर्ज करें]", {"sort": "choice", "tap": "दर्ज करें", "under": ""}),
        ('> [दर्ज करें] under "जाँच"', {"tap": "दर्ज करें", "under": "जाँच"}),
        ("> (photo) यह देखिए", {"sort": "media", "media": "image", "text": "यह देखिए", "times": 1}),
        ("> (3 photos)", {"media": "image", "times": 3, "text": ""}),
        ("> (voice)", {"media": "audio", "voice": True}),
        ("> (audio)", {"media": "audio", "voice": False}),
        ("> (document) पत्र", {"media": "document", "text": "पत्र"}),
        ("> (location 21.95,-82.43 तरौद)", {"sort": "location", "lat": 21.95, "lng": -82.43, "text": "तरौद"}),
        ("> (contact 98765 43210)", {"sort": "contact", "text": "98765 43210"}),
        ("> (sticker)", {"sort": "other", "unsupported": "sticker"}),
        ('> (reply to "सवाल") जवाब', {"sort": "text", "replies": "सवाल", "text": "जवाब"}),
        ('> (reply to "सवाल") (2 photos) देखिए', {"media": "image", "times": 2, "replies": "सवाल"}),
        ('> (edit "पुराना") नया', {"sort": "edited", "about": "पुराना", "text": "नया"}),
        ("> (delete the photo)", {"sort": "revoked", "about": "the photo"}),
        ('> (react 👍 to "नमस्ते")', {"sort": "reaction", "about": "नमस्ते", "text": "👍"}),
    ],
)
def test_what_is_sent(line: str, fields: dict[str, object]) -> None:
    (sent,) = read(line)
    assert isinstance(sent, Sent)
    assert {name: getattr(sent, name) for name in fields} == fields


def test_what_is_got() -> None:
    (gets,) = read("< नमस्ते … संवाद", "< [एक] [दो|और कुछ] …", "< …", "< अंत")
    first, gap, last = gets.replies
    assert gap is None
    assert first == Expected(5, ("नमस्ते", "संवाद"), (("एक", ""), ("दो", "और कुछ")), more=True)
    assert last == Expected(8, ("अंत",))
    assert read("< (nothing)") == [Gets(5, ())]


def test_what_is_passed_over() -> None:
    assert read("", "-- a remark", "   ") == []


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        ("! 2 hours pass", {"what": "pass", "span": timedelta(hours=2)}),
        ("! 1 day passes", {"what": "pass", "span": timedelta(days=1)}),
        ("! the office asks about 2: कहाँ?", {"what": "ask_citizen", "case": 2, "words": "कहाँ?"}),
        ("! the office resolves 1: हो गया", {"what": "resolve", "case": 1, "words": "हो गया"}),
        ("! the number is now +919999900002", {"what": "number", "words": "+919999900002"}),
        ("! on the web: text पानी; name सीता", {"what": "web", "fields": {"text": "पानी", "name": "सीता"}}),
    ],
)
def test_what_happens(line: str, fields: dict[str, object]) -> None:
    (happens,) = read(line)
    assert isinstance(happens, Happens)
    assert {name: getattr(happens, name) for name in fields} == fields


@pytest.mark.parametrize(
    ("line", "must"),
    [
        ("= no case", ("cases", 0, {})),
        ("= 2 cases", ("cases", 2, {})),
        (
            "= case 1: service hand-pump; words of place घोघरा; confidential",
            ("case", 1, {"service": "hand-pump", "words of place": "घोघरा", "confidential": ""}),
        ),
        ("= a call is promised: phone +91; case 1", ("call", 0, {"phone": "+91", "case": "1"})),
        ("= no call is promised", ("no call", 0, {})),
    ],
)
def test_what_must_be(line: str, must: tuple[str, int, dict[str, str]]) -> None:
    (found,) = read(line)
    assert isinstance(found, Must)
    assert (found.what, found.number, dict(found.fields)) == must


def test_people() -> None:
    known = read("# सीता, +919999900002, user IN.1, 2026-11-30 10:05", "# मीरा, user IN.2")
    assert all(isinstance(one, Who) for one in known)
    assert (known[0].number, known[0].user, known[0].at.isoformat()) == (
        "+919999900002",
        "IN.1",
        "2026-11-30T10:05:00+05:30",
    )
    assert (known[1].number, known[1].user, known[1].at) == (None, "IN.2", None)


@pytest.mark.parametrize(
    "line",
    [
        "हैंडपंप", "> ", "> (dance)", "< [एक", "< ", "! somebody sings", "= case 1: colour red", "= maybe",
        "# कोई", "# कोई, 2026-11-30", "> (location तरौद)",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_named(line: str) -> None:
    with pytest.raises(BadTranscript, match="x, line 5"):
        read(line)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("About\n# राम, +919999900001\n", "nobody says anything"),
        ("# राम, +919999900001\n> क\n", "the first line"),
        ("About\n# राम, +919999900001\n> क\n! 2 hours pass\n", "Pure only"),
        ("About\n# राम, +919999900001\n< क\n> क", "nobody has sent anything"),
        ("About\n# राम, +919999900001\n> क\n< [एक]", "under what is said"),
        ("About\n# राम, +919999900001\n> क\n< एक\n< (nothing)", "nothing, after something"),
    ],
)
def test_what_makes_no_transcript(text: str, why: str) -> None:
    with pytest.raises(BadTranscript, match=why):
        read_text("x", text)


# ------------------------------------------------------------------ a play fails where it does not hold

FILED = "> मेरा हैंडपंप खराब है\n> 1\n> तरौद\n> 1\n> हाँ\n< दर्ज हो गई … {1}\n"


@pytest.mark.parametrize(
    ("lines", "fault"),
    [
        ("> नमस्ते\n< कुछ और", "line 5, “कुछ और”: it says"),
        ("> नमस्ते\n< नमस्ते\n< और", "“और” does not come"),
        ("> बंद\n< कुछ", "does not come"),
        ("> नमस्ते\n< (nothing)", "there comes more"),
        ("> English\n< All right", "there comes more"),
        ("> नमस्ते\n< नमस्ते\n< [नई शिकायत] [मेरी शिकायतें]", "it offers"),
        ("> नमस्ते\n< नमस्ते\n< [नई शिकायत] [बात करनी है] …", "it offers"),
        ("> नमस्ते\n> [दर्ज करें]", "there is not: an option"),
        ("> नमस्ते\n= 1 case", "0 cases are filed"),
        (FILED, "no line says what case 1 is"),
        (FILED + "= case 1: service road", "service is `hand-pump`, not `road`"),
        (FILED + "= case 1: village none", "village is `tarod`"),
        (FILED + "= case 1: landmark स्कूल", "there is no landmark"),
        (FILED + "= case 1: text बिजली", "without `बिजली`"),
        (FILED + "= case 2: text बिजली", "case 2 is filed"),
        (FILED + "= case 1: text हैंडपंप\n= a call is promised: case 1", "no such call"),
        ('> नमस्ते\n> (edit "कुछ") और', "he has sent nothing"),
    ],
)
async def test_what_does_not_hold_is_told(lines: str, fault: str, janjgir: District) -> None:
    with pytest.raises(Broken, match=re.escape(fault)):
        await play(lines, janjgir)


async def play(lines: str, directory: District) -> None:
    player = Player(read_text("x", HEAD + lines), PureSide(directory))
    await player.play()
    await player.check_silence()


# ------------------------------------------------------------------ those that there are


def test_there_are_transcripts_for_everything() -> None:
    read_ = [read_transcript(path) for path in transcripts()]
    assert len(read_) >= 40
    assert sum(not one.only_pure for one in read_) >= 30
    entries = [entry for one in read_ for entry in one.entries]
    assert {e.sort for e in entries if isinstance(e, Sent)} == {
        "text", "choice", "media", "location", "contact", "reaction", "edited", "revoked", "other",
    }  # fmt: skip
    assert {e.media for e in entries if isinstance(e, Sent)} >= {"image", "audio", "video", "document"}
    checked = [entry for entry in entries if isinstance(entry, Gets) and entry.replies]
    assert len(checked) > 400
