"""What words mean: numbers, commands, answers, options, names, corrections, greetings, the language."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.whatsapp.conversation.core.model import Option
from services.intake.whatsapp.conversation.core.numbers import (
    looks_like_ticket,
    number_of,
    ticket_in,
)
from services.intake.whatsapp.conversation.core.understanding import (
    Words,
    is_sign,
    plain,
    says_something,
)
from services.kernel.domain import tickets
from tests.conversation.town import WORDS


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1", 1), ("१", 1), (" 2. ", 2), ("(3)", 3), ("৪", 4), ("10", 10), ("१०", 10), ("5️⃣", 5), ("0", 0),
        ("एक", 1), ("do", 2), ("तीसरा", 3), ("First", 1), ("number 2", 2), ("2 नंबर", 2), ("नं. 3", None),
        ("no 3", 3), ("दूसरा वाला", 2), ("option 1", 1), ("100", None), ("1 2", None), ("one two", None),
        ("-", None), ("", None), ("no", None), ("नंबर", None), ("½", None), ("1a", None),
    ],
)  # fmt: skip
def test_numbers(text: str, number: int | None) -> None:
    assert WORDS.number(text) == number


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("मेनू", "menu"), ("MENU", "menu"), ("मदद", "help"), ("help!", "help"), ("नयी शिकायत", "new"),
        ("nai shikayat", "new"), ("स्थिति", "cases"), ("Status?", "cases"), ("mere aavedan", "cases"),
        ("बात करनी है", "human"), ("baat krni hai", "human"), ("I want to talk to a person", "human"),
        ("पीछे", "undo"), ("peeche", "undo"), ("रद्द", "cancel"), ("radd karo", "cancel"),
        ("Cancel.", "cancel"), ("फिर से शुरू करो", "restart"), ("phir se shuru kro", "restart"),
        ("English", "english"),
        ("हिन्दी में", "hindi"), ("छत्तीसगढ़ी", "chhattisgarhi"), ("dhanyawaad", "thanks"),
        ("शिकायत दर्ज करनी है।", "new"), ("शिकायत दरज करनी है", "new"), ("meri shikayte", "cases"),
        ("मेरी शिकायत का क्या हुआ", "cases"),
        # made of words that mean it, in any order
        ("insaan se baat karao", "human"), ("mujhe adhikari se baat karni hai", "human"),
        ("koi aadmi hai kya", "human"), ("helpline number do", "human"), ("मुझे कॉल कीजिए", "human"),
        ("office kab khulta hai", "human"), ("kya aap robot ho", "help"), ("ye number kiska hai", "help"),
        ("kitna paisa lagega", "help"), ("समझ नहीं आया", "help"), ("can we talk in english", "english"),
        ("हिंदी में बोलो", "hindi"), ("mera kya hua", "cases"), ("कब तक होगा काम", "cases"),
        ("cancel karo meri shikayat", "withdraw"), ("शिकायत वापस लेनी है", "withdraw"),
        ("ok ji dhanyawad", "thanks"), ("bhagwan aapka bhala kare", "thanks"),
        ("bank wale phone nahi uthate", None), ("phone nahi lagta hai", None), ("road kab banega", None),
        ("paisa kab milega", None), ("english teacher nahi hai", None), ("मेरी पेंशन कब आएगी", None),
        ("ration card number galat hai", None), ("पंचायत का ऑफिस बंद है", None),
        ("bhagwan das ki zameen", None), ("kab ho jayega", "cases"), ("bye bye", "thanks"), ("kal", None),
        # a typing error is not another word
        ("शिकायत वापस नहीं लेनी है", None), ("कॉल मत करो", None), ("मुझे मदद नहीं चाहिए", None),
        ("gaya bahut bahut dhanyawad", None),
        # a story that merely holds such a word commands nothing
        ("बिल रद्द करने की मांग की थी पर रद्द नहीं हुआ", None), ("मदद के लिए कोई नहीं आता है यहाँ", None),
        ("बैंक में बात करनी है पर कोई नहीं सुनता", None), ("back side ka drain jam hai", None),
        ("हैंडपंप", None), ("", None), ("…", None), ("🙏", None),
    ],
)  # fmt: skip
def test_commands(text: str, command: str | None) -> None:
    assert WORDS.command(text) == command


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("हाँ", {"yes"}), ("हां जी", {"yes"}), ("Haan", {"yes"}), ("हव", {"yes"}), ("OK", {"yes"}),
        ("जी", {"yes"}), ("ठीक है", {"yes"}), ("nahi", {"no"}), ("नइ", {"no", "new"}), ("नई", {"no", "new"}),
        ("गलत है", {"no"}), ("पता नहीं", {"skip", "unknown"}), ("बस", {"enough"}),
        ("haan wahi", {"yes"}), ("ok sir kar dijiye", {"go"}), ("सही है भेज दीजिए", {"file"}),
        ("बने हे", {"right"}), ("नहीं दूसरा", {"no"}), ("kuch nahi sab thik hai", {"nothing"}),
        ("ठीक करो", set()), ("thik kar do", set()),
        ("sahi kar do", set()), ("हाँ पर गाँव गलत है", set()), ("हाँ बदल दो", set()),
        ("हाँ ठीक कर दो", set()), ("ok sahi karo", set()), ("kya sab sahi hai", set()),
        ("ji haan bhej do", {"file"}),
        ("kaam nahi hua abhi tak", {"undone"}), ("nahi hua jhooth bol rahe hai", {"undone"}),
        ("ho gaya thik hai dhanyavaad", {"done"}), ("हो गया", {"done", "enough"}),
        ("pump thik ho gaya", set()),
        ("mujhe nahi pata", {"unknown"}), ("कुछ भी", {"skip", "unknown"}),
        ("naam nahi batana chahta", {"unnamed"}), ("नाम मत लिखना", {"unnamed"}), ("नाम में गलती नहीं", set()),
        ("mera naam gupt rahega na", {"confidential"}), ("बहुत अच्छा", {"superb"}),
        ("haan haan", {"yes"}), ("nahi nahi", {"no"}),
        ("शिकायत", {"complaint"}), ("सुझाव", {"suggestion"}),
        # who asks answers nothing
        ("ho gaya?", set()), ("ठीक है?", set()), ("done ?", set()), ("sahi hai kya", set()),
        ("sab sahi hai", {"right"}), ("दर्ज कर दो", {"file"}), ("bhej do", {"file"}),
        ("haan darj karo", {"file"}),
        ("ठीक नहीं है", {"no", "undone"}), ("sahi nahi hai", {"no", "undone"}), ("hua nahi", {"undone"}),
        ("cancel mat karo", {"no"}), ("wapas nahi leni hai", {"no"}), ("रद्द मत करो", {"no"}),
        ("ration nahi lena", set()), ("private school chahiye", set()), ("naam nahi likhna aata", set()),
        ("मेरे नाम से", {"self"}), ("हैंडपंप", set()), ("हाँ पर काम नहीं हुआ", set()),
    ],
)  # fmt: skip
def test_answers(text: str, answers: set[str]) -> None:
    assert WORDS.answers(text) == answers


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("1", "yes"), ("२", "no"), ("हाँ", "yes"), ("संतुष्ट हूँ", "yes"), ("नहीं", "no"),
        ("काम नहीं हुआ", "no"),
        ("काम हो गया", "yes"), ("bahut badhiya", "yes"), ("बहुत बेकार", "no"),
        ("abhi tak kuch nahi hua", "no"),
        ("3", None), ("", None), ("हैंडपंप बन गया", None), ("1 star", "no"), ("ek number", "yes"),
        ("kar do", None), ("sab sahi hai", "yes"), ("ठीक नहीं है", "no"),
        ("theek nahi hua", "no"), ("संतुष्ट नहीं हूँ", "no"), ("thik hai nahi hua", "no"),
        # neither is said, or it is asked
        ("kaam thik nahi kiya", None), ("haan lekin abhi bhi kharab hai", None),
        ("bahut accha mazak hai", None),
        ("done nahi hua", None), ("ok but not done", None), ("ho gaya kya", None), ("ho gaya?", None),
        ("1?", None), ("nahi nahi ho gaya", None), ("hua nahi par photo daal di", None), ("दर्ज कर दो", None),
        ("kharab ho gaya", None), ("thanks for nothing", None), ("jhooth ho gaya", None),
        ("nahi thik hai", None),
    ],
)  # fmt: skip
def test_verdicts(text: str, verdict: str | None) -> None:
    assert WORDS.verdict(text) == verdict


OFFERED = (
    Option("1.confirm.yes", "✅ दर्ज करें", means=("right", "file", "go")),
    Option("1.confirm.edit", "✏️ बदलें", means=("no",)),
    Option("1.confirm.cancel", "❌ रद्द करें"),
    Option("rating.5", "⭐⭐⭐⭐⭐", "बहुत अच्छा", means=("superb",)),
)


@pytest.mark.parametrize(
    ("text", "id_"),
    [
        ("1", "1.confirm.yes"), ("२", "1.confirm.edit"), ("4", "rating.5"), ("5", None), ("0", None),
        ("दर्ज करें", "1.confirm.yes"), ("दर्ज कर दो", "1.confirm.yes"), ("हाँ", "1.confirm.yes"),
        ("नहीं", "1.confirm.edit"), ("badlo", "1.confirm.edit"), ("रद्द करें", "1.confirm.cancel"),
        ("रदद करें", "1.confirm.cancel"), ("बहुत अच्छा", "rating.5"), ("bahut achchha", "rating.5"),
        ("", None), ("👍", None), ("हैंडपंप खराब है", None), ("दर्ज करें?", None), ("1?", None),
        ("ek number", "rating.5"), ("मत दर्ज करें", None), ("sab sahi hai", "1.confirm.yes"),
    ],
)  # fmt: skip
def test_options(text: str, id_: str | None) -> None:
    found = WORDS.option(text, OFFERED)
    assert (found.id if found else None) == id_


def test_no_is_no_misspelt_yes() -> None:
    offered = (Option("withdraw.1", "हाँ, वापस लें"), Option("withdraw.2", "नहीं, रहने दें"))
    assert WORDS.option("हाँ वापस ले", offered) is offered[0]
    assert WORDS.option("नहीं वापस लें", offered) is None


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("kyu", True), ("क्यों?", True), ("ye kya hai", True), ("यह कौन है", True), ("कैसे", True),
        ("ho gaya?", True), ("sahi hai?", True), ("क्यों नहीं आया", False), ("ho gaya", False),
        ("pani kab aayega", False), ("हैंडपंप?", False), ("", False), ("?", False),
    ],
)  # fmt: skip
def test_questions_that_tell_nothing(text: str, asks: bool) -> None:
    assert WORDS.only_asks(text) == asks


@pytest.mark.parametrize(
    ("text", "praise"),
    [("bahut accha kaam kiya", True), ("धन्यवाद आप सबका", True), ("स्टाफ ने गाली दी", False), ("", False)],
)
def test_praise(text: str, praise: bool) -> None:
    assert WORDS.is_praise(text) == praise


@pytest.mark.parametrize(
    ("text", "amiss"),
    [("फिर खराब", True), ("nali jam hai", True), ("aap ne kaam kiya", False), ("", False)],
)
def test_what_is_amiss(text: str, amiss: bool) -> None:
    assert WORDS.is_amiss(text) == amiss


def test_where_numbers_are_words_they_choose_nothing() -> None:
    assert WORDS.option("1", OFFERED, numbered=False) is None
    assert WORDS.option("हाँ", OFFERED, numbered=False) is OFFERED[0]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("हम तरौद में रहते हैं", ["तरौद"]), ("gram tarod block akaltara", ["tarod", "akaltara"]),
        ("school ke paas tarod", ["school", "paas", "tarod"]), ("", []),
    ],
)  # fmt: skip
def test_what_tells_of_a_place(text: str, told: list[str]) -> None:
    assert WORDS.beside_place(text) == told


@pytest.mark.parametrize(
    ("text", "elsewhere"),
    [
        ("bilaspur", True), ("mai raigarh jile se hu", True), ("कोरबा", True), ("तरौद", False),
        ("गाँव", False), ("बिलासपुर रोड के पास", False), ("", False),
    ],
)  # fmt: skip
def test_other_districts(text: str, elsewhere: bool) -> None:
    assert WORDS.is_elsewhere(text) == elsewhere


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("नाम गलत है", "name"), ("naam galat hai", "name"), ("गाँव का नाम गलत है", "place"),
        ("place wrong", "place"), ("विभाग बदलना है", "service"), ("गलत है", ""), ("कुछ बदलना", None),
        ("बदलो", ""), ("photo hatao", "media"), ("mobile number badalna hai", "phone"), ("gaon", "place"),
        ("naam", "name"), ("गाँव में पानी नहीं", None), ("photo", None), ("baat", None),
        ("मीटर नंबर गलत है", None),
        ("राशन कार्ड में मेरा नाम गलत लिखा है", None), ("मीटर की रीडिंग गलत है", None), ("हाँ", None),
        ("", None),
    ],
)  # fmt: skip
def test_corrections(text: str, field: str | None) -> None:
    assert WORDS.correction(text) == field


@pytest.mark.parametrize(
    ("text", "tongue"),
    [
        ("The hand pump is broken", "en"), ("street light not working", "en"), ("मेरा हैंडपंप खराब है", "hi"),
        ("pani nahi aa raha hai", "hi"), ("transformer jal gaya", "hi"), ("bijli nai he", "hi"),
        ("street light band hai", "hi"),
        ("हमर पारा के बोरिंग बिगड़ गे हे", "hne"), ("मोर राशन कार्ड नइ बनत हे", "hne"),
        ("hamar gaon ke boring bigad ge he", "hne"), ("नमस्ते", None), ("जोहार", None), ("hello", None),
        ("hi", None), ("1", None), ("", None), ("🙏", None),
    ],
)  # fmt: skip
def test_the_language(text: str, tongue: str | None) -> None:
    assert WORDS.tongue_of(text) == tongue


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("हैंडपंप खराब है", "complaint"), ("मेरा सुझाव है कि पुस्तकालय खुले", "suggestion"),
        ("हमारी माँग है कि सड़क बने", "demand"), ("hamari mang hai", "demand"), ("", "complaint"),
    ],
)  # fmt: skip
def test_the_kind(text: str, kind: str) -> None:
    assert WORDS.kind_of(text) == kind


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("दो महीने से पानी नहीं आ रहा है", True), ("the pump is broken", True), ("pani nahi aata", True),
        ("पानी नइ मिलत हे", True), ("श्याम लाल साहू", False), ("मेरा नाम श्याम लाल है", False),
        ("राम कुमार पिता श्याम लाल ग्राम तरौद", False), ("स्कूल के पास वाली गली", False), ("खराब है", False),
        ("", False), ("pump kharab hai", True), ("nali jam hai", True),
        ("haan lekin abhi bhi kharab hai", True),
        ("school ke paas, bajar para", False),
    ],
)  # fmt: skip
def test_sentences(text: str, sentence: bool) -> None:
    assert WORDS.is_sentence(text) == sentence


@pytest.mark.parametrize(
    ("text", "abuse"),
    [
        ("तुम सब कमीने हो", True), ("saale", True), ("गली में आवारा कुत्ते हैं", False),
        ("BC certificate", False),
        ("मेरा साला मेरी जमीन पर कब्जा करके बैठा है जी", False), ("", False),
    ],
)  # fmt: skip
def test_abuse(text: str, abuse: bool) -> None:
    assert WORDS.is_abuse(text) == abuse


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("👍", True), ("🙏🏽", True), ("❤️", True), ("👨‍👩‍👧", True), ("?", False), ("👍 ok", False),
        ("", False),
    ],
)  # fmt: skip
def test_signs(text: str, sign: bool) -> None:
    assert is_sign(text) == sign


@pytest.mark.parametrize(
    ("text", "looks"),
    [
        ("2600104238", True), ("JC-2600104238", True), ("JC 26001042", True), ("२६००१०४२३८", True),
        ("9876543210", True), ("1234567", False), ("1234567890123", False), ("JCXYZ-2600104238", False),
        ("26001 pumps", False), ("", False),
    ],
)  # fmt: skip
def test_what_looks_like_a_ticket(text: str, looks: bool) -> None:
    assert looks_like_ticket(text) == looks


@pytest.mark.parametrize(
    ("text", "ticket", "beside"),
    [
        ("JC-2600001013", "2600001013", ""), ("२६ ०००० १०१३", "2600001013", ""),
        ("JC-2600001013 ka kya hua", "2600001013", "ka kya hua"), ("number 26 0000 1013", "2600001013", ""),
        ("JC-2600001014 ka kya hua", None, "JC-2600001014 ka kya hua"), ("pump", None, "pump"),
        ("9982600001013", None, "9982600001013"), ("", None, ""),
    ],
)  # fmt: skip
def test_the_ticket_in_a_message(text: str, ticket: str | None, beside: str) -> None:
    found = ticket_in(text)
    assert (found[0], found[1].strip()) == (ticket, beside)


@given(st.integers(0, 99), st.integers(0, tickets.MAX_SEQUENCE))
def test_every_ticket_looks_like_one(year: int, sequence: int) -> None:
    assert looks_like_ticket(tickets.show("JC", tickets.make(year, sequence)))


@given(st.text(max_size=200))
def test_nothing_that_is_written_breaks_it(text: str) -> None:
    for read in (
        plain, number_of, says_something, is_sign, looks_like_ticket, ticket_in, WORDS.command, WORDS.answers,
        WORDS.number, WORDS.verdict, WORDS.is_nod, WORDS.is_greeting,
        WORDS.only_greets, WORDS.name_in, WORDS.correction,
        WORDS.is_abuse, WORDS.is_sentence, WORDS.name_told, WORDS.field_named, WORDS.is_no_name,
        WORDS.only_answers, WORDS.only_asks, WORDS.is_praise, WORDS.has_surname, WORDS.is_amiss,
        WORDS.beside_place, WORDS.is_elsewhere, WORDS.kind_of, WORDS.tongue_of,
    ):  # fmt: skip
        read(text)
    WORDS.option(text, OFFERED)


EMPTY: Mapping[str, Mapping[str, list[str]]] = {
    "commands": {},
    "answers": {},
    "numbers": {},
    "made_of": {},
    "frames": {"before": [], "after": [], "naming": [], "telling": [], "ends": []},
    "corrections": {"wrong": []},
    "words": {
        "greetings": [],
        "openers": [],
        "empty": [],
        "little": [],
        "no_names": [],
        "beside_places": [],
        "elsewhere": [],
        "amiss": [],
        "beside_numbers": [],
        "asking": [],
        "praise": [],
        "surnames": [],
        "english": [],
        "chhattisgarhi": [],
        "chhattisgarhi_or_not": [],
        "abuse": [],
        "verbs": [],
    },
    "kinds": {},
}


def test_a_phrase_has_one_meaning() -> None:
    with pytest.raises(ValueError, match="cancel"):
        Words.of({**EMPTY, "commands": {"help": ["रद्द"], "cancel": ["radd"]}})


def test_a_recipe_has_a_meaning() -> None:
    with pytest.raises(ValueError, match="nothing"):
        Words.of({**EMPTY, "made_of": {"nothing": [["one", "two"]]}})


def test_a_phrase_has_a_word() -> None:
    with pytest.raises(ValueError, match="no word"):
        Words.of({**EMPTY, "answers": {"yes": ["👍"]}})
