"""What the error codes of WhatsApp's Cloud API mean, in answers and in statuses alike. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from services.notify.core.outcomes import Outcome, http_fault

_PROVIDER_LATER = frozenset({2, 4, 80007, 130429, 131016, 131048, 131057, 133016})
"""Throttled, overloaded or in maintenance: every message would fare the same."""
_MESSAGE_LATER = frozenset({131000, 131053, 131056})
"""131056 is a pair's limit: too many to one person. 131053: the upload of a medium."""
_SET_UP = frozenset({0, 3, 10, 190, 368, 131005, 131031, 131042, 131045, 133010})
"""Token, rights, payment or the registration of our number: faults of the installation, not of the
message, which waits until they are mended."""
_TEMPLATES: Mapping[int, str] = {
    132000: "parameters",
    132001: "missing",
    132005: "too_long",
    132007: "policy",
    132012: "format",
    132015: "paused",
    132016: "disabled",
}
"""A template that is not as Meta has it: a fault of set-up, but of this template alone, so that its messages
take the next channel."""
_PERMANENT: Mapping[int, str] = {
    131026: "undeliverable",
    131047: "outside_window",
    131062: "user_id_addressing",
}
UNDELIVERABLE = 131026
OUTSIDE_WINDOW = 131047


def whatsapp_error(status: int, code: int | None, retry_after: float | None) -> Outcome:
    """An error answer. `code` is `error.code` of its body, None if unreadable."""
    if code is not None and (known := _of_code(code, retry_after)) is not None:
        return known
    reason = f"whatsapp_{code if code is not None else f'http_{status}'}"
    if status in (401, 403):
        return Outcome("transient", reason, retry_after=retry_after, whole_provider=True)
    if code is not None and status >= 500:
        # the provider itself says that it has failed, whatever the status is
        return Outcome("transient", reason, retry_after=retry_after, whole_provider=True)
    fault = http_fault("whatsapp", status, retry_after)
    return replace(fault, reason=reason) if fault else Outcome("permanent", reason)


def whatsapp_failure(code: int | None) -> Outcome:
    """Of a status `failed`: what it means for that message. A code that is not known is for good."""
    known = _of_code(code, None) if code is not None else None
    if known is None:
        return Outcome("permanent", f"whatsapp_{code if code is not None else 'failed'}")
    return replace(known, whole_provider=False)


def _of_code(code: int, retry_after: float | None) -> Outcome | None:
    reason = f"whatsapp_{code}"
    if code in _TEMPLATES:
        return Outcome("permanent", f"{reason}_template_{_TEMPLATES[code]}")
    if code in _PERMANENT:
        return Outcome(
            "permanent",
            f"{reason}_{_PERMANENT[code]}",
            bad_address=code == UNDELIVERABLE,
            window_closed=code == OUTSIDE_WINDOW,
        )
    if code in _MESSAGE_LATER:
        return Outcome("transient", reason, retry_after=retry_after)
    if code in _PROVIDER_LATER or code in _SET_UP:
        return Outcome("transient", reason, retry_after=retry_after, whole_provider=True)
    return None
