"""The card that is confirmed before anything is filed, and what is filed by it. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import Draft, File, Step, recordings
from services.intake.whatsapp.conversation.core.questions import (
    LONGEST_NAME_WORDS,
    ask_behalf,
    is_name,
    number_in,
    option,
    tell,
)
from services.intake.whatsapp.conversation.core.saying import telephone
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain.directory import Block, Village
from services.kernel.domain.filing import Application
from services.kernel.domain.whatsapp_limits import cut

MOST_STORY_SHOWN = 300
_OPENS: dict[str, tuple[Step, ...]] = {
    "kind": ("kind",),
    "story": ("story",),
    "service": ("service",),
    "place": ("place", "village"),
    "name": ("name",),
    "phone": ("phone",),
}
"""What can be corrected, with the questions that are asked again."""
_PLACE = ("block", "village", "village_text", "landmark", "lat", "lng")


class Confirm:
    def ask(self, stage: Stage) -> None:
        stage.change(card=stage.draft.told)
        stage.put(
            card(stage),
            [
                option(stage, "confirm", "yes", "confirm.yes", means=("right", "file", "go")),
                option(stage, "confirm", "edit", "confirm.edit", means=("no",)),
                option(stage, "confirm", "cancel", "confirm.cancel", means=("drop",)),
            ],
        )

    def choose(self, stage: Stage, value: str) -> bool:
        if value == "yes":
            return self._file(stage)
        if value == "edit":
            self._correct(stage)
        elif value == "cancel":
            stage.go("cancel")
            stage.ask(
                "cancel.ask",
                [
                    option(stage, "cancel", "yes", "cancel.yes", means=("cancel", "drop", "go")),
                    option(stage, "cancel", "no", "cancel.no", means=("file",)),
                ],
            )
        else:
            return False
        return True

    def hear(self, stage: Stage, inbound: Inbound) -> bool:
        """What is added at the last moment, a pin or words of the story; or what is wrong."""
        if inbound.location is not None:
            stage.change(lat=inbound.location.lat, lng=inbound.location.lng)
            stage.say("added.place")
            return True
        wrong = stage.words.correction(inbound.text) if inbound.sort == "text" else None
        if wrong is not None:
            if not wrong or not correct(stage, wrong):
                self._correct(stage)
            return True
        if inbound.sort != "text":
            return False
        number, name = number_in(inbound), stage.words.name_told(inbound.text)
        if number is not None and _asks_phone(stage):
            stage.change(phone=number)
            return True
        if number is not None:
            inbound = replace(inbound, text=stage.text("said.phone", phone=telephone(number)))
        meant = stage.words.answers(inbound.text)
        if "confidential" in meant:
            stage.change(confidential=True)
        elif "unnamed" in meant:
            stage.change(name=None)
        elif is_name(name) and len(inbound.text.split()) <= LONGEST_NAME_WORDS:
            stage.change(name=name)
        elif not tell(stage, inbound):
            return False
        else:
            stage.say("added.words")
        return True

    def _file(self, stage: Stage) -> bool:
        assert stage.inbound is not None
        draft = stage.draft
        if draft.card != draft.told:
            return True  # it was changed since it was shown, and is shown again
        stage.effect = File(draft.number, stage.inbound.id, application(stage, draft))
        return True

    def _correct(self, stage: Stage) -> None:
        stage.go("correct")
        draft = stage.draft
        shown = [
            option(stage, "correct", what, f"correct.{what}")
            for what in _OPENS
            if what != "phone" or _asks_phone(stage)
        ]
        behalf = "correct.self" if draft.on_behalf_of else "correct.behalf"
        open_ = "correct.open" if draft.confidential else "correct.confidential"
        shown += [
            option(stage, "correct", "behalf", behalf),
            option(stage, "correct", "confidential", open_),
            option(stage, "correct", "no", "correct.nothing", means=("nothing",)),
        ]
        stage.ask("correct.ask", shown, list_key="correct.list")


def take_back(stage: Stage, what: str) -> None:
    """Ask one of `_OPENS` again, as if it had not been answered."""
    stage.asked_again(*_OPENS[what])
    if what == "place":
        nowhere: dict[str, Any] = dict.fromkeys(_PLACE)
        stage.change(**nowhere, elsewhere=True)
    elif what == "story":
        stage.change(parts=())


def correct(stage: Stage, what: str) -> bool:
    """Take up one answer again; the others stay. Whether it is one that can be."""
    draft = stage.draft
    if what == "phone" and not _asks_phone(stage):
        stage.go("draft")
        stage.say("phone.own")
    elif what == "media":
        stage.go("draft")
        stage.change(media=())
        if draft.media and stage.draft.is_blank:
            stage.asked_again("story")
    elif what in _OPENS:
        take_back(stage, what)
        stage.go("draft")
    elif what == "behalf" and draft.on_behalf_of is None:
        ask_behalf(stage)
        return True
    elif what == "behalf":
        stage.change(on_behalf_of=None)
        stage.go("draft")
    elif what == "confidential":
        stage.change(confidential=not draft.confidential)
        stage.go("draft")
    elif what == "no":
        stage.go("draft")
    else:
        return False
    return True


def application(stage: Stage, draft: Draft) -> Application:
    """What is filed. The same draft gives the same application, or a repetition would look like another."""
    inbound = stage.inbound
    assert inbound is not None
    number = draft.phone or inbound.person.number
    place = known_place(stage, draft)
    return Application(
        district=stage.world.directory.id,
        kind=draft.kind,
        text=draft.text,
        language=stage.conversation.language,
        service=draft.service,
        block=draft.block,
        village=place[1].id if place is not None and place[1] is not None else draft.village_text,
        landmark=draft.landmark,
        lat=draft.lat,
        lng=draft.lng,
        name=draft.name,
        phone=number,
        user_id=inbound.person.user if inbound.person.number is None else None,
        on_behalf_of=draft.on_behalf_of,
        confidential=draft.confidential,
        media=tuple(one.id for one in draft.media),
        recordings=recordings(draft.media),
    )


def card(stage: Stage) -> str:
    draft, language = stage.draft, stage.conversation.language
    service = stage.world.directory.service_by_id.get(draft.service or "")
    lines = [
        stage.text("card.head"),
        stage.text("card.kind", kind=stage.text(f"kind.{draft.kind}")),
        stage.text(
            "card.service",
            service=service.name.say(language) if service else stage.text("card.no_service"),
        ),
        stage.text("card.story", story=_story(stage, draft)),
        stage.text("card.place", place=_place(stage, draft)),
        stage.text("card.name", name=draft.name or stage.text("card.no_name")),
    ]
    if draft.on_behalf_of:
        lines.append(stage.text("card.behalf", name=draft.on_behalf_of))
    if draft.phone:
        lines.append(stage.text("card.phone", phone=telephone(draft.phone)))
    if draft.confidential:
        lines.append(stage.text("card.confidential"))
    lines.append(stage.text("card.ask"))
    return "\n".join(lines)


def known_place(stage: Stage, draft: Draft) -> tuple[Block, Village | None] | None:
    block = stage.world.directory.block_by_id.get(draft.block or "")
    if block is None:
        return None
    return block, next((one for one in block.villages if one.id == draft.village), None)


def _story(stage: Stage, draft: Draft) -> str:
    files = [
        stage.text(f"card.{sort}", count=str(count))
        for sort in ("image", "audio", "video", "document")
        if (count := sum(one.kind == sort for one in draft.media))
    ]
    words = cut(" ".join(draft.text.split()), MOST_STORY_SHOWN)
    return " ".join(filter(None, [words, f"[{', '.join(files)}]" if files else ""]))


def _place(stage: Stage, draft: Draft) -> str:
    language = stage.conversation.language
    known = known_place(stage, draft)
    village = known[1].name.say(language) if known is not None and known[1] is not None else None
    parts = [village or draft.village_text, known[0].name.say(language) if known is not None else None]
    if draft.lat is not None:
        parts.append(stage.text("card.pin"))
    said = ", ".join(part for part in parts if part) or stage.text("card.no_place")
    return f"{said} ({draft.landmark})" if draft.landmark else said


def _asks_phone(stage: Stage) -> bool:
    return stage.inbound is not None and stage.inbound.person.number is None
