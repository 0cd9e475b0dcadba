"""Phone numbers: how callers and citizens write them → E.164, and how they are shown masked."""

from __future__ import annotations

import re
import unicodedata

import phonenumbers

from services.kernel.domain.errors import Invalid

_LONGEST = 40  # characters; anything longer is no phone number, whatever is in it
_MOBILE = re.compile(r"(?:\+?91|0)?([6-9][0-9]{9})")
"""What nearly everybody writes. The library takes all of these, after milliseconds of matching landlines."""
_WRITTEN = frozenset("0123456789+-().")


def normalise(raw: str, region: str = "IN") -> str:
    """E.164 (`+919876543210`) of a number as people and telephone exchanges write it.

    Takes 0XXXXXXXXXX, XXXXXXXXXX, 91…, +91…, 0091…, spaces, dashes and digits of any script; other
    countries with their +. Raises Invalid(field="phone") for what cannot be somebody's number (letters,
    a masked or withheld number, a short code).
    """
    number = _plain(raw)
    if number is None:
        raise _invalid()
    mobile = _MOBILE.fullmatch(number) if region == "IN" else None
    if mobile is not None:
        return f"+91{mobile[1]}"
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        raise _invalid() from None
    if not phonenumbers.is_valid_number(parsed):
        raise _invalid()
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def mask(phone: str) -> str:
    """`phone` with every digit but the last two replaced by `*`. Never again a valid number."""
    digits = [char for char in phone if char.isdigit()]
    shown = 2 if len(digits) > 4 else 0
    return "*" * (len(digits) - shown) + "".join(digits[len(digits) - shown :])


def _plain(raw: str) -> str | None:
    if len(raw) > _LONGEST:
        return None
    plain: list[str] = []
    for char in raw:
        value = unicodedata.decimal(char, None)
        if value is not None:
            plain.append(str(value))
        elif char.isspace() or unicodedata.category(char) in ("Pd", "Cf"):
            continue
        elif char in _WRITTEN:
            plain.append(char)
        else:
            return None
    return "".join(plain)


def _invalid() -> Invalid:
    # The number itself is personal and stays out of the error, which is logged.
    return Invalid("not a phone number", field="phone")
