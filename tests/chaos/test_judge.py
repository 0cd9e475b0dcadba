"""The judge finds what a storm could leave behind; and it finds nothing where all is well."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.chaos import judge
from tests.chaos.judge import Told, Unknown
from tests.chaos.logbook import Deed, Filing, Logbook

ONE, TWO = "2600000012", "2600000023"
PHONE = "+919999800001"
CRASH = datetime(2026, 11, 25, 12, tzinfo=UTC)
FILED = Told(ONE, "intake/1", "9999800001")


def log(*tickets: str) -> Logbook:
    return Logbook(filings={"k": Filing("k", "sakti", PHONE, {}, set(tickets))})


def row(ticket: str, phone: str = PHONE) -> dict[str, Any]:
    return {"ticket": ticket, "citizen": {"phone": phone}}


def entry(n: int, action: str, minute: int | None = None) -> dict[str, Any]:
    at = CRASH + timedelta(minutes=n if minute is None else minute)
    return {"n": n, "action": action, "at": at.isoformat()}


def deed(action: str, *versions: int) -> Deed:
    return Deed(action, ONE, action, "officer", accepted=1, versions=set(versions))


def unknown(reason: str | None = "claim_lapsed", before: float = 0.1) -> Unknown:
    return Unknown(FILED, reason, CRASH - timedelta(seconds=before))


def test_a_key_has_one_ticket() -> None:
    assert judge.receipts(log(ONE)) == []
    assert judge.receipts(log()) == ["key k has no ticket"]
    assert judge.receipts(log(ONE, TWO)) == [f"key k has ['{ONE}', '{TWO}'] ticket"]
    shared = log(ONE)
    shared.filings["l"] = Filing("l", "sakti", "+919999800002", {}, {ONE})
    assert judge.receipts(shared) == [f"ticket {ONE} was given to 2 keys"]


def test_a_ticket_has_one_case() -> None:
    stranger = row(TWO, "+919999991001")
    assert judge.cases(log(ONE), [row(ONE), stranger]) == []
    assert judge.cases(log(ONE), [stranger]) == [f"no case for ticket {ONE}"]
    assert judge.cases(log(ONE), [row(ONE), row(ONE)]) == [f"case {ONE} is listed 2 times"]
    assert judge.cases(log(ONE), [row(ONE), row(TWO)]) == [f"case {TWO} was promised to nobody"]


@pytest.mark.parametrize(
    ("entries", "why"),
    [
        ([entry(1, "assign"), entry(2, "acknowledge"), entry(3, "resolve")], None),
        ([entry(1, "assign"), entry(2, "acknowledge")], "accepted were"),
        ([entry(1, "assign"), entry(2, "acknowledge"), entry(4, "resolve")], "counts [1, 2, 4]"),
        ([entry(1, "assign"), entry(3, "acknowledge"), entry(2, "resolve")], "counts [1, 3, 2]"),
        ([entry(1, "assign"), entry(2, "acknowledge"), entry(3, "resolve", 0)], "back in time"),
        ([entry(1, "assign"), entry(2, "resolve"), entry(3, "acknowledge")], "told was"),
        ([entry(n, a) for n, a in enumerate(("assign", "acknowledge", "resolve", "resolve"), 1)],
         "accepted were"),
    ],
)  # fmt: skip
def test_a_history_holds_each_act_once(entries: list[dict[str, Any]], why: str | None) -> None:
    found = judge.history(entries, [deed("acknowledge", 2), deed("resolve", 3)], ONE)
    assert found == [] if why is None else any(why in line for line in found), found


def test_one_act_has_one_outcome() -> None:
    entries = [entry(1, "assign"), entry(2, "acknowledge")]
    assert judge.history(entries, [deed("acknowledge", 2, 3)], ONE) == [
        f"{ONE}: acknowledge is {{2}}, told was {{2, 3}}"
    ]


def test_everybody_is_told_once() -> None:
    assert judge.messages([FILED], {FILED: 1}, [], []) == []
    assert judge.messages([FILED], {FILED: 2}, [], []) == [f"sent 2 times: {FILED}"]
    assert judge.messages([FILED], {}, [], []) == [f"never sent: {FILED}"]
    assert judge.messages([], {FILED: 1}, [], []) == [f"owed to nobody: {FILED}"]


def test_what_is_no_news_any_more_need_not_be_sent() -> None:
    overtaken = [(ONE, "intake/1")]
    assert judge.messages([FILED], {}, [], [], [FILED], overtaken) == []
    assert judge.messages([FILED], {}, [], [], [FILED], []) == [
        f"collapsed, though it was news: {FILED}"
    ]
    assert judge.messages([FILED], {FILED: 1}, [], [], [FILED], overtaken) == [
        f"collapsed, and sent: {FILED}"
    ]


def test_only_a_crash_excuses_what_was_not_sent() -> None:
    assert judge.messages([FILED], {}, [unknown()], [CRASH]) == []
    assert judge.messages([FILED], {FILED: 1}, [unknown()], [CRASH]) == []
    assert judge.messages([FILED], {FILED: 2}, [unknown()], [CRASH]) == [f"sent 2 times: {FILED}"]
    for wrong, crashes in (
        (unknown(), []),
        (unknown("timeout"), [CRASH]),
        (unknown(before=-1), [CRASH]),
        (unknown(before=60), [CRASH]),
    ):
        found = judge.messages([FILED], {}, [wrong], crashes)
        assert found == [f"unknown without a crash of notify ({wrong.reason}): {FILED}"]
