"""A message that is edited or taken back, found again by its id: in a draft, or in what was filed. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from services.intake.following import can
from services.intake.whatsapp.conversation.core import cases
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import CitizenAct, Draft, Part
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain.filing import MOST_TEXT


def corrected(stage: Stage, inbound: Inbound) -> None:
    """What was said in passing needs no putting right; nobody is answered for it."""
    if _in_draft(stage, inbound) or _in_parked(stage, inbound):
        stage.say("edited.taken" if _words(inbound) else "revoked.taken")
        return
    ticket = dict(stage.conversation.told).get(inbound.about or "")
    if ticket is not None and stage.world.case(ticket) is not None:
        _in_case(stage, inbound, ticket)
    elif inbound.sort == "edited" and stage.conversation.at == "draft":
        stage.say("edited.unknown")
    else:
        stage.asked = True


def _in_draft(stage: Stage, inbound: Inbound) -> bool:
    draft = stage.conversation.draft
    if draft is None or inbound.about not in draft.messages:
        return False
    mended = _mended(draft, inbound)
    stage.set(draft=mended)
    if mended.is_blank:
        stage.asked_again("story")
    return True


def _in_parked(stage: Stage, inbound: Inbound) -> bool:
    parked = stage.conversation.parked
    if not any(inbound.about in draft.messages for draft in parked):
        return False
    mended = [_mended(draft, inbound) for draft in parked]
    stage.set(parked=tuple(draft for draft in mended if not draft.is_blank))
    return True


def _in_case(stage: Stage, inbound: Inbound, ticket: str) -> None:
    followed = stage.world.case(ticket)
    assert followed is not None
    number = cases.number_of(stage, followed)
    may = can(followed, stage.world.directory, stage.world.now)
    if inbound.sort == "revoked":
        stage.say("revoked.filed", number=number)
    elif "attach" in may and _words(inbound):
        words = stage.text("said.edited", words=_words(inbound)[: cases.MOST_WORDS])
        cases.act(stage, ticket, CitizenAct("attach", words=words))
    else:
        stage.say("edited.late", number=number)


def _mended(draft: Draft, inbound: Inbound) -> Draft:
    """With the new words in place of the old, or without the message; a file goes when its message does."""
    parts: list[Part] = []
    room = MOST_TEXT
    for part in _with_words(draft, inbound):
        kept = part.text[: max(0, room)]
        if kept:
            parts.append(Part(part.message, kept))
            room -= len(kept) + 1
    gone = inbound.about if inbound.sort == "revoked" else None
    media = tuple(one for one in draft.media if one.message != gone)
    return replace(draft, parts=tuple(parts), media=media)


def _with_words(draft: Draft, inbound: Inbound) -> Sequence[Part]:
    words = _words(inbound)
    if any(part.message == inbound.about for part in draft.parts):
        return [Part(p.message, words) if p.message == inbound.about else p for p in draft.parts]
    # a caption where there was none
    return [*draft.parts, Part(inbound.about or "", words)] if words else draft.parts


def _words(inbound: Inbound) -> str:
    return inbound.text.strip() if inbound.sort == "edited" else ""
