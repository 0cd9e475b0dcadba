"""The pure machine as a side on which transcripts are played: a town in memory, and a clock that is moved."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from services.intake.whatsapp.conversation.core.inbound import Inbound, Location, Media, Person
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.filing import Application
from tests.conversation.town import Shown, Town, without_service
from tests.conversation.transcript import Happens, Sent, Who

AT_FIRST = datetime(2026, 11, 30, 5, 0, tzinfo=UTC)
"""A Monday, half past ten in the district: the call centre is open."""
BETWEEN = timedelta(seconds=3)
"""From one message to the next; within an album there is less."""


class PureSide:
    def __init__(self, directory: District) -> None:
        self.town = Town(directory, AT_FIRST)
        self._sent = 0
        self._replies: dict[str, list[Shown]] = {}
        self._numbers: dict[tuple[str, str | None], str] = {}

    async def has(self, who: Who) -> None:
        if who.at is not None:
            self.town.now = who.at

    async def say(self, who: Who, sent: Sent, choice: str, about: str) -> list[str]:
        self.town.now += BETWEEN
        ids = []
        for place in range(sent.times):
            self._sent += 1
            self.town.now += timedelta(seconds=bool(place))
            id_ = f"wamid.{self._sent}"
            # the caption of an album stands under its first photo
            text = sent.text if place == 0 else ""
            inbound = self._inbound(who, sent, id_, text, choice, about)
            self._replies[id_] = self.town.hear(inbound)
            ids.append(id_)
        return ids

    async def shown(self, who: Who) -> Sequence[Shown]:
        return self.town.phone(self._person(who)).shown

    async def replies(self, who: Who, ids: Sequence[str]) -> Sequence[Shown]:
        return [shown for id_ in ids for shown in self._replies[id_]]

    async def find(self, look: Callable[[], object], what: str) -> object:
        found = look()
        if inspect.isawaitable(found):
            found = await found
        assert found, f"there is not: {what}"
        return found

    async def happen(self, who: Who, happens: Happens, ticket: str) -> str | None:
        town = self.town
        if happens.what == "pass":
            town.now += happens.span
        elif happens.what == "loses":
            town.directory = without_service(town.directory, happens.words)
        elif happens.what == "number":
            town.changed(self._person(who), happens.words)
            self._numbers[who.name, who.number] = happens.words
        elif happens.what == "web":
            town.now += BETWEEN
            return town.file(self._application(who, happens.fields), "web")
        else:
            town.now += BETWEEN
            town.office(ticket, happens.what, happens.words)
        return None

    async def case(self, ticket: str) -> Mapping[str, str]:
        case = self.town.cases[ticket].case
        assert case is not None
        return fields_of(case)

    async def calls(self, who: Who) -> Sequence[Mapping[str, str]]:
        found = []
        for call in self.town.callbacks:
            told = {"phone": call.phone, "name": call.name, "words": call.words, "case": call.ticket}
            found.append({name: value for name, value in told.items() if value})
        return found

    def _person(self, who: Who) -> Person:
        number = self._numbers.get((who.name, who.number), who.number)
        return Person(number, who.user, who.name)

    def _application(self, who: Who, told: Mapping[str, str]) -> Application:
        return Application(
            district=self.town.directory.id,
            kind="complaint",
            text=told.get("text"),
            service=told.get("service"),
            block=told.get("block"),
            village=told.get("village"),
            name=told.get("name"),
            phone=self._person(who).number,
            confidential="confidential" in told,
        )

    def _inbound(
        self, who: Who, sent: Sent, id_: str, text: str, choice: str, about: str
    ) -> Inbound:
        now = self.town.now
        media = location = None
        if sent.media is not None:
            media = Media(f"provider-{id_}", sent.media, voice=sent.voice)
        if sent.sort == "location":
            location, text = Location(sent.lat, sent.lng, text), ""
        return Inbound(
            id=id_,
            at=now,
            written_at=now,
            sort=sent.sort,
            person=self._person(who),
            text=sent.tap or text,
            choice=choice,
            media=media,
            location=location,
            replies_to=about if sent.replies or choice else None,
            about=about if sent.about else None,
        )


def fields_of(case: Case) -> Mapping[str, str]:
    """As README.md names them; without those that it has not."""
    place = case.place
    last = next((entry for entry in reversed(case.history) if entry.note), None)
    told = {
        "kind": case.kind,
        "service": case.service,
        "village": place.village,
        "words of place": place.village_text,
        "landmark": place.landmark,
        "block": place.block,
        "name": case.name,
        "for": case.on_behalf_of,
        "phone": case.phone,
        "priority": case.priority,
        "language": case.language,
        "text": case.text,
        "pin": f"{place.lat:g},{place.lng:g}" if place.lat is not None else None,
        "state": case.state,
        "words": last.note if last is not None else None,
        "history": " ".join(entry.note for entry in case.history if entry.note),
        "files": str(len(case.media) + sum(len(e.data.get("media", ())) for e in case.history)),
        "unwritten": str(len(case.unwritten) or ""),
    }
    found = {name: value for name, value in told.items() if value}
    if case.rating is not None:
        found["rating"] = str(case.rating)
    if case.confidential:
        found["confidential"] = ""
    return found
