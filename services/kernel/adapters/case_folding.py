"""How room `case` changes, whoever changes it: opened from what was filed, then folded act by act.

The case store folds what people do over HTTP, routing what the intake and the clock announced. Both stamp
a fact strictly later than everything that the clock has said, and require that it has said no more when
the write is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import ValidationError

from services.kernel.adapters import case_document
from services.kernel.adapters.room_store import Draft
from services.kernel.adapters.rooms import Change
from services.kernel.contracts.envelope import Filing
from services.kernel.contracts.events import EVENTS, CaseEvent, CaseFiled, Sealed
from services.kernel.domain.case import Act, Case, CasePlace, Fact, perform
from services.kernel.domain.errors import Invalid

READS = ("sla.last_fired",)
"""What drafts of room `case` carry of the clock."""
TICK = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Folded:
    """An act carried out: the case after it, its instant, and what is to be written."""

    case: Case
    at: datetime
    change: Change


def opened(event: CaseFiled, filing: Filing | None) -> Case:
    """The case as it was filed. `filing` None: its key was erased, so it goes on without personal data."""
    words = filing or Filing()
    return Case(
        ticket=event.ticket,
        district=event.district,
        kind=event.kind,
        channel=event.channel,
        language=event.language,
        priority=event.priority,
        filed_at=event.at,
        updated_at=event.at,
        directory_version=event.directory_version,
        service=event.service,
        suggested=event.suggested,
        place=CasePlace(
            block=event.place.block,
            village=event.place.village,
            village_text=words.village,
            landmark=words.landmark,
            lat=words.lat,
            lng=words.lng,
        ),
        name=words.name,
        phone=words.phone,
        on_behalf_of=words.on_behalf_of,
        text=None if filing is None else words.text,
        media=event.media,
        unwritten=() if filing is None else event.recordings,
        erased=filing is None,
        confidential=event.confidential,
        named_official=event.named_official,
        dangers=event.dangers,
    )


def fold(
    draft: Draft, case: Case, act: Act, *, now: datetime, sealed: Sealed | None = None
) -> Folded:
    """`case`, as `draft` holds it, after `act`. `sealed`: the envelope of the words that go with it.

    Raises IllegalAction, Forbidden, Invalid.
    """
    last_fired: datetime | None = (draft.others.get("sla") or {}).get("last_fired")
    at = stamp(now, last_fired, case.updated_at - TICK)
    after, fact = perform(case, act, n=draft.n + 1, at=at)
    change = Change(
        fields=case_document.to_fields(after),
        announces=(to_event(after, fact, at, sealed),),
        guards={"sla.last_fired": last_fired},
    )
    return Folded(after, at, change)


def stamp(now: datetime, *not_before: datetime | None) -> datetime:
    """`now`, or an instant strictly later than every one of `not_before`."""
    return max([now, *(instant + TICK for instant in not_before if instant is not None)])


def to_event(case: Case, fact: Fact, at: datetime, sealed: Sealed | None) -> CaseEvent:
    """The event that announces `fact`. Raises Invalid, naming the field, for data of a wrong type."""
    fields = {
        "ticket": case.ticket,
        "district": case.district,
        "at": at,
        "sealed": sealed,
        **{name: value for name, value in fact.data.items() if value is not None},
    }
    try:
        event = EVENTS[fact.type].model_validate(fields)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        raise Invalid(fault["msg"], field=".".join(str(part) for part in fault["loc"])) from None
    assert isinstance(event, CaseEvent)
    return event
