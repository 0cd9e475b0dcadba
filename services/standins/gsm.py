"""What an SMS can hold: the GSM alphabet, and how many parts a text takes."""

from __future__ import annotations

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENSION = frozenset("^{}\\[~]|€")


def segments(text: str, *, unicode: bool = False) -> int:
    """Parts of an SMS. `unicode`: sent as UCS-2 though it might fit the GSM alphabet."""
    if not unicode and in_gsm(text) == text:
        length = len(text) + sum(char in _EXTENSION for char in text)
        return 1 if length <= 160 else -(-length // 153)
    units = len(text.encode("utf-16-be", "surrogatepass")) // 2
    return 1 if units <= 70 else -(-units // 67)


def in_gsm(text: str) -> str:
    """What is left of a text in the GSM alphabet: a question mark for whatever it does not have."""
    return "".join(char if char in _BASIC or char in _EXTENSION else "?" for char in text)
