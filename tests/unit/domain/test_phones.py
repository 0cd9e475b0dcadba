from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.domain.errors import Invalid
from services.kernel.domain.phones import mask, normalise

MOBILE = "+919876543210"


@pytest.mark.parametrize(
    "raw",
    [
        "9876543210",
        "09876543210",
        "919876543210",
        "+919876543210",
        "00919876543210",
        "+91 98765 43210",
        "98765-43210",
        "(+91) 98765.43210",
        "९८७६५४३२१०",
        "+९१ ९८७६५ ४३२१०",
        "\u202a+91 98765 43210\u202c",
        " 98765–43210 ",
    ],
)
def test_how_indians_and_exchanges_write_a_mobile(raw: str) -> None:
    assert normalise(raw) == MOBILE


@settings(max_examples=300)
@given(st.from_regex(r"(\+?91|0)?[6-9][0-9]{9}", fullmatch=True))
def test_what_is_taken_without_the_library_is_what_the_library_takes(raw: str) -> None:
    parsed = phonenumbers.parse(raw, "IN")
    assert phonenumbers.is_valid_number(parsed)
    assert normalise(raw) == phonenumbers.format_number(
        parsed, phonenumbers.PhoneNumberFormat.E164
    )


def test_landlines_and_other_countries() -> None:
    assert normalise("07817-222032") == "+917817222032"
    assert normalise("+49 30 901820") == "+4930901820"
    assert normalise("7970001634") == "+917970001634"


@pytest.mark.parametrize(
    "raw",
    [
        "",
        " ",
        "12345",
        "112",
        "98765432101",
        "987654321",
        "anonymous",
        "98765x3210",
        "1800-FLOWERS",
        "9876543210;ext=5",
        "+",
        "9" * 10_000,
        "**********10",
        "+0000000000000",
    ],
)
def test_what_is_no_number_is_refused_with_its_field(raw: str) -> None:
    with pytest.raises(Invalid) as caught:
        normalise(raw)
    assert caught.value.field == "phone"
    assert raw.strip() == "" or raw not in str(caught.value)  # errors are logged, numbers are not


def outcome(raw: str) -> str | None:
    try:
        return normalise(raw)
    except Invalid:
        return None


@settings(deadline=None)
@given(st.text(max_size=50))
def test_any_text_gives_a_number_or_invalid(raw: str) -> None:
    found = outcome(raw)
    assert found is None or found.startswith("+")


@settings(deadline=None)
@given(st.integers(6_000_000_000, 9_999_999_999))
def test_normal_numbers_stay_and_masked_ones_never_pass(number: int) -> None:
    phone = outcome(str(number))
    if phone is None:
        return
    assert normalise(phone) == phone
    assert mask(phone) == "*" * 10 + phone[-2:]
    with pytest.raises(Invalid):
        normalise(mask(phone))


def test_a_short_number_shows_nothing() -> None:
    assert mask("112") == "***"
    assert mask("") == ""
