"""What goes out of a stored message and what is looked up for it, or why nothing does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.contracts.envelope import Requested
from services.kernel.domain.whatsapp_limits import utf16_units
from services.notify.adapters.book_file import load_book
from services.notify.adapters.message_document import from_document
from services.notify.core.book import Audience, Book, Button, Channel, Template, Wording
from services.notify.core.composing import Found, compose
from services.notify.core.contacts import BAD_FOR, WINDOW, Contact
from services.notify.core.messages import Message
from services.notify.core.outcomes import Outcome
from services.notify.core.provider import Outgoing
from services.notify.testing.store_suite import NOW, planned

NUMBER = "+919876543210"
TICKET = "2600104237"
TICK = timedelta(milliseconds=1)


NEWS = Template(
    "news",
    ("ticket", "department", "call_centre"),
    {
        ("whatsapp", "hi"): Wording("आवेदन {ticket}: {department}, {call_centre}।", "news_v1"),
        ("whatsapp", "en"): Wording(
            "Case {ticket} is with {department}. Call {call_centre}.", "news_v1"
        ),
        ("sms", "en"): Wording("To ask call {call_centre} about {ticket}", "1007001"),
        ("email", "en"): Wording("Case {ticket}.", subject="News of {ticket} from {department}"),
    },
    (Button("yes", {"hi": "हाँ", "en": "Yes"}), Button("no", {"hi": "नहीं", "en": "No"})),
)
QUESTION = Template(
    "question",
    ("ticket", "words", "link"),
    {
        ("whatsapp", "hi"): Wording("{ticket}: “{words}” {link}", "question_v1"),
        ("whatsapp", "en"): Wording("{ticket}: “{words}” {link}", "question_v1"),
    },
)
CODE = Template("code", ("code",), {("sms", "en"): Wording("Your code is {code}.", "1007002")})
FILED = Template(
    "filed",
    ("ticket", "link"),
    {
        ("whatsapp", "en"): Wording("Case {ticket} is filed: {link} .", "filed_v1"),
        ("sms", "en"): Wording("Case {ticket} is filed.", "1007004"),
    },
    (Button("yes", {"hi": "हाँ", "en": "Yes"}),),
)
BOOK = replace(load_book(), templates={one.id: one for one in (NEWS, QUESTION, CODE, FILED)})
VALUES = {"ticket": "JC-1", "department": "Public Health", "call_centre": "79700"}


def message(
    template: str = "news",
    *,
    values: Mapping[str, str] = VALUES,
    language: Any = "en",
    audience: Audience = "citizen",
    channel: Channel = "sms",
    **fields: Any,
) -> Message:
    made = from_document(planned(template=template, audience=audience, channel=channel))
    return replace(made, values=values, language=language, **fields)


def out(
    what: Message,
    channel: Channel = "sms",
    *,
    contact: Contact | None = None,
    book: Book = BOOK,
    **found: Any,
) -> Outgoing | Outcome:
    known: dict[str, Any] = {"address": NUMBER, "contact": contact or Contact()}
    return compose(what, channel, Found(**known | found), book, NOW)


def sent(*args: Any, **more: Any) -> Outgoing:
    going = out(*args, **more)
    assert isinstance(going, Outgoing), going
    return going


def refused(*args: Any, **more: Any) -> str:
    outcome = out(*args, **more)
    assert isinstance(outcome, Outcome), outcome
    assert outcome.kind == "permanent"
    assert not outcome.whole_provider
    return outcome.reason


def test_a_text_in_its_channel_and_language() -> None:
    assert sent(message()) == Outgoing(
        key=f"{TICKET}/intake/1:r-citizen",
        to=NUMBER,
        language="en",
        text="To ask call 79700 about JC-1",
        registered="1007001",
        parameters=("JC-1", "79700"),
        buttons=((f"yes:{TICKET}", "Yes"), (f"no:{TICKET}", "No")),
    )
    hindi = sent(message(language="hi"), "whatsapp")
    assert (hindi.text, hindi.registered) == ("आवेदन JC-1: Public Health, 79700।", "news_v1")
    assert hindi.parameters == ("JC-1", "Public Health", "79700"), "in the order of the template"
    assert (hindi.language, hindi.in_window, hindi.claim) == ("hi", False, "")


def test_an_e_mail_has_a_subject_and_the_urgent_is_told_to_be_so() -> None:
    going = sent(message(urgent=True), "email", address="a@example.org")
    assert (going.subject, going.to) == ("News of JC-1 from Public Health", "a@example.org")
    assert going.urgent
    assert not sent(message(), "email").urgent
    assert sent(message(), "sms").subject == ""


class TestWhoGetsNothing:
    @pytest.mark.parametrize("channel", ["whatsapp", "sms", "email"])
    def test_without_an_address(self, channel: Channel) -> None:
        assert refused(message(urgent=True), channel, address=None) == "no_address"

    @pytest.mark.parametrize(
        ("more", "goes"),
        [
            ({}, False),
            ({"audience": "co_complainants"}, False),
            ({"at_once": True}, True),
            ({"urgent": True}, True),
            ({"audience": "officer"}, True),
            ({"audience": "operator"}, True),
        ],
    )
    def test_who_wants_no_messages(self, more: dict[str, Any], *, goes: bool) -> None:
        """What he has just asked for, and danger, he is told of all the same; an officer always is."""
        stopped = Contact(opted_out_at=NOW - timedelta(days=400))
        if goes:
            assert sent(message(**more), contact=stopped).to == NUMBER
        else:
            assert refused(message(**more), contact=stopped) == "opted_out"

    @pytest.mark.parametrize(
        ("channel", "age", "goes"),
        [
            ("sms", timedelta(0), False),
            ("sms", BAD_FOR - TICK, False),
            ("sms", BAD_FOR, True),
            ("whatsapp", timedelta(0), True),
        ],
    )
    def test_an_address_that_is_known_to_be_nobodys(
        self, channel: Channel, age: timedelta, *, goes: bool
    ) -> None:
        bad = Contact(bad={"sms": NOW - age})
        if goes:
            sent(message(urgent=True), channel, contact=bad)
        else:
            assert refused(message(urgent=True), channel, contact=bad) == "known_bad_address"

    def test_the_wish_comes_before_the_bad_address(self) -> None:
        """A wish ends it; a bad address would send it to the next channel."""
        both = Contact(opted_out_at=NOW, bad={"sms": NOW})
        assert refused(message(), contact=both) == "opted_out"


class TestTheWindow:
    @pytest.mark.parametrize(
        ("heard", "is_open"),
        [
            (timedelta(0), True),
            (WINDOW - TICK, True),
            (WINDOW, False),
            (WINDOW + TICK, False),
        ],
    )
    def test_is_open_for_24_hours_after_he_wrote(self, heard: timedelta, *, is_open: bool) -> None:
        contact = Contact(window_until=NOW - heard + WINDOW)
        assert sent(message(), "whatsapp", contact=contact).in_window is is_open

    def test_is_whatsapps_alone(self) -> None:
        contact = Contact(window_until=NOW + WINDOW)
        assert not sent(message(), "sms", contact=contact).in_window
        assert not sent(message(), "whatsapp").in_window

    @pytest.mark.parametrize(("language", "yes"), [("hi", "हाँ"), ("en", "Yes")])
    def test_buttons_carry_the_case_that_they_are_about(self, language: str, yes: str) -> None:
        going = sent(message(language=language), "whatsapp")
        assert going.buttons[0] == (f"yes:{TICKET}", yes)
        assert [id_ for id_, _ in going.buttons] == [f"yes:{TICKET}", f"no:{TICKET}"]
        assert sent(message("question", language=language), "whatsapp").buttons == ()


class TestWhatIsFilledInLate:
    def test_the_words_of_the_event_and_the_citizens_link(self) -> None:
        what = message("question")
        going = sent(what, "whatsapp", words="The pump\n works\tagain.", link="https://s/1/k")
        assert going.text == "JC-1: “The pump works again.” https://s/1/k"
        assert going.parameters == ("JC-1", "The pump works again.", "https://s/1/k")
        assert what.values == VALUES, "nothing of it is kept"

    @pytest.mark.parametrize("words", [None, ""])
    def test_an_act_without_words_says_where_to_hear_them(self, words: str | None) -> None:
        what = message("question")
        assert BOOK.words["no_words"]["en"] in sent(what, "whatsapp", words=words).text
        hindi = replace(what, language="hi")
        assert BOOK.words["no_words"]["hi"] in sent(hindi, "whatsapp", words=words).text

    def test_words_that_look_like_a_variable_stay_words(self) -> None:
        what = message("question")
        assert "“{department} {x}”" in sent(what, "whatsapp", words="{department} {x}").text

    @given(words=st.text(max_size=2000))
    def test_whatever_is_written_fits_in_one_line(self, words: str) -> None:
        what = message("question")
        going = sent(what, "whatsapp", words=words)
        said = going.parameters[1]
        assert 0 < utf16_units(said) <= BOOK.longest["words"]
        assert said == " ".join(said.split())
        assert utf16_units(going.text) <= 1024

    def test_nothing_of_it_shows_when_it_is_printed(self) -> None:
        found = Found(NUMBER, words="what was said", link="https://s/1/key")
        assert "what was said" not in repr(found)
        assert "key" not in repr(found)


class TestAChangedBook:
    def test_a_template_that_is_gone(self) -> None:
        assert refused(message("was_there_once")) == "no_such_template"

    def test_a_channel_or_language_that_it_lacks(self) -> None:
        assert refused(message("question"), "sms") == "no_such_template"
        assert refused(message(language="hi"), "sms") == "no_such_template"

    @pytest.mark.parametrize("where", ["text", "subject"])
    def test_a_text_that_wants_more_than_was_stored(self, where: str) -> None:
        wanting = (
            {"text": "{ticket} {days}"} if where == "text" else {"text": "x", "subject": "{days}"}
        )
        assert refused(message(), book=_with(Wording(**wanting))) == "template_changed"

    def test_a_text_that_wants_less(self) -> None:
        going = sent(message(), book=_with(Wording("{ticket}", "1007003")))
        assert (going.text, going.parameters, going.registered) == ("JC-1", ("JC-1",), "1007003")

    def test_a_value_that_may_no_longer_be_so_long_is_cut(self) -> None:
        book = replace(BOOK, longest={**BOOK.longest, "department": 8})
        assert sent(message(language="hi"), "whatsapp", book=book).parameters[1] == "Public"


def _with(wording: Wording) -> Book:
    """The book with another SMS of the news."""
    changed = replace(NEWS, wordings={**NEWS.wordings, ("sms", "en"): wording})
    return replace(BOOK, templates={**BOOK.templates, NEWS.id: changed})


class TestWithoutACase:
    REPLY = Requested(
        audience="citizen",
        to=NUMBER, channels=("whatsapp", "sms"), text="Which village?", buttons=(("b1", "Naila"),)
    )
    ASKED = Requested(audience="citizen", to=NUMBER, channels=("sms",), values={"code": "123456"})

    def test_a_reply_goes_out_as_it_is_while_the_window_is_open(self) -> None:
        open_ = Contact(window_until=NOW + TICK)
        what = message("reply", values={}, ticket=None, at_once=True)
        going = sent(what, "whatsapp", contact=open_, requested=self.REPLY)
        assert (going.text, going.buttons, going.in_window, going.registered) == (
            "Which village?",
            (("b1", "Naila"),),
            True,
            "",
        )
        rows = (("v1", "Naila", "Janjgir"), ("v2", "Tarod", ""))
        asked = self.REPLY.model_copy(update={"buttons": (), "rows": rows, "list_button": "Villages"})
        going = sent(what, "whatsapp", contact=open_, requested=asked)
        assert (going.buttons, going.rows, going.list_button) == ((), rows, "Villages")

    def test_and_not_when_it_is_closed(self) -> None:
        what = message("reply", values={}, ticket=None, at_once=True)
        closed = Contact(window_until=NOW)
        assert refused(what, "whatsapp", contact=closed, requested=self.REPLY) == "outside_window"
        assert refused(what, "sms", requested=self.REPLY) == "no_such_template"

    def test_then_its_template_goes_and_on_other_channels_it_always_does(self) -> None:
        what = message("filed", values={}, ticket=None, at_once=True)
        values = {"ticket": "JC-1", "link": "https://s/1/k"}
        asked = self.REPLY.model_copy(update={"values": values})
        for closed in (Contact(), Contact(window_until=NOW)):
            going = sent(what, "whatsapp", contact=closed, requested=asked)
            assert (going.in_window, going.registered) == (False, "filed_v1")
            assert going.parameters == ("JC-1", "https://s/1/k")
            assert going.buttons == (), "what came back would name no case"
        open_ = Contact(window_until=NOW + WINDOW)
        assert sent(what, "whatsapp", contact=open_, requested=asked).text == "Which village?"
        by_sms = sent(what, "sms", contact=open_, requested=asked)
        assert (by_sms.text, by_sms.registered) == ("Case JC-1 is filed.", "1007004")

    def test_a_template_lacks_the_link_that_nobody_gave(self) -> None:
        what = message("filed", values={}, ticket=None, at_once=True)
        asked = self.REPLY.model_copy(update={"values": {"ticket": "JC-1"}})
        assert refused(what, "whatsapp", requested=asked) == "template_changed"

    @pytest.mark.parametrize(
        ("ago", "known", "is_open"),
        [
            (timedelta(0), Contact(), True),
            (WINDOW - TICK, Contact(), True),
            (WINDOW, Contact(), False),
            # nothing that he wrote earlier closes it
            (timedelta(0), Contact(window_until=NOW - TICK), True),
            # and what he wrote later keeps it open
            (WINDOW, Contact(window_until=NOW + TICK), True),
            # the provider knows better, of what it was asked since
            (timedelta(0), Contact(closed_at=NOW), False),
            (timedelta(0), Contact(closed_at=NOW - TICK), True),
            (timedelta(hours=1), Contact(closed_at=NOW - timedelta(minutes=1)), False),
        ],
    )
    def test_what_it_answers_has_opened_the_window(
        self, ago: timedelta, known: Contact, *, is_open: bool
    ) -> None:
        """Whoever hears of what is written may be behind."""
        what = message("reply", values={}, ticket=None, at_once=True)
        asked = self.REPLY.model_copy(update={"answers": NOW - ago})
        if is_open:
            assert sent(what, "whatsapp", contact=known, requested=asked).in_window
        else:
            assert refused(what, "whatsapp", contact=known, requested=asked) == "outside_window"

    def test_nobody_has_written_later_than_he_was_answered(self) -> None:
        """Else a window that the provider has closed would be tried for ever."""
        what = message("reply", values={}, ticket=None, at_once=True)
        asked = self.REPLY.model_copy(update={"answers": NOW + timedelta(days=9)})
        assert sent(what, "whatsapp", requested=asked).in_window
        closed = Contact(closed_at=what.created_at)
        assert refused(what, "whatsapp", contact=closed, requested=asked) == "outside_window"

    def test_whoever_wrote_is_there(self) -> None:
        bad = Contact(bad={"whatsapp": NOW - timedelta(hours=1), "sms": NOW})
        what = message("filed", values={}, ticket=None, at_once=True)
        asked = self.REPLY.model_copy(update={"answers": NOW})
        assert refused(what, "whatsapp", contact=bad, requested=self.REPLY) == "known_bad_address"
        assert sent(what, "whatsapp", contact=bad, requested=asked).text == "Which village?"
        assert refused(what, "sms", contact=bad, requested=asked) == "known_bad_address"
        later = Contact(bad={"whatsapp": NOW})
        assert refused(what, "whatsapp", contact=later, requested=asked) == "known_bad_address"

    def test_a_code_is_filled_in_from_its_envelope(self) -> None:
        what = message("code", values={}, ticket=None, at_once=True)
        assert "123456" in sent(what, requested=self.ASKED).text
        assert refused(what) == "template_changed", "without its envelope it has no code"

    def test_a_citizen_who_wants_no_messages_gets_the_code_that_he_asked_for(self) -> None:
        stopped = Contact(opted_out_at=NOW)
        what = message("code", values={}, ticket=None, at_once=True)
        sent(what, requested=self.ASKED, contact=stopped)
        assert (
            refused(replace(what, at_once=False), requested=self.ASKED, contact=stopped)
            == "opted_out"
        )
