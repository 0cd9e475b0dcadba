"""Only the case's own key opens an envelope, only for its own ticket; bytes tell nothing."""

from __future__ import annotations

import os
import traceback
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.contracts import events as e
from services.kernel.contracts.codec import announce
from services.kernel.contracts.envelope import (
    KEY_BYTES,
    NONCE_BYTES,
    CannotOpen,
    Filing,
    MasterKeys,
    Words,
    new_data_key,
    seal,
    unseal,
)

TICKET, OTHER = "2600104237", "2600098761"
KEY = bytes(range(KEY_BYTES))
MARK = "MARKED-WORDS"

TEXTS = st.text(max_size=50)
MAYBE = st.none() | TEXTS
FILINGS = st.builds(
    Filing,
    text=TEXTS,
    name=MAYBE,
    phone=MAYBE,
    on_behalf_of=MAYBE,
    landmark=MAYBE,
    village=MAYBE,
    lat=st.none() | st.floats(-90, 90),
    lng=st.none() | st.floats(-180, 180),
)
WORDS = st.builds(Words, note=MAYBE, public=st.booleans())


def told_of(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error)


# ---------------------------------------------------------------- sealing


@given(FILINGS | WORDS, st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES))
def test_round_trip(content: Filing | Words, key: bytes) -> None:
    sealed = seal(content, key, TICKET)
    assert unseal(sealed, type(content), key, TICKET) == content
    travelled = e.Sealed.model_validate_json(sealed.model_dump_json())
    assert unseal(travelled, type(content), key, TICKET) == content


def test_the_same_words_never_look_the_same() -> None:
    seals = [seal(Words(note="yes"), KEY, TICKET) for _ in range(50)]
    assert len({s.nonce for s in seals}) == len({s.data for s in seals}) == 50
    assert all(len(b64decode(s.nonce)) == NONCE_BYTES for s in seals)


def test_an_envelope_moved_to_another_case_does_not_open() -> None:
    sealed = seal(Words(note=MARK), KEY, TICKET)
    with pytest.raises(CannotOpen, match=OTHER):
        unseal(sealed, Words, KEY, OTHER)


def test_another_key_does_not_open() -> None:
    sealed = seal(Words(note=MARK), KEY, TICKET)
    with pytest.raises(CannotOpen):
        unseal(sealed, Words, new_data_key(), TICKET)


@given(st.integers(0, 10_000), st.integers(1, 255), st.sampled_from(["nonce", "data"]))
def test_a_changed_byte_is_noticed(at: int, flip: int, part: str) -> None:
    sealed = seal(Words(note=MARK), KEY, TICKET)
    raw = bytearray(b64decode(getattr(sealed, part)))
    raw[at % len(raw)] ^= flip
    changed = sealed.model_copy(update={part: b64encode(bytes(raw)).decode()})
    with pytest.raises(CannotOpen):
        unseal(changed, Words, KEY, TICKET)


@given(TEXTS, TEXTS)
def test_any_texts_in_place_of_an_envelope_cannot_be_opened(nonce: str, data: str) -> None:
    with pytest.raises(CannotOpen) as caught:
        unseal(e.Sealed(nonce=nonce, data=data), Words, KEY, TICKET)
    assert TICKET in str(caught.value)


def test_a_field_of_tomorrow_in_the_envelope_is_passed_over() -> None:
    class WordsOfTomorrow(Words):
        mood: str = "calm"

    sealed = seal(WordsOfTomorrow(note="yes", public=True), KEY, TICKET)
    assert unseal(sealed, Words, KEY, TICKET) == Words(note="yes", public=True)


def test_content_of_another_kind_is_an_error_that_does_not_tell_it() -> None:
    class Other(e.Model):
        lat: str

    sealed = seal(Other(lat=MARK), KEY, TICKET)
    with pytest.raises(CannotOpen) as caught:
        unseal(sealed, Filing, KEY, TICKET)
    assert MARK not in told_of(caught.value)


# ---------------------------------------------------------------- nothing personal in the bytes

MARKED: dict[str, Any] = {
    "text": "MARK-text हमारे गाँव में पानी नहीं",
    "name": "MARK-name रामकली",
    "phone": "+919999912345",
    "user_id": "IN.MARK-user",
    "on_behalf_of": "MARK-behalf",
    "landmark": "MARK-landmark",
    "village": "MARK-village",
    "lat": 21.973159,
    "lng": 82.580246,
}


def encodings(text: str) -> set[bytes]:
    """A text as it might lie in bytes: plain, escaped, in base64 at any alignment, as hex."""
    raw = text.encode()
    found = {raw, text.encode("unicode_escape"), raw.hex().encode(), text.encode("utf-16-le")}
    for lead in range(3):
        encoded = b64encode(b"x" * lead + raw)
        found.add(encoded[4 if lead else 0 : len(encoded) - 4])
    return {item for item in found if len(item) >= 4}


def filed(filing: Filing) -> tuple[e.CaseFiled, bytes]:
    event = e.CaseFiled(
        district="janjgir-champa",
        ticket=TICKET,
        at=datetime(2026, 1, 5, 4, 30, tzinfo=UTC),
        kind="complaint",
        channel="web",
        language="hi",
        service="handpump-repair",
        place=e.Place(block="akaltara"),
        directory_version=7,
        has_phone=True,
        sealed=seal(filing, KEY, TICKET),
    )
    message = announce(event, "intake", 1).message("samvad.complaints.v1", "/samvad/intake")
    headers = b"".join(name.encode() + value for name, value in message.headers)
    return event, message.key + headers + message.value


