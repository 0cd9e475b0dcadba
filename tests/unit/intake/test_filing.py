"""The pure step from what a citizen brought to what is filed."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.intake.filing import to_event, to_seal
from services.intake.web.form import FIELDS, read_form, to_application
from services.intake.web.models import read_case
from services.kernel.contracts.envelope import Filing, seal, unseal
from services.kernel.domain.directory import District, Kind
from services.kernel.domain.errors import Refused
from services.kernel.domain.filing import (
    MOST_TEXT,
    Application,
    Considered,
    Faulty,
    comparable,
    consider,
)
from services.kernel.domain.media import MOST_MEDIA
from services.kernel.domain.suggest import Suggestion
from services.kernel.testing.memory import ManualClock

TICKET = "2600104237"
KEY = bytes(32)
GOLDEN = "027aefc05efe50686e402a81a801ee1b4d405e604a659c52bd0b8f2b31051205"
"""The digest of the plainest application."""
TEXT = "हैंडपंप तीन दिन से खराब है"
PHOTO, VOICE = "m-" + "a" * 24, "m-" + "b" * 24


def application(**fields: object) -> Application:
    given = {"district": "janjgir-champa", "kind": "complaint", "text": TEXT, **fields}
    return Application(**given)  # type: ignore[arg-type]


SUGGESTED = ("hand-pump", "piped-water", "no-drinking-water", "dirty-water")


def suggest(text: str, kind: Kind) -> tuple[Suggestion, ...]:
    return tuple(Suggestion(service, 0.5) for service in SUGGESTED)


def faults(error: pytest.ExceptionInfo[Faulty]) -> dict[str, str]:
    return {fault.field: fault.code for fault in error.value.faults}


def sealed_bytes(considered: Considered) -> tuple[bytes, Filing]:
    """The event as it is published, and what opens of its envelope."""
    sealed = seal(to_seal(considered), KEY, TICKET)
    event = to_event(considered, TICKET, "janjgir-champa", "web", ManualClock()(), sealed)
    return event.model_dump_json().encode(), unseal(sealed, Filing, KEY, TICKET)


texts = st.none() | st.text() | st.text(alphabet="ड़ंँ \x00\ud800\u200d्०१", max_size=60)
numbers = st.none() | st.floats() | st.integers() | st.booleans()
applications = st.builds(
    Application,
    district=st.just("janjgir-champa"),
    kind=texts | st.sampled_from(["complaint", "suggestion", "demand"]),
    text=texts | st.text(min_size=1, alphabet="कखा .") | st.just("x" * (MOST_TEXT + 1)),
    language=texts | st.sampled_from(["hi", "en"]),
    service=texts | st.just("hand-pump"),
    block=texts | st.just("akaltara"),
    village=texts | st.just("tarod"),
    landmark=texts,
    lat=numbers,
    lng=numbers,
    name=texts,
    phone=texts | st.just("9876543210"),
    on_behalf_of=texts,
    confidential=st.booleans(),
    named_official=texts,
    user_id=texts,
    media=st.lists(st.text(max_size=4) | st.just(PHOTO), max_size=12).map(tuple),
    recordings=st.lists(st.text(max_size=4) | st.just(PHOTO), max_size=2).map(tuple),
)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
json_names = st.text() | st.sampled_from(
    ["kind", "text", "service", "district", "place", "citizen", "confidential", "language"]
)


@given(applications)
def test_no_application_is_answered_by_anything_but_a_refusal(
    janjgir: District, given_: Application
) -> None:
    given_.digest()
    try:
        considered = consider(given_, janjgir, suggest)
    except Refused as error:
        assert error.field
        assert error.reason
    else:
        assert len(considered.text) <= MOST_TEXT
        assert considered.text or considered.media
        sealed_bytes(considered)


@given(st.dictionaries(json_names, json_values, max_size=6))
def test_no_json_object_is_answered_by_anything_but_a_refusal(value: dict[str, object]) -> None:
    try:
        read_case(value, "janjgir-champa")
    except Refused as error:
        assert error.field
        assert error.reason


@given(
    st.binary(max_size=300) | st.sampled_from(FIELDS).map(lambda name: f"{name}=%00%ff".encode())
)
def test_no_form_is_answered_by_anything_but_a_refusal(body: bytes) -> None:
    try:
        to_application(
            read_form(body, "application/x-www-form-urlencoded", FIELDS), "janjgir-champa"
        )
    except Refused as error:
        assert error.reason


# words that occur in no id, type or field of an event
personal = st.text(alphabet="बमयरलवAEIOU", min_size=5, max_size=20)


@given(personal, personal, personal, personal, st.floats(10, 30).map(lambda x: round(x, 9)))
def test_nothing_personal_is_in_the_plain_event(
    janjgir: District, text: str, name: str, landmark: str, village: str, degrees: float
) -> None:
    considered = consider(
        application(
            text=text,
            name=name,
            phone="9876543210",
            user_id=f"IN.{name[::-1]}",
            on_behalf_of=name[::-1],
            landmark=landmark,
            village=village,
            lat=degrees,
            lng=degrees,
        ),
        janjgir,
        suggest,
    )
    published, opened = sealed_bytes(considered)
    readable = re.sub(rb'"sealed":\{[^}]*\}', b"", published).decode()
    for word in (text, name, name[::-1], landmark, village, "9876543210", repr(degrees)):
        assert word not in readable
    assert opened.text == text
    assert opened.name == name
    assert opened.phone == "+919876543210"
    assert opened.user_id == f"IN.{name[::-1]}"
    assert opened.lat == degrees


def test_digest_is_stable() -> None:
    """It lies in receipts: a repeat after an upgrade must still be known."""
    assert application().digest() == GOLDEN
    assert application(name="", confidential=False, service=None).digest() == GOLDEN
    assert application(name="x").digest() != GOLDEN
    assert application(name="x").digest() != application(landmark="x").digest()
    assert application(user_id=None, media=()).digest() == GOLDEN
    digests = {
        application(**more).digest()
        for more in (
            {},
            {"user_id": "IN.1"},
            {"media": (PHOTO,)},
            {"media": (VOICE,)},
            {"media": (PHOTO, VOICE)},
        )
    }
    assert len(digests) == 5
    # what was filed by a version that knew of no recordings is the same request
    sent = application(media=(PHOTO, VOICE))
    assert application(media=(PHOTO, VOICE), recordings=(VOICE,)).digest() == sent.digest()


def test_all_faults_are_told_at_once_and_what_is_allowed(janjgir: District) -> None:
    with pytest.raises(Faulty) as error:
        consider(
            application(
                kind="x",
                text=" ",
                service="nope",
                block="Narnia",
                phone="12",
                lat=1.0,
                name="a" * 101,
            ),
            janjgir,
            suggest,
        )
    assert faults(error) == {
        "kind": "not_allowed",
        "text": "missing",
        "service": "not_allowed",
        "place.block": "not_allowed",
        "place.lng": "missing",
        "citizen.name": "too_long",
        "citizen.phone": "invalid",
    }
    block = next(fault for fault in error.value.faults if fault.field == "place.block")
    assert block.allowed == ("akaltara", "baloda", "nawagarh", "pamgarh", "bamhnidih")
    assert "pamgarh" in block.reason
    assert "Narnia" not in block.reason


@pytest.mark.parametrize(
    ("field", "value", "path"),
    [
        ("lat", 90.1, "place.lat"),
        ("lng", -181, "place.lng"),
        ("lat", float("nan"), "place.lat"),
        ("lat", True, "place.lat"),
        ("named_official", "nobody", "named_official"),
        ("language", "fr", "language"),
        ("landmark", "a\x00b", "place.landmark"),
        ("name", "\ud800", "citizen.name"),
        ("text", "a" * (MOST_TEXT + 1), "text"),
    ],
)
def test_one_wrong_value_is_named(janjgir: District, field: str, value: object, path: str) -> None:
    both = {"lat": 20.0, "lng": 80.0} if field in ("lat", "lng") else {}
    with pytest.raises(Faulty) as error:
        consider(application(**{**both, field: value}), janjgir, suggest)
    assert list(faults(error)) == [path]


def test_text_is_counted_after_trimming_and_line_ends_are_one(janjgir: District) -> None:
    text = "क" * (MOST_TEXT - 2) + "\r\nख"
    considered = consider(application(text=f"  {text}\t\n"), janjgir, suggest)
    assert len(considered.text) == MOST_TEXT
    assert "\r" not in considered.text


@pytest.mark.parametrize("text", ["", "  \n", "\u200d\u200b", None])
def test_text_that_says_nothing_is_missing(janjgir: District, text: str | None) -> None:
    with pytest.raises(Faulty) as error:
        consider(application(text=text), janjgir, suggest)
    assert faults(error) == {"text": "missing"}


@pytest.mark.parametrize("text", ["", "  \n", "\u200d", None])
def test_what_was_sent_may_be_all_that_is_said(janjgir: District, text: str | None) -> None:
    considered = consider(application(text=text, media=(VOICE, PHOTO, VOICE)), janjgir, suggest)
    assert (considered.text, considered.media) == ("", (VOICE, PHOTO))
    assert (considered.suggested, considered.dangers) == ((), ())
    assert considered.priority == "normal"
    sealed = seal(to_seal(considered), KEY, TICKET)
    event = to_event(considered, TICKET, "janjgir-champa", "whatsapp", ManualClock()(), sealed)
    assert event.media == (VOICE, PHOTO)
    assert unseal(sealed, Filing, KEY, TICKET).text == ""


def test_words_beside_it_count_as_ever(janjgir: District) -> None:
    considered = consider(application(media=(PHOTO,)), janjgir, suggest)
    assert (considered.text, considered.suggested) == (TEXT, SUGGESTED[:3])
    with pytest.raises(Faulty) as error:
        consider(application(text="a" * (MOST_TEXT + 1), media=(PHOTO,)), janjgir, suggest)
    assert faults(error) == {"text": "too_long"}


@pytest.mark.parametrize(
    ("media", "code"),
    [
        (tuple(f"m-{n:024x}" for n in range(MOST_MEDIA + 1)), "too_long"),
        (("photo.jpg",), "invalid"),
        (("m-" + "A" * 24,), "invalid"),
        ((PHOTO, ""), "invalid"),
    ],
)
def test_files_that_cannot_be(janjgir: District, media: tuple[str, ...], code: str) -> None:
    with pytest.raises(Faulty) as error:
        consider(application(media=media), janjgir, suggest)
    assert faults(error) == {"media": code}


def test_recordings_are_some_of_the_files(janjgir: District) -> None:
    given_ = application(media=(VOICE, PHOTO, VOICE), recordings=(VOICE, VOICE))
    considered = consider(given_, janjgir, suggest)
    assert (considered.media, considered.recordings) == ((VOICE, PHOTO), (VOICE,))
    sealed = seal(to_seal(considered), KEY, TICKET)
    event = to_event(considered, TICKET, "janjgir-champa", "whatsapp", ManualClock()(), sealed)
    assert event.recordings == (VOICE,)
    with pytest.raises(Faulty) as error:
        consider(application(media=(PHOTO,), recordings=(VOICE,)), janjgir, suggest)
    assert faults(error) == {"recordings": "invalid"}


def test_as_many_files_as_may_be(janjgir: District) -> None:
    media = tuple(f"m-{n:024x}" for n in range(MOST_MEDIA))
    assert consider(application(media=media * 2), janjgir, suggest).media == media


def test_who_shows_no_number_is_known_by_an_id_that_is_sealed(janjgir: District) -> None:
    considered = consider(application(user_id=" IN.1349 "), janjgir, suggest)
    published, opened = sealed_bytes(considered)
    assert opened.user_id == "IN.1349"
    assert b'"has_user_id":true' in published
    assert b'"has_phone":false' in published
    published, opened = sealed_bytes(consider(application(), janjgir, suggest))
    assert opened.user_id is None
    assert b'"has_user_id":false' in published


def test_village_is_matched_and_the_citizens_own_words_are_kept(janjgir: District) -> None:
    exact = consider(application(village="तरौद"), janjgir, suggest)
    assert (exact.block, exact.village, exact.village_text) == ("akaltara", "tarod", None)
    by_id = consider(application(village="tarod", block="akaltara"), janjgir, suggest)
    assert (by_id.block, by_id.village) == ("akaltara", "tarod")
    words = "kotmi sonarr, talab ke paas"
    near = consider(application(village=words, block="अकलतरा"), janjgir, suggest)
    assert (near.block, near.village, near.village_text) == ("akaltara", "kotmi-sonar", words)
    unknown = consider(application(village="Xyzzyxab", block="baloda"), janjgir, suggest)
    assert (unknown.block, unknown.village, unknown.village_text) == ("baloda", None, "Xyzzyxab")


def test_a_village_name_of_two_blocks_is_not_guessed(janjgir: District) -> None:
    first, second = janjgir.blocks[:2]
    twin = first.villages[1]
    blocks = (first, replace(second, villages=(*second.villages, twin)), *janjgir.blocks[2:])
    twins = replace(janjgir, blocks=blocks)
    asked = consider(application(village=twin.name.hi), twins, suggest)
    assert (asked.block, asked.village, asked.village_text) == (None, None, twin.name.hi)
    told = consider(application(village=twin.name.hi, block=second.id), twins, suggest)
    assert (told.block, told.village) == (second.id, twin.id)


def test_suggestions_only_where_no_service_is_given(janjgir: District) -> None:
    assert consider(application(), janjgir, suggest).suggested == SUGGESTED[:3]
    assert consider(application(service="hand-pump"), janjgir, suggest).suggested == ()


def test_a_service_that_does_not_take_the_kind_is_refused(janjgir: District) -> None:
    services = tuple(
        replace(service, kinds=("complaint",)) if service.id == "hand-pump" else service
        for service in janjgir.services
    )
    directory = replace(janjgir, services=services)
    with pytest.raises(Faulty) as error:
        consider(application(kind="demand", service="hand-pump"), directory, suggest)
    assert "hand-pump" not in error.value.faults[0].allowed


def test_danger_sets_the_priority(janjgir: District) -> None:
    danger = consider(application(text="बिजली का तार टूटकर गिरा है"), janjgir, suggest)
    assert danger.priority != "normal"
    assert danger.dangers
    assert consider(application(), janjgir, suggest).priority == "normal"


def test_made_up_words_are_not_compared() -> None:
    """Comparing tries every spelling, and those of ड़ × n are 2ⁿ."""
    assert comparable("सड़क पर गड्ढा है") == "सड़क पर गड्ढा है"
    assert comparable("सड़क " + "ड़" * 40 + " " + "क" * 400) == "सड़क"
