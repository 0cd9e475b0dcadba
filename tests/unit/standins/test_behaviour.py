"""What is to become of a request and of its receipts: shares, several at once, order."""

from __future__ import annotations

import random
from collections import Counter
from itertools import pairwise
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.standins.behaviour import Behaviour, Behaviours, Receipts

MANY = 4000


def ruled(*behaviours: Behaviour, count: int = MANY) -> Counter[int | None]:
    """How many of so many requests end with which code."""
    standing = Behaviours(lambda: 0.0)
    standing.set(*behaviours)
    return Counter(standing.rule("whatsapp").fail_code for _ in range(count))


def test_shares_of_several_are_of_all_requests_and_never_of_the_same_ones() -> None:
    transient = Behaviour(provider="whatsapp", fail_code=131056, share=0.2)
    permanent = Behaviour(provider="whatsapp", fail_code=131026, share=0.05)
    found = ruled(transient, permanent)
    assert 0.17 < found[131056] / MANY < 0.23
    # drawn on their own, the second would have 4 % left: this is 5
    assert 0.04 < found[131026] / MANY < 0.06
    assert found == ruled(transient, permanent)
    everything = ruled(transient, transient.model_copy(update={"share": 0.8, "fail_code": 4}))
    assert None not in everything


def test_the_same_requests_fail_after_a_reset() -> None:
    standing = Behaviours(lambda: 0.0)
    half = Behaviour(provider="sms", fail_code=403, share=0.5)
    standing.set(half)
    first = [standing.rule("sms").fails for _ in range(50)]
    standing.reset()
    assert not standing.rule("sms").fails
    standing.reset()
    standing.set(half)
    assert [standing.rule("sms").fails for _ in range(50)] == first
    assert set(first) == {True, False}


def test_all_in_force_are_joined() -> None:
    standing = Behaviours(lambda: 0.0)
    standing.set(
        Behaviour(provider="whatsapp", delay_ms=20),
        Behaviour(provider="whatsapp", fail_code=4, times=1),
        Behaviour(provider="whatsapp", receipts="repeat", receipt_delay_ms=50),
        Behaviour(provider="whatsapp", receipts="shuffle", read=True, receipt_fail_code=131026),
        Behaviour(provider="sms", hang=True),
    )
    first, second = standing.rule("whatsapp"), standing.rule("whatsapp")
    assert (first.fails, first.fail_code, first.delay_ms) == (True, 4, 20)
    assert (second.fails, second.fail_code, second.delay_ms, second.hang) == (False, None, 20, False)
    assert second.receipts == Receipts(
        repeat=True, shuffle=True, delay_ms=50, fail_code=131026, read=True
    )
    assert second.receipts_after == 0.07
    assert standing.rule("sms").hang
    standing.set(Behaviour(provider="whatsapp"))
    assert standing.rule("whatsapp").delay_ms == 0
    assert standing.rule("sms").hang


def test_a_share_of_the_receipts() -> None:
    standing = Behaviours(lambda: 0.0)
    standing.set(Behaviour(provider="kannel", receipts="drop", receipt_share=0.25))
    dropped = sum(standing.rule("kannel").receipts.drop for _ in range(MANY))
    assert 0.22 < dropped / MANY < 0.28


USUAL = ["sent", "delivered", "read"]


@given(st.integers(2, 3), st.booleans(), st.integers(0, 1000))
def test_receipts_in_their_order(length: int, repeat: bool, seed: int) -> None:
    usual = USUAL[:length]
    chance = random.Random(seed)
    in_order = Receipts(repeat=repeat).order(usual, chance)
    assert sorted(in_order, key=usual.index) == in_order
    shuffled = Receipts(repeat=repeat, shuffle=True).order(usual, chance)
    assert any(usual.index(a) > usual.index(b) for a, b in pairwise(shuffled))
    for sent in (in_order, shuffled):
        counts = Counter(sent)
        assert counts.keys() == set(usual)
        assert set(counts.values()) <= ({2, 3} if repeat else {1})
    assert Receipts(drop=True, repeat=repeat).order(usual, chance) == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"provider": "smtp", "fail_code": 200}, "fail_code of smtp"),
        ({"provider": "kannel", "fail_code": 3}, "fail_code of kannel"),
        ({"provider": "smtp", "http_status": 503}, "http_status: smtp"),
        ({"provider": "sms", "receipts": "drop"}, "receipts: sms"),
        ({"provider": "smtp", "receipt_fail_code": 5}, "receipts: smtp"),
        ({"provider": "whatsapp", "share": 1.1}, "share"),
        ({"provider": "whatsapp", "receipts": "sell"}, "receipts"),
    ],
)
def test_what_a_provider_cannot_do_is_refused(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValidationError, match=reason):
        Behaviour(**wrong)


async def test_several_are_set_by_a_list(http: httpx.AsyncClient) -> None:
    wanted = [
        {"provider": "whatsapp", "fail_code": 131056, "share": 0.2},
        {"provider": "whatsapp", "fail_code": 131026, "share": 0.05},
        {"provider": "kannel", "receipts": "shuffle", "receipt_share": 0.5},
    ]
    answer = await http.post("/api/behaviour", json=wanted)
    assert answer.status_code == 200
    standing = answer.json()["behaviour"]
    assert [(b["provider"], b.get("fail_code")) for b in standing if b["provider"] != "kannel"] == [
        ("whatsapp", 131056),
        ("whatsapp", 131026),
    ]
    assert len(standing) == 3
    one = {"provider": "whatsapp", "delay_ms": 1}
    standing = (await http.post("/api/behaviour", json=one)).json()["behaviour"]
    assert {b["provider"]: b["delay_ms"] for b in standing} == {"whatsapp": 1, "kannel": 0}
    assert (await http.post("/api/behaviour", json=[])).status_code == 422
    wrong = [*wanted, {"provider": "pigeon"}]
    assert (await http.post("/api/behaviour", json=wrong)).status_code == 422
    assert (await http.delete("/api/behaviour")).json() == {"behaviour": []}
