"""What the answers of the SMS gateways mean: C-DAC's Mobile Seva and Kannel. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from services.notify.core.outcomes import Kind, Outcome, http_fault

MOBILE_SEVA_ACCEPTED = "402"
_MOBILE_SEVA: Mapping[str, tuple[Kind, bool, str]] = {
    # code: kind, whole provider, what it means
    "401": ("transient", True, "credentials"),
    "403": ("transient", True, "credits"),
    "406": ("permanent", False, "number"),
    "411": ("transient", True, "sender"),
    "412": ("transient", True, "sender"),
    "413": ("permanent", False, "rejected"),
    "414": ("permanent", False, "rejected"),
    "415": ("transient", True, "key"),
    "416": ("transient", True, "key"),
    "418": ("transient", True, "daily_limit"),
}


def mobile_seva_answer(status: int, body: str, retry_after: float | None) -> Outcome:
    """`402,MsgID = …` on success, else a code in front of the body."""
    fault = http_fault("sms", status, retry_after)
    if fault is not None:
        return fault
    code = body.strip()[:3]
    if code == MOBILE_SEVA_ACCEPTED and 200 <= status < 300:
        _, _, message_id = body.partition("=")
        return Outcome("accepted", provider_id=message_id.strip()[:100] or None)
    if code in _MOBILE_SEVA:
        kind, whole, meaning = _MOBILE_SEVA[code]
        return Outcome(
            kind,
            f"sms_{code}_{meaning}",
            retry_after=retry_after,
            whole_provider=whole,
            bad_address=meaning == "number",
        )
    if 200 <= status < 300:
        # it answered, but not in a way that says whether it took the message
        return Outcome("unknown", "sms_unreadable_answer")
    if status in (401, 403):
        return Outcome("transient", f"sms_http_{status}", whole_provider=True)
    return Outcome("permanent", f"sms_http_{status}")


def kannel_answer(status: int, body: str, retry_after: float | None) -> Outcome:
    """202 once its bearerbox has the message, whether the SMSC is there (`0: …`) or not (`3: …`).

    403 is said of our credentials and of a number that no SMSC of Kannel's takes; no id is told.
    """
    fault = http_fault("kannel", status, retry_after)
    if fault is not None:
        return fault
    said = body.strip().lower()
    if status == 202:
        return Outcome("accepted")
    if 200 <= status < 300:
        return Outcome("unknown", "kannel_unreadable_answer")
    if status == 401 or (status == 403 and said.startswith("authorization")):
        return Outcome("transient", f"kannel_{status}_credentials", whole_provider=True)
    if status == 404:
        return Outcome("transient", "kannel_404_address", whole_provider=True)
    if status == 403:
        return Outcome("permanent", "kannel_403_not_routable")
    if status == 400:
        meaning = "denied" if "denied by" in said else "rejected"
        return Outcome("permanent", f"kannel_400_{meaning}")
    return Outcome("permanent", f"kannel_http_{status}")


_INVALID_DESTINATION = 0x0B
"""SMPP's command_status ESME_RINVDSTADR."""
_REFUSED = 16


def kannel_failure(type_: int, said: str) -> Outcome:
    """Of a delivery report that the message failed. `said`: the SMSC's own words, `NACK/0x0000000b/…` where
    it refused the message, or a receipt's text; of them the code alone is kept."""
    if type_ == _REFUSED:
        code = _nack(said)
        if code is None:
            return Outcome("permanent", "kannel_refused")
        return Outcome(
            "permanent", f"kannel_refused_{code:08x}", bad_address=code == _INVALID_DESTINATION
        )
    return Outcome("permanent", "kannel_undelivered")


def _nack(said: str) -> int | None:
    kind, _, rest = said.partition("/")
    code = rest.partition("/")[0].strip()
    if kind.strip().upper() != "NACK" or len(code) > 10:
        return None
    try:
        return int(code, 16 if code.lower().startswith("0x") else 10)
    except ValueError:
        return None