def test_the_marked_filing_fills_in_every_field() -> None:
    assert set(MARKED) == set(Filing.model_fields)


@pytest.mark.parametrize("name", Filing.model_fields)
def test_nothing_personal_is_in_the_bytes_of_a_filed_event(name: str) -> None:
    event, published = filed(Filing(**MARKED))
    for item in encodings(str(MARKED[name])):
        assert item not in published
    assert unseal(event.sealed, Filing, KEY, TICKET) == Filing(**MARKED)


def test_the_search_would_find_what_is_not_sealed() -> None:
    """The same bytes, had the words been encoded and not encrypted."""
    plain = Filing(**MARKED).model_dump_json().encode()
    for published in (plain, b64encode(plain), b64encode(b" " + plain), b64encode(b"  " + plain)):
        for name in ("text", "name", "phone", "landmark", "lat"):
            assert any(item in published for item in encodings(str(MARKED[name]))), name


@given(FILINGS)
def test_no_field_but_sealed_depends_on_what_was_filed(filing: Filing) -> None:
    one, _ = filed(filing)
    other, _ = filed(Filing())
    assert one.model_dump(exclude={"sealed"}) == other.model_dump(exclude={"sealed"})
    assert set(one.sealed.model_dump()) == {"v", "nonce", "data"}


def test_the_key_is_not_in_the_event() -> None:
    _, published = filed(Filing(**MARKED))
    assert KEY not in published
    assert b64encode(KEY) not in published
    assert KEY.hex().encode() not in published


# ---------------------------------------------------------------- master keys

OLD, NEW = os.urandom(KEY_BYTES), os.urandom(KEY_BYTES)


@given(st.binary(min_size=KEY_BYTES, max_size=KEY_BYTES), TEXTS)
def test_a_data_key_is_wrapped_and_unwrapped(data_key: bytes, ticket: str) -> None:
    keys = MasterKeys({"2025": OLD}, "2025")
    wrapped = keys.wrap(data_key, ticket)
    assert wrapped.startswith("2025:")
    assert keys.unwrap(wrapped, ticket) == data_key
    assert b64encode(data_key).decode() not in wrapped


def test_keys_rotate_without_wrapping_the_old_ones_anew() -> None:
    data_key = new_data_key()
    before = MasterKeys({"2025": OLD}, "2025").wrap(data_key, TICKET)
    both = MasterKeys({"2025": OLD, "2026": NEW}, "2026")
    after = both.wrap(data_key, TICKET)
    assert after.startswith("2026:")
    assert both.unwrap(before, TICKET) == both.unwrap(after, TICKET) == data_key

    only_new = MasterKeys({"2026": NEW}, "2026")
    assert only_new.unwrap(after, TICKET) == data_key
    with pytest.raises(CannotOpen, match="2025"):
        only_new.unwrap(before, TICKET)


def test_a_master_key_of_the_same_name_but_other_bytes_does_not_open() -> None:
    wrapped = MasterKeys({"2025": OLD}, "2025").wrap(new_data_key(), TICKET)
    with pytest.raises(CannotOpen):
        MasterKeys({"2025": NEW}, "2025").unwrap(wrapped, TICKET)


def test_a_wrapped_key_moved_to_another_case_does_not_open() -> None:
    keys = MasterKeys({"2025": OLD}, "2025")
    with pytest.raises(CannotOpen, match=OTHER):
        keys.unwrap(keys.wrap(new_data_key(), TICKET), OTHER)


@pytest.mark.parametrize("wrapped", ["", "2025", "2025:", "2025:AAAA", "2025:!", "2025:ऐ", ":AA=="])
def test_a_damaged_wrapped_key_cannot_be_opened(wrapped: str) -> None:
    with pytest.raises(CannotOpen):
        MasterKeys({"2025": OLD}, "2025").unwrap(wrapped, TICKET)


def test_the_current_key_must_be_given() -> None:
    with pytest.raises(ValueError, match="2026"):
        MasterKeys({"2025": OLD}, "2026")


@pytest.mark.parametrize("size", [0, 16, 24, 31, 33])
def test_a_master_key_of_another_size_is_refused_and_not_told(size: int) -> None:
    key = b"K" * size
    with pytest.raises(ValueError, match="32 bytes") as caught:
        MasterKeys({"2025": OLD, "short": key}, "2025")
    assert "KKKK" not in str(caught.value)


def test_no_error_of_opening_tells_keys_or_words() -> None:
    keys = MasterKeys({"2025": OLD}, "2025")
    sealed = seal(Words(note=MARK), KEY, TICKET)
    wrapped = keys.wrap(KEY, TICKET)
    for attempt in (
        lambda: unseal(sealed, Words, OLD, TICKET),
        lambda: unseal(sealed, Words, KEY, OTHER),
        lambda: keys.unwrap(wrapped, OTHER),
    ):
        with pytest.raises(CannotOpen) as caught:
            attempt()
        told = told_of(caught.value)
        for secret in (MARK, sealed.data, wrapped[5:], KEY.hex(), OLD.hex(), repr(KEY), repr(OLD)):
            assert secret not in told


def test_new_data_keys_are_of_full_length_and_differ() -> None:
    keys = {new_data_key() for _ in range(20)}
    assert len(keys) == 20
    assert {len(key) for key in keys} == {KEY_BYTES}
