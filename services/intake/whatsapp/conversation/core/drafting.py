"""A draft from its first words to its card: the open question, what answers it, what does not. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from services.intake.whatsapp.conversation.core import drafts, talk
from services.intake.whatsapp.conversation.core.card import Confirm, correct
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    MOST_PARKED,
    At,
    Attachment,
    Option,
    Step,
    Wanted,
)
from services.intake.whatsapp.conversation.core.place import Place, Village
from services.intake.whatsapp.conversation.core.questions import (
    Kind,
    Name,
    Phone,
    Question,
    ServiceQuestion,
    Story,
    adds,
    hides_name,
    name_in,
    option,
    tell,
)
from services.intake.whatsapp.conversation.core.stage import BURST, Stage
from services.intake.whatsapp.conversation.core.understanding import is_sign
from services.kernel.domain import danger
from services.kernel.domain.filing import MOST_PLACE
from services.kernel.domain.media import MOST_MEDIA, RECORDINGS, media_id

QUESTIONS: Mapping[str, Question] = {
    "kind": Kind(),
    "story": Story(),
    "service": ServiceQuestion(),
    "place": Place(),
    "village": Village(),
    "name": Name(),
    "phone": Phone(),
    "confirm": Confirm(),
}
PATIENCE = 2
"""So often in a row is a question asked without an answer before a person is offered."""
WAITING = "waiting"
"""In place of a draft or a case, where photos wait until it is clear to which they go."""
_ANSWERS: frozenset[Step] = frozenset({"place", "village", "name", "phone"})
"""Questions that are answered with a few words, in place of which he may say that an earlier one is wrong."""
_WAYS_ON: Mapping[Step, tuple[str, str]] = {
    "service": ("unknown", "service.unknown"),
    "place": ("unknown", "place.unknown"),
    "village": ("skip", "skip"),
    "name": ("skip", "skip"),
    "phone": ("skip", "skip"),
}
"""By what a question can be left without an answer, with the title."""


def go_on(stage: Stage) -> None:
    """Ask the open question about the draft, unless something was asked in this turn or is being done."""
    if stage.asked or stage.effect is not None or stage.conversation.draft is None:
        return
    if stage.conversation.at != "draft":
        return
    if stage.draft.step == "phone" and stage.inbound is not None and stage.inbound.person.number:
        stage.answered("phone")
    QUESTIONS[stage.draft.step].ask(stage)


def answer(stage: Stage, step: str, value: str) -> None:
    """What was tapped for a question about the draft, whichever is open now: a later answer counts."""
    question = QUESTIONS.get(step)
    if stage.conversation.at != "draft":
        stage.go("draft")
    if step == "confirm" and value == "yes" and stage.draft.step != "confirm":
        return  # a card of before the last correction: what is open is asked first
    if question is None or not question.choose(stage, value):
        fail(stage)


def home(stage: Stage) -> None:
    """Back to the draft in hand, where there is one."""
    stage.go("draft" if stage.conversation.draft is not None else "idle", ticket=None, purpose=None)


def fail(stage: Stage) -> None:
    """It was no answer. After two a person is offered, so that nobody goes round in circles."""
    failures = stage.conversation.failures + 1
    stage.set(failures=failures)
    if failures >= PATIENCE:
        shown = [stage.option("menu.human", "menu.human"), stage.option("menu.back", "stuck.retry")]
        stage.ask(
            "stuck",
            [*_way_on(stage), *shown],
            call_centre=stage.world.directory.call_centre.phone,
        )
        return
    other = stage.inbound is not None and stage.inbound.sort in ("other", "contact")
    stage.say("other" if other else "not_understood")
    if stage.conversation.at != "draft" and stage.conversation.offered:
        stage.ask_again()


def _way_on(stage: Stage) -> list[Option]:
    step = stage.draft.step if stage.conversation.at == "draft" else "kind"
    if step not in _WAYS_ON:
        return []
    value, key = _WAYS_ON[step]
    return [option(stage, step, value, key)]


# ------------------------------------------------------------------ what is sent


def begin(stage: Stage, some: Sequence[Inbound]) -> None:
    """Begin a case with what was sent, unless it must first be clear what becomes of another."""
    if drafts.can_begin(stage):
        _new_draft(stage, some)
        put(stage, some)
    else:
        stage.set(pending=tuple(some))


def begin_behind(stage: Stage, some: Sequence[Inbound]) -> None:
    """Begin a case with what was sent, that waits until the draft in hand is filed, where there is room; and
    say so."""
    in_hand, parked = stage.conversation.draft, stage.conversation.parked
    if len(parked) >= MOST_PARKED:
        stage.say("park.full")
        return
    _new_draft(stage, some)
    _store(stage, some)
    at: At = "draft" if in_hand is not None else "idle"
    stage.go(at, draft=in_hand, parked=(*parked, stage.draft))
    stage.say("park.kept")


def keep_waiting(stage: Stage) -> None:
    """He turns to something else before he has said what his last words belong to: they are not lost, but
    wait as a case of their own."""
    told = [one for one in stage.conversation.pending if talk.is_story(stage, one)]
    stage.set(pending=(), purpose=None)
    if told:
        begin_behind(stage, told)


def _new_draft(stage: Stage, some: Sequence[Inbound]) -> None:
    words = "\n".join(inbound.text for inbound in some)
    drafts.new(stage, kind=stage.words.kind_of(words))
    stage.answered("kind")
    if danger.find(words):
        stage.change(warned=True)


def put(stage: Stage, some: Sequence[Inbound]) -> None:
    """Put messages to the draft: one as an answer to the open question, several to its story."""
    if len(some) == 1:
        take(stage, some[0])
    else:
        _store(stage, some)
        stage.say("added.several")


def _store(stage: Stage, some: Sequence[Inbound]) -> None:
    """Put messages to the story, and say nothing of it."""
    for inbound in some:
        if inbound.media is not None:
            _keep_for_draft(stage, inbound)
        elif inbound.location is not None:
            pin(stage, inbound)
        else:
            tell(stage, inbound)
    if stage.draft.step == "story" and (stage.draft.parts or _is_spoken(stage)):
        _story_is_told(stage)


def take(stage: Stage, inbound: Inbound) -> None:
    """A message about the draft in hand: the answer to its question, or more of the story."""
    if inbound.media is not None:
        _attached(stage, inbound)
    elif inbound.location is not None and stage.draft.step not in ("place", "village", "confirm"):
        pin(stage, inbound)
        stage.say("pin.first")
    elif inbound.sort == "text" and is_sign(inbound.text):
        stage.say("thanks.open")
    elif inbound.sort == "text" and (_only_greets(stage, inbound.text) or _corrects(stage, inbound.text)):
        return  # the question is asked again
    elif stage.words.is_abuse(inbound.text) and stage.draft.step not in ("kind", "story"):
        tell(stage, inbound)
        stage.say("abuse", call_centre=stage.world.directory.call_centre.phone)
    elif stage.draft.step != "confirm" and hides_name(stage, inbound):
        return
    elif not QUESTIONS[stage.draft.step].hear(stage, inbound):
        fail(stage)


def pin(stage: Stage, inbound: Inbound) -> None:
    """A pin that nobody asked for just now. Its words count while no village is told."""
    assert inbound.location is not None
    stage.change(lat=inbound.location.lat, lng=inbound.location.lng)
    words = " ".join(inbound.location.words.split())[:MOST_PLACE]
    if words and "place" not in stage.draft.done:
        stage.change(village_text=words)


def keep(stage: Stage, inbound: Inbound) -> Attachment:
    """Have a file fetched."""
    media = inbound.media
    assert media is not None
    id_ = media_id(inbound.id)
    stage.wanted.append(Wanted(id_, media))
    return Attachment(inbound.id, id_, media.kind)


def behalf(stage: Stage, inbound: Inbound) -> None:
    """For whom it is filed."""
    if adds(stage, inbound, named=True):
        stage.go("draft")
        return
    name = name_in(stage, inbound)
    if name is None or stage.conversation.draft is None:
        fail(stage)
        return
    stage.change(on_behalf_of=name)
    stage.go("draft")


def is_album(stage: Stage, where: str) -> bool:
    """Whether a photo comes right after one that went there: to a draft, by its number, or to a case."""
    conversation = stage.conversation
    last_at = conversation.last_at
    soon = last_at is not None and stage.world.now - last_at < BURST
    return conversation.album == where and soon


def _attached(stage: Stage, inbound: Inbound) -> None:
    """Photos, recordings and films belong to the draft whenever they come; at the story they are it."""
    step, where = stage.draft.step, str(stage.draft.number)
    album = inbound is stage.inbound and is_album(stage, where)
    stage.set(album=where if inbound is stage.inbound else None)
    kept = _keep_for_draft(stage, inbound)
    if kept is None and album and stage.draft.full:
        stage.asked = True
        return
    if kept is None:
        stage.change(full=True)
        stage.say("media.full", most=str(MOST_MEDIA))
        return
    spoken = kept.kind in RECORDINGS
    told = bool(stage.draft.parts) or spoken
    if step in ("kind", "story"):
        stage.answered("kind")
        if told:
            stage.say("media.spoken" if spoken else "media.taken")
            _story_is_told(stage)
            return
    if album and not spoken:
        stage.asked = True  # one answer to an album; its question stands above
    elif step not in ("kind", "story"):
        unheard = spoken and step not in ("service", "confirm")
        stage.say("media.unheard" if unheard else "media.added")
        if unheard:
            _count_failure(stage)


def _story_is_told(stage: Stage) -> None:
    """What was only spoken tells nobody yet what it is about: whoever hears it decides, and not a list that
    the one who spoke may not be able to read."""
    if stage.draft.text:
        stage.answered("story")
    else:
        stage.answered("story", "service", service=None)


def _keep_for_draft(stage: Stage, inbound: Inbound) -> Attachment | None:
    """The file, put to the draft with its caption; None where the draft has as many as it takes."""
    tell(stage, inbound)
    if len(stage.draft.media) >= MOST_MEDIA:
        return None
    kept = keep(stage, inbound)
    stage.attach([kept])
    return kept


def _count_failure(stage: Stage) -> None:
    """A spoken answer is kept and answers nothing: whoever cannot write is not asked for ever."""
    stage.set(failures=stage.conversation.failures + 1)
    if stage.conversation.failures >= PATIENCE:
        stage.set(failures=PATIENCE - 1)
        fail(stage)


def _is_spoken(stage: Stage) -> bool:
    return any(one.kind in RECORDINGS for one in stage.draft.media)


def _corrects(stage: Stage, text: str) -> bool:
    """Whether he says what is wrong of what he has answered; then that is asked again."""
    step = stage.draft.step
    wrong = stage.words.correction(text) if step in _ANSWERS else None
    if wrong is not None and wrong in (*stage.draft.done, "media", "phone") and wrong not in (step, "story"):
        correct(stage, wrong)
        return True
    return wrong == step


def _only_greets(stage: Stage, text: str) -> bool:
    words = stage.words
    return words.only_greets(text) if stage.draft.step == "name" else words.is_greeting(text)
