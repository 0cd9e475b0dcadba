"""What each provider's codes mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.core.outcomes import Outcome
from services.notify.core.sms_codes import kannel_answer, kannel_failure, mobile_seva_answer
from services.notify.core.smtp_codes import Stage, bounce, smtp_reply
from services.notify.core.whatsapp_codes import whatsapp_error, whatsapp_failure

THROTTLED = (4, 80007, 130429, 131048, 133016)
TEMPLATES = {
    132000: "parameters",
    132001: "missing",
    132012: "format",
    132015: "paused",
    132016: "disabled",
}


@pytest.mark.parametrize(
    ("status", "code", "kind", "whole"),
    [
        *[(400, code, "transient", True) for code in THROTTLED],
        (429, None, "transient", True),
        (408, None, "transient", True),
        (425, None, "transient", True),
        (500, None, "transient", True),
        (504, None, "unknown", True),
        (504, 131016, "transient", True),
        (504, 999999, "transient", True),
        (503, 131000, "transient", False),
        (401, 190, "transient", True),
        (403, 10, "transient", True),
        (403, 999999, "transient", True),
        (400, 131042, "transient", True),
        (400, 131053, "transient", False),
        (400, 131056, "transient", False),
        (429, 131056, "transient", False),
        (400, 131047, "permanent", False),
        (400, 131026, "permanent", False),
        *[(400, code, "permanent", False) for code in TEMPLATES],
        (404, 132001, "permanent", False),
        (500, 132015, "permanent", False),
        (400, 131062, "permanent", False),
        (400, 100, "permanent", False),
        (400, None, "permanent", False),
        (302, None, "permanent", False),
    ],
)
def test_whatsapp_errors(status: int, code: int | None, kind: str, whole: bool) -> None:
    outcome = whatsapp_error(status, code, 3.0)
    assert (outcome.kind, outcome.whole_provider) == (kind, whole)
    assert outcome.retry_after == (3.0 if kind == "transient" else None)
    assert outcome.reason.startswith(f"whatsapp_{code or f'http_{status}'}")
    assert outcome.bad_address == (code == 131026)
    assert outcome.window_closed == (code == 131047)


@pytest.mark.parametrize(("code", "fault"), TEMPLATES.items())
def test_a_template_that_is_not_as_meta_has_it_is_named(code: int, fault: str) -> None:
    assert whatsapp_error(400, code, None).reason == f"whatsapp_{code}_template_{fault}"


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (131026, Outcome("permanent", "whatsapp_131026_undeliverable", bad_address=True)),
        (131047, Outcome("permanent", "whatsapp_131047_outside_window", window_closed=True)),
        (131053, Outcome("transient", "whatsapp_131053")),
        # of one message that was refused after all, and of no other
        (131048, Outcome("transient", "whatsapp_131048")),
        (131049, Outcome("permanent", "whatsapp_131049")),
        (None, Outcome("permanent", "whatsapp_failed")),
    ],
)
def test_failed_statuses(code: int | None, outcome: Outcome) -> None:
    assert whatsapp_failure(code) == outcome


@pytest.mark.parametrize(
    ("status", "body", "kind", "whole"),
    [
        (200, "402,MsgID = 150620261234567hpgovt", "accepted", False),
        (200, " 402,MsgID = 1", "accepted", False),
        *[(200, f"{c},why", "transient", True) for c in (401, 403, 411, 412, 415, 416, 418)],
        *[(200, f"{c},why", "permanent", False) for c in (406, 413, 414)],
        (200, "", "unknown", False),
        (200, "<html>", "unknown", False),
        (200, "499,new", "unknown", False),
        (429, "402,MsgID = 1", "transient", True),
        (408, "", "transient", True),
        (502, "", "transient", True),
        (504, "", "unknown", True),
        (401, "", "transient", True),
        (404, "", "permanent", False),
        (302, "", "permanent", False),
    ],
)
def test_mobile_sevas_answers(status: int, body: str, kind: str, whole: bool) -> None:
    outcome = mobile_seva_answer(status, body, None)
    assert (outcome.kind, outcome.whole_provider) == (kind, whole)
    assert outcome.bad_address == body.startswith("406")


def test_the_gateways_id_is_kept() -> None:
    answer = mobile_seva_answer(200, "402,MsgID = 150620261234567hpgovt\n", None)
    assert answer.provider_id == "150620261234567hpgovt"


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (202, "0: Accepted for delivery", Outcome("accepted")),
        (202, "3: Queued for later delivery", Outcome("accepted")),
        (202, "Sent. Message splits: 3", Outcome("accepted")),
        (200, "<html>", Outcome("unknown", "kannel_unreadable_answer")),
        (
            403,
            "Authorization failed for sendsms",
            Outcome("transient", "kannel_403_credentials", whole_provider=True),
        ),
        (
            403,
            "Not routable. Do not try again.",
            Outcome("permanent", "kannel_403_not_routable"),
        ),
        (
            400,
            "Number(s) has/have been denied by white- and/or black-lists.",
            Outcome("permanent", "kannel_400_denied"),
        ),
        (
            400,
            "Charset or body misformed, rejected",
            Outcome("permanent", "kannel_400_rejected"),
        ),
        (
            404,
            "Unknown request.",
            Outcome("transient", "kannel_404_address", whole_provider=True),
        ),
        (500, "Sending failed.", Outcome("transient", "kannel_http_500", whole_provider=True)),
        (
            503,
            "Temporal failure, try again later.",
            Outcome("transient", "kannel_http_503", retry_after=9.0, whole_provider=True),
        ),
        (415, "Unsupported content-type", Outcome("permanent", "kannel_http_415")),
    ],
)
def test_kannels_answers(status: int, body: str, outcome: Outcome) -> None:
    assert kannel_answer(status, body, outcome.retry_after) == outcome


@pytest.mark.parametrize(
    ("kind", "said", "reason", "bad_address"),
    [
        (2, "id:1 sub:001 stat:UNDELIV err:001 text:secret", "kannel_undelivered", False),
        (16, "NACK/0x0000000b/Invalid Destination Address", "kannel_refused_0000000b", True),
        (16, "NACK/11/Invalid Destination Address", "kannel_refused_0000000b", True),
        (16, "NACK/0x00000045/Submit failed", "kannel_refused_00000045", False),
        (16, "NACK/Retries Exceeded", "kannel_refused", False),
        (16, "NACK/0xzz", "kannel_refused", False),
        (16, "", "kannel_refused", False),
    ],
)
def test_kannels_failures(kind: int, said: str, reason: str, bad_address: bool) -> None:
    assert kannel_failure(kind, said) == Outcome("permanent", reason, bad_address=bad_address)


@given(st.sampled_from([2, 16]), st.text(max_size=60) | st.from_regex(r"NACK/.{0,12}/.*"))
def test_no_words_of_an_smsc_are_a_fault(kind: int, said: str) -> None:
    assert kannel_failure(kind, said).kind == "permanent"


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind", "whole", "bad_address"),
    [
        ("greeting", 554, "no service", "transient", True, False),
        ("greeting", 421, "", "transient", True, False),
        ("login", 535, "5.7.8 bad credentials", "transient", True, False),
        ("sender", 550, "5.1.8 no such sender", "transient", True, False),
        ("recipient", 550, "5.1.1 <a@b> unknown", "permanent", False, True),
        ("recipient", 550, "no such user", "permanent", False, True),
        ("recipient", 553, "", "permanent", False, True),
        ("recipient", 550, "5.2.1 disabled", "permanent", False, True),
        ("recipient", 552, "5.2.2 mailbox full", "permanent", False, False),
        ("recipient", 550, "5.7.1 relaying denied", "permanent", False, False),
        ("recipient", 554, "", "permanent", False, False),
        ("recipient", 530, "5.7.0 authenticate first", "transient", True, False),
        ("recipient", 450, "4.2.0 greylisted", "transient", False, False),
        ("recipient", 451, "", "transient", False, False),
        ("recipient", 421, "", "transient", True, False),
        ("data", 552, "5.3.4 too big", "permanent", False, False),
        ("data", 550, "5.1.1 said late", "permanent", False, False),
        ("data", 451, "", "transient", False, False),
        ("data", 421, "", "transient", True, False),
        ("data", 250, "", "transient", True, False),
        ("recipient", -1, "Malformed", "transient", True, False),
    ],
)
def test_replies_of_a_mail_server(
    stage: Stage, code: int, text: str, kind: str, whole: bool, bad_address: bool
) -> None:
    outcome = smtp_reply(stage, code, text)
    assert (outcome.kind, outcome.whole_provider, outcome.bad_address) == (kind, whole, bad_address)


def test_of_a_reply_only_the_numbers_are_kept() -> None:
    outcome = smtp_reply("recipient", 550, "5.1.1 <ram.kumar@example.in> is nobody")
    assert outcome.reason == "smtp_recipient_550_5.1.1"


@pytest.mark.parametrize(
    ("status", "reason", "bad_address"),
    [
        ("5.1.1", "smtp_bounced_5.1.1", True),
        ("5.1.1 (bad destination mailbox address)", "smtp_bounced_5.1.1", True),
        ("5.2.2", "smtp_bounced_5.2.2", False),
        ("4.4.7", "smtp_bounced_4.4.7", False),
        ("4.1.1", "smtp_bounced_4.1.1", False),
        ("5.1.8", "smtp_bounced_5.1.8", False),
        ("", "smtp_bounced", False),
        ("5.1", "smtp_bounced", False),
    ],
)
def test_bounces(status: str, reason: str, bad_address: bool) -> None:
    assert bounce(status) == Outcome("permanent", reason, bad_address=bad_address)
