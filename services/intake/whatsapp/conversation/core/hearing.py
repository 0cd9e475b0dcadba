"""What somebody says in his own words, a photo, a pin: to whatever is being talked about. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

from services.intake.following import Followed, can
from services.intake.whatsapp.conversation.core import cases, talk
from services.intake.whatsapp.conversation.core.card import Confirm
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    At,
    Attachment,
    CitizenAct,
    Part,
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
    name_in,
    number_in,
    tell,
)
from services.intake.whatsapp.conversation.core.stage import Stage
from services.intake.whatsapp.conversation.core.understanding import says_something
from services.kernel.domain import danger
from services.kernel.domain.filing import comparable
from services.kernel.domain.media import MOST_MEDIA, media_id

QUESTIONS: Mapping[Step, Question] = {
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
ALBUM = timedelta(seconds=20)
"""Photos that come so soon after one another are one album, and acknowledged once."""
STORY_WORDS = 3


def hear(stage: Stage, inbound: Inbound) -> None:
    """What is being talked about takes the message."""
    _HEARS[stage.conversation.at](stage, inbound)


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
    question = next((q for name, q in QUESTIONS.items() if name == step), None)
    if step == "confirm" and value == "yes" and stage.draft.step != "confirm":
        stage.go("draft")  # a card of before the last correction: what is open is asked first
        return
    if stage.conversation.at != "draft":
        stage.go("draft")
    if question is None or not question.choose(stage, value):
        fail(stage)


def home(stage: Stage) -> None:
    """Back to the draft in hand, where there is one."""
    stage.go("draft" if stage.conversation.draft is not None else "idle", ticket=None, purpose=None)


def again(stage: Stage, pending: Inbound) -> None:
    """A message that had to wait is heard now."""
    hear(stage, pending)


def is_story(stage: Stage, inbound: Inbound) -> bool:
    if inbound.media is not None or inbound.location is not None:
        return True
    words = stage.words
    return (
        inbound.sort == "text"
        and says_something(inbound.text)
        and not words.is_greeting(inbound.text)
        and words.command(inbound.text) is None
    )


def fail(stage: Stage) -> None:
    """It was no answer. After two a person is offered, so that nobody goes round in circles."""
    failures = stage.conversation.failures + 1
    stage.set(failures=failures)
    other = stage.inbound is not None and stage.inbound.sort in ("other", "contact")
    if failures >= PATIENCE:
        shown = [stage.option("menu.human", "menu.human"), stage.option("menu.back", "stuck.retry")]
        stage.ask("stuck", shown, call_centre=stage.world.directory.call_centre.phone)
        return
    stage.say("other" if other else "not_understood")
    if stage.conversation.at != "draft" and stage.conversation.offered:
        stage.ask("choose.again", stage.conversation.offered)


# ------------------------------------------------------------------ nothing is open


def _idle(stage: Stage, inbound: Inbound) -> None:
    followed = _answered_case(stage, inbound)
    if followed is not None:
        about(stage, followed, inbound)
    elif inbound.media is not None or inbound.location is not None:
        _new_or_answer(stage, inbound)
    elif inbound.sort != "text":
        stage.say("other")
        talk.menu(stage)
    elif stage.words.is_greeting(inbound.text):
        talk.welcome(stage)
    elif _is_verdict(stage, inbound):
        return
    elif stage.words.is_abuse(inbound.text):
        stage.say("abuse", call_centre=stage.world.directory.call_centre.phone)
    elif _tells(stage, inbound.text):
        _new_or_answer(stage, inbound)
    elif stage.conversation.last_at is None:
        talk.welcome(stage)
    else:
        stage.set(failures=stage.conversation.failures + 1)
        if stage.conversation.failures >= PATIENCE:
            stage.set(failures=PATIENCE - 1)
            fail(stage)
        else:
            stage.say("not_understood")
            stage.ask("menu.ask", talk.menu_options(stage))


def _answered_case(stage: Stage, inbound: Inbound) -> Followed | None:
    """The case that the message before was about, where he answers that one."""
    if inbound.replies_to is None:
        return None
    told = dict(stage.conversation.told)
    return stage.world.case(told.get(inbound.replies_to))


def _tells(stage: Stage, text: str) -> bool:
    """Whether words tell something, rather than try out what happens."""
    if not says_something(text):
        return False
    return (
        len(text.split()) >= STORY_WORDS
        or bool(stage.world.suggest(comparable(text), "complaint"))
        or bool(danger.find(text))
    )


def _is_verdict(stage: Stage, inbound: Inbound) -> bool:
    """Yes or no, or 1 or 2, as the message asks for that says that a case is resolved."""
    text = inbound.text
    meant = stage.words.answer(text)
    if meant not in ("yes", "no"):
        number = stage.words.number(text)
        meant = {1: "yes", 2: "no"}.get(number or 0)
    if meant is None:
        return False
    resolved = [one for one in stage.world.cases if one.state == "resolved"]
    what = "confirm" if meant == "yes" else "unsatisfied"
    if len(resolved) == 1:
        cases.begin(stage, resolved[0], what)
    elif resolved:
        cases.pick(stage, resolved, what, "cases.which")
    return bool(resolved)


def _new_or_answer(stage: Stage, inbound: Inbound) -> None:
    """A new story, unless an officer waits for an answer: then he says which of the two it is."""
    asked = [one for one in stage.world.cases if one.state == "awaiting_citizen"]
    if not asked:
        new_story(stage, inbound)
        return
    stage.set(pending=inbound)
    cases.pick(stage, asked, "answer", "answer.which")


def new_story(stage: Stage, inbound: Inbound) -> None:
    """Begin a case with what was sent."""
    if not talk.begin_new(stage):
        stage.set(pending=inbound)
        return
    talk.new_draft(stage)
    stage.answered("kind", kind=stage.words.kind_of(inbound.text))
    if stage.conversation.draft is not None and not stage.draft.warned:
        stage.change(warned=bool(danger.find(inbound.text)))
    if inbound.location is not None:
        stage.change(lat=inbound.location.lat, lng=inbound.location.lng)
        words = " ".join(inbound.location.words.split())[:100]
        stage.change(village_text=words or None)
        stage.say("pin.first")
        return
    _draft(stage, inbound)


# ------------------------------------------------------------------ a draft


def _draft(stage: Stage, inbound: Inbound) -> None:
    if inbound.media is not None:
        _attached(stage, inbound)
    elif not QUESTIONS[stage.draft.step].hear(stage, inbound):
        fail(stage)


def _attached(stage: Stage, inbound: Inbound) -> None:
    """Photos, recordings and films belong to the draft whenever they come; at the story they are it."""
    step = stage.draft.step
    soon = stage.conversation.asked_at is not None and bool(stage.draft.media)
    album = soon and stage.world.now - (stage.conversation.asked_at or stage.world.now) < ALBUM
    if len(stage.draft.media) >= MOST_MEDIA:
        stage.say("media.full", most=str(MOST_MEDIA))
        return
    kept = keep(stage, inbound)
    stage.attach([kept])
    words = tell(stage, inbound)
    spoken = kept.kind in ("audio", "video")
    if step in ("kind", "story"):
        if words or spoken:
            stage.say("media.spoken" if spoken else "media.taken")
            stage.answered("kind", "story")
            return
        stage.answered("kind")
    if album:
        stage.asked = True  # one answer to an album; its question stands above
        return
    if step not in ("kind", "story"):
        stage.say("media.added")


def keep(stage: Stage, inbound: Inbound) -> Attachment:
    """Have the file of a message fetched and kept."""
    media = inbound.media
    assert media is not None
    id_ = media_id(inbound.id)
    stage.wanted.append(Wanted(id_, media))
    return Attachment(inbound.id, id_, media.kind, media.voice)


def _behalf(stage: Stage, inbound: Inbound) -> None:
    name = name_in(inbound)
    if name is None or stage.conversation.draft is None:
        fail(stage)
        return
    stage.change(on_behalf_of=name)
    stage.go("draft")


# ------------------------------------------------------------------ a case


def about(stage: Stage, followed: Followed, inbound: Inbound) -> None:
    """Words or a photo about one case: the answer that is waited for, what he thinks of its end, or more."""
    may = can(followed, stage.world.directory, stage.world.now)
    meant = stage.words.answer(inbound.text) if inbound.sort == "text" else None
    if "answer" in may:
        answer_question(stage, followed, inbound)
    elif "confirm" in may and meant in ("yes", "no"):
        cases.begin(stage, followed, "confirm" if meant == "yes" else "unsatisfied")
    elif "attach" in may and "confirm" not in may and _has_content(inbound):
        stage.set(ticket=followed.ticket)
        _act_with_words(stage, followed.ticket, inbound, "attach")
    else:
        cases.show(stage, followed)


def answer_question(stage: Stage, followed: Followed, inbound: Inbound) -> None:
    if not _has_content(inbound):
        fail(stage)
        return
    _act_with_words(stage, followed.ticket, inbound, "answer")


def _case(stage: Stage, inbound: Inbound) -> None:
    """Words while a case is looked at: more about it, or something new; he says which."""
    followed = stage.world.case(stage.conversation.ticket)
    stage.go("draft" if stage.conversation.draft is not None else "idle")
    if followed is None or not _has_content(inbound) or stage.words.is_greeting(inbound.text):
        _idle(stage, inbound)
        return
    may = can(followed, stage.world.directory, stage.world.now)
    if not may & {"attach", "answer"} or not is_story(stage, inbound):
        _idle(stage, inbound)
        return
    stage.set(pending=inbound)
    cases.pick(stage, [followed], "answer", "answer.which")


def _answer(stage: Stage, inbound: Inbound) -> None:
    _with_words(stage, inbound, "answer")


def _reason(stage: Stage, inbound: Inbound) -> None:
    _with_words(stage, inbound, "reopen")


def _add(stage: Stage, inbound: Inbound) -> None:
    _with_words(stage, inbound, "attach")


def _with_words(stage: Stage, inbound: Inbound, action: str) -> None:
    ticket = stage.conversation.ticket
    if ticket is None or not _has_content(inbound):
        fail(stage)
        return
    _act_with_words(stage, ticket, inbound, action)


def _act_with_words(stage: Stage, ticket: str, inbound: Inbound, action: str) -> None:
    """An act with what was sent; a recording is the words that are typed down later."""
    words = inbound.text.strip()[: cases.MOST_WORDS] or None
    if inbound.location is not None:
        pin = inbound.location
        words = stage.text("said.pin", lat=f"{pin.lat:.5f}", lng=f"{pin.lng:.5f}", words=pin.words)
    media = (keep(stage, inbound).id,) if inbound.media is not None else ()
    if action == "attach":
        cases.act(stage, ticket, CitizenAct("attach", words=words, media=media))
        return
    spoken = CitizenAct(action, words=words or stage.text("said.media"))
    acts = [CitizenAct("attach", media=media)] if media else []
    # attaching comes first where the answer moves the case on, last where it is opened again
    both = [spoken, *acts] if action == "reopen" else [*acts, spoken]
    cases.act(stage, ticket, *both)


def _has_content(inbound: Inbound) -> bool:
    return (
        inbound.media is not None
        or inbound.location is not None
        or (inbound.sort == "text" and bool(inbound.text.strip()))
    )


def _call_phone(stage: Stage, inbound: Inbound) -> None:
    number = number_in(inbound)
    if number is None:
        fail(stage)
        return
    talk.call_him(stage, number)
    home(stage)


def _rating(stage: Stage, inbound: Inbound) -> None:
    """Whoever does not rate says what he has to say."""
    home(stage)
    hear(stage, inbound)


def _chosen(stage: Stage, inbound: Inbound) -> None:
    """Something was to be chosen, and this is none of it."""
    fail(stage)


def _pick(stage: Stage, inbound: Inbound) -> None:
    """Words in place of a choice: a new story; another answer to the officer, where one is waited for."""
    if stage.conversation.purpose != "answer" and is_story(stage, inbound):
        home(stage)
        hear(stage, inbound)
    else:
        fail(stage)


# ------------------------------------------------------------------ a message is changed


def corrected(stage: Stage, inbound: Inbound) -> None:
    """An edit or a revocation of a message, found again by its id: in the draft, or in what was filed."""
    draft = stage.conversation.draft
    if draft is not None and any(part.message == inbound.about for part in draft.parts):
        _correct_draft(stage, inbound)
        return
    if draft is not None and any(one.message == inbound.about for one in draft.media):
        if inbound.sort == "revoked":
            kept = tuple(one for one in draft.media if one.message != inbound.about)
            stage.change(media=kept)
            if not kept and not draft.parts:
                stage.asked_again("story")
            stage.say("revoked.taken")
        return
    ticket = dict(stage.conversation.told).get(inbound.about or "")
    followed = stage.world.case(ticket) if ticket is not None else None
    if followed is None:
        stage.asked = True  # of what was said in passing nothing has to be put right
        return
    number = cases.number_of(stage, followed)
    may = can(followed, stage.world.directory, stage.world.now)
    if inbound.sort == "revoked":
        stage.say("revoked.filed", number=number)
    elif "attach" in may and inbound.text.strip():
        words = stage.text("said.edited", words=inbound.text.strip()[: cases.MOST_WORDS])
        cases.act(stage, followed.ticket, CitizenAct("attach", words=words))
    else:
        stage.say("edited.late", number=number)


def _correct_draft(stage: Stage, inbound: Inbound) -> None:
    words = inbound.text.strip() if inbound.sort == "edited" else ""
    parts = tuple(
        Part(part.message, words) if part.message == inbound.about else part
        for part in stage.draft.parts
    )
    stage.change(parts=tuple(part for part in parts if part.text))
    if not stage.draft.parts and not stage.draft.media:
        stage.asked_again("story")
    stage.say("edited.taken" if words else "revoked.taken")


_HEARS: Mapping[At, Callable[[Stage, Inbound], None]] = {
    "idle": _idle,
    "draft": _draft,
    "behalf": _behalf,
    "correct": _chosen,
    "cancel": _chosen,
    "park": _chosen,
    "resume": _chosen,
    "pick": _pick,
    "case": _case,
    "answer": _answer,
    "reason": _reason,
    "rating": _rating,
    "withdraw": _chosen,
    "add": _add,
    "call": _chosen,
    "call_phone": _call_phone,
}
