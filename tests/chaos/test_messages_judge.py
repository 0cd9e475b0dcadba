"""The judge over messages finds what a killed sender could do wrong, and nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from tests.chaos import messages_judge as judge
from tests.chaos.messages_cases import Owed
from tests.chaos.messages_judge import Evidence, Stored, Taken, Tried

ID, LATER = "2640000000/case/1:me", "2640000000/case/2:me"
OWED = Owed(
    ID, "2640000000", 1, "2640000000/case/1", "7000000000", ("whatsapp", "sms"), "1007", True, True
)
NEXT = replace(OWED, id=LATER, order=2, event_id="2640000000/case/2", announced=False)
WHATSAPP = Tried("whatsapp", "a", "accepted", "delivered")
DELIVERED = Stored("delivered", tried=(WHATSAPP,))
LOST = Tried("whatsapp", "a", "unknown")
SMS = Tried("sms", "b", "accepted")


def taken(*words: str) -> list[Taken]:
    """`provider code-or-status`; a code refuses."""
    found = []
    for place, word in enumerate(words):
        provider, _, said = word.partition(" ")
        code = said if said[:1].isdigit() else ""
        found.append(Taken(place, provider, not code, code, "" if code else said))
    return found


def evidence(
    *words: str, stored: Stored = DELIVERED, calls: Sequence[str] = (), told: Sequence[str] = ("delivered",)
) -> Evidence:
    return Evidence(
        owed={ID: OWED},
        taken={ID: taken(*words)},
        stored={ID: stored},
        calls=calls,
        notices=[(OWED.event_id, what) for what in told],
    )


ALL: tuple[Callable[[Evidence], list[str]], ...] = (
    judge.ends, judge.doubles, judge.unknown, judge.ways, judge.order, judge.calls, judge.notices,
    judge.known,
)  # fmt: skip
REFUSED = Stored("failed", tried=(Tried("whatsapp", "a", "permanent"), Tried("sms", "b", "permanent")))


@pytest.mark.parametrize(
    "well",
    [
        evidence("whatsapp delivered"),
        evidence("whatsapp 131000", "whatsapp 130429", "whatsapp delivered"),
        # refused for good, told to have failed, nothing told: by SMS, which counts as delivered
        evidence("whatsapp 131049", "sms", stored=Stored("sent", tried=(SMS,))),
        evidence(
            "whatsapp failed", "sms",
            stored=Stored("sent", tried=(replace(WHATSAPP, status="failed"), SMS)),
        ),
        evidence(
            "whatsapp", "sms", stored=Stored("sent", tried=(replace(WHATSAPP, status=None), SMS))
        ),
        evidence("whatsapp 131049", "sms 413", stored=REFUSED, calls=[ID, ID], told=["failed"]),
        # numbers that are nobody's
        evidence("whatsapp 131026", "sms 503", "sms 406", stored=REFUSED, calls=[ID], told=["failed"]),
        replace(
            evidence("sms", stored=Stored("sent", tried=(LOST, SMS))), in_hand={(ID, "a")}
        ),
        replace(
            evidence(stored=Stored("unknown", tried=(LOST, replace(SMS, outcome="unknown"))), told=[]),
            in_hand={(ID, "a"), (ID, "b")},
        ),
        # refused, but nobody lived to hear it
        replace(
            evidence(
                "whatsapp 131049", "sms 413",
                stored=Stored("unknown", tried=(LOST, replace(SMS, outcome="unknown"))), told=[],
            ),
            in_hand={(ID, "a"), (ID, "b")},
        ),
    ],
)  # fmt: skip
def test_all_is_well(well: Evidence) -> None:
    assert [fault for look in ALL for fault in look(well)] == []


@pytest.mark.parametrize(
    ("look", "ill", "why"),
    [
        (judge.ends, replace(evidence(), stored={}), "never planned"),
        (judge.ends, replace(evidence(), owed={}), "owed to nobody"),
        (judge.ends, evidence(stored=Stored("claimed")), "is claimed"),
        (judge.ends, evidence(stored=replace(DELIVERED, due=True)), "is delivered and due"),
        (judge.ends, evidence(stored=Stored("sent", tried=(WHATSAPP,))), "left at that"),
        (judge.doubles, evidence("whatsapp", "whatsapp delivered"), "sent 2 times by whatsapp"),
        (judge.doubles, evidence("whatsapp delivered", "sms"), "was delivered by whatsapp, then"),
        (judge.unknown, evidence(stored=Stored("sent", tried=(LOST, SMS))), "nobody was killed"),
        (judge.unknown, evidence(stored=Stored("sent", tried=(replace(LOST, outcome=None),))), "killed"),
        (judge.ways, evidence("sms"), "never tried by whatsapp"),
        (judge.ways, evidence(), "never tried by whatsapp"),
        (judge.ways, evidence("whatsapp 131000"), "not tried there again"),
        (judge.ways, evidence("whatsapp 131000", "sms"), "not tried there again"),
        (judge.ways, evidence("whatsapp 131049"), "did not go on"),
        (judge.ways, evidence("whatsapp failed"), "did not go on"),
        (judge.ways, evidence("whatsapp 131049", "whatsapp delivered"), "for good by whatsapp, and tried"),
        (judge.ways, evidence("whatsapp 131049", "sms 413", "sms"), "for good by sms, and tried"),
        (judge.ways, evidence("whatsapp 131049", "sms", "whatsapp delivered"), "went back"),
        (judge.ways, evidence("whatsapp 131049", "kannel"), "went by"),
        (judge.calls, evidence("whatsapp 131049", "sms 413", stored=REFUSED), "no call-back"),
        (judge.calls, evidence("whatsapp delivered", calls=[ID]), "did not fail everywhere"),
        (judge.calls, evidence("whatsapp 131049", "sms", stored=REFUSED, calls=[]), "not all failed"),
        (judge.calls, evidence("whatsapp 131049", "sms 413", calls=[ID]), "it failed everywhere"),
        (judge.notices, evidence("whatsapp delivered", told=[]), "announced as []"),
        (judge.notices, evidence("whatsapp delivered", told=["delivered"] * 2), "announced as"),
        (judge.notices, evidence(stored=REFUSED, told=["delivered"]), "is ['failed']"),
        (judge.known, evidence("whatsapp read"), "has told read"),
    ],
)
def test_it_finds(look: Callable[[Evidence], list[str]], ill: Evidence, why: str) -> None:
    found = look(ill)
    assert len(found) == 1, found
    assert why in found[0]


def test_order_is_kept_but_by_what_was_lost_on_its_way() -> None:
    sms = Taken(9, "sms", accepted=True)
    both = Evidence(
        owed={ID: OWED, LATER: NEXT},
        taken={ID: [sms], LATER: taken("whatsapp delivered")},
        stored={ID: Stored("sent", tried=(SMS,)), LATER: DELIVERED},
    )
    assert judge.order(both) == ["2640000000: came as [2, 1]"]
    lost = Stored("sent", tried=(LOST, SMS))
    assert judge.order(replace(both, stored={**both.stored, ID: lost})) == []
    # it was taken before it was lost, and it is that which must have come in its turn
    late = [Taken(8, "whatsapp", accepted=True), sms]
    wrong = replace(both, stored={**both.stored, ID: lost}, taken={**both.taken, ID: late})
    assert judge.order(wrong) == ["2640000000: came as [2, 1]"]
