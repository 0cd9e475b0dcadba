"""Recordings that nobody has written down, from the event that files a case into its document and back."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from services.kernel.adapters import case_document
from services.kernel.adapters.case_folding import fold, opened
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.room_store import to_draft
from services.kernel.contracts.envelope import Filing, new_data_key, seal
from services.kernel.contracts.events import CaseAttached, CaseFiled, Place
from services.kernel.domain.case import Act, Case
from services.kernel.domain.people import Actor
from services.kernel.testing.memory import (
    ManualClock,
    MemoryBroker,
    MemoryCases,
    MemoryRooms,
    MemoryVault,
)

TICKET = "2600104237"
AT = datetime(2026, 1, 5, 4, 30, tzinfo=UTC)
CITIZEN = Actor("citizen", None, "janjgir-champa")
OPERATOR = Actor("operator", None, "janjgir-champa")


def filed(**fields: Any) -> CaseFiled:
    usual: dict[str, Any] = {
        "kind": "complaint",
        "channel": "whatsapp",
        "language": "hi",
        "place": Place(),
        "directory_version": 1,
        "media": ("voice", "photo"),
        "recordings": ("voice",),
    }
    sealed = seal(Filing(), new_data_key(), TICKET)
    return CaseFiled(
        district="janjgir-champa", ticket=TICKET, at=AT, sealed=sealed, **{**usual, **fields}
    )


def test_they_wait_from_the_filing_on() -> None:
    assert opened(filed(), Filing()).unwritten == ("voice",)


def test_what_was_filed_before_there_were_any_waits_for_nobody() -> None:
    old = filed().model_dump_json(exclude={"recordings"})
    assert opened(CaseFiled.model_validate_json(old), Filing()).unwritten == ()


def test_of_an_erased_person_none_waits() -> None:
    assert opened(filed(), None).unwritten == ()


def test_the_document_has_the_field_only_while_one_waits() -> None:
    case = opened(filed(), Filing())
    stored = case_document.to_fields(case)
    assert stored["unwritten"] == ["voice"]
    assert case_document.from_fields(TICKET, stored) == case
    act = Act("note", OPERATOR, note="x", data={"media": ["voice"]})
    draft = to_draft("case", TICKET, {"_id": TICKET, "case": {**stored, "n": 1, "seen": {}}})
    change = fold(draft, _placed(case), act, now=AT).change
    assert change.fields is not None
    assert "unwritten" not in change.fields
    assert case_document.from_fields(TICKET, change.fields).unwritten == ()


def test_every_other_case_is_stored_as_it_was() -> None:
    assert "unwritten" not in case_document.to_fields(opened(filed(recordings=()), Filing()))


def _placed(case: Case) -> Case:
    return Case(**{**vars(case), "state": "assigned", "department": "phe"})


@pytest.mark.parametrize("recordings", [("film",), ()])
async def test_what_comes_later_is_told_and_waits(recordings: tuple[str, ...]) -> None:
    cases, broker, vault = MemoryCases(), MemoryBroker(), MemoryVault()
    store = CaseStore(
        MemoryRooms(cases, "case", READS), Outbox("case", broker), vault, ManualClock(AT)
    )
    vault.new(TICKET)
    fields = case_document.to_fields(_placed(opened(filed(), Filing())))
    cases.documents[TICKET] = {"_id": TICKET, "case": {**fields, "n": 1, "seen": {}, "outbox": []}}
    media = ["film", "paper"]
    done = await store.act(TICKET, Act("attach", CITIZEN, data={"media": media}, recordings=recordings))
    assert done.case.unwritten == ("voice", *recordings)
    assert cases.documents[TICKET]["case"]["unwritten"] == ["voice", *recordings]
    (entry,) = cases.documents[TICKET]["case"]["outbox"]
    event = CaseAttached.model_validate_json(bytes(entry["value"]))
    assert (event.media, event.recordings) == (("film", "paper"), recordings)
