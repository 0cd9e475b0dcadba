"""After filing: how a case stands, and what its citizen may do with it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from services.intake.following import Followed, can, question, resolution
from services.intake.whatsapp.conversation.core.inbound import Inbound
from services.intake.whatsapp.conversation.core.model import (
    Acted,
    Acts,
    CitizenAct,
    Fallback,
    NotActed,
    Option,
)
from services.intake.whatsapp.conversation.core.stage import Stage
from services.kernel.domain import tickets
from services.kernel.domain.whatsapp_limits import cut

_MEANS = {"confirm": ("yes", "right", "done"), "unsatisfied": ("no", "undone")}
MOST_LISTED = 9
MOST_WORDS = 1000
"""Characters of a reason or an answer."""
MOST_SAID = 250
STARS = {1: "awful", 2: "poor", 3: "fair", 4: "good", 5: "superb"}
"""With what is said for them; in this order, so that a typed number means as many stars."""
_ORDER = ("answer", "confirm", "unsatisfied", "reopen", "attach", "remind", "rate", "withdraw")
"""What is offered for a case, the likeliest wish first."""
_TEMPLATES = {
    "confirm": "citizen_confirmed",
    "reopen": "citizen_reopened",
    "withdraw": "citizen_withdrawn",
}
"""What is said of an act outside the provider's 24 hours: its event's rule leaves it to us."""


def offer(stage: Stage, followed: Followed) -> list[Option]:
    """What he may do with the case now."""
    may = set(can(followed, stage.world.directory, stage.world.now))
    if "confirm" in may:
        may |= {"unsatisfied"}
        may -= {"reopen", "rate"}
    if "answer" in may:
        may -= {"attach"}
    return [
        stage.option(f"case.{followed.ticket}.{what}", f"case.{what}", *_MEANS.get(what, ()))
        for what in _ORDER
        if what in may
    ]


def show(stage: Stage, followed: Followed, pending: Sequence[Inbound] = ()) -> None:
    """How it stands, with what can be done, also with what was sent about it (`pending`)."""
    stage.go("case", ticket=followed.ticket, pending=tuple(pending))
    if pending:
        otherwise = stage.option("pick.new", "pick.new")
    elif stage.conversation.draft is not None:
        otherwise = stage.option("menu.continue", "menu.continue")
    else:
        otherwise = stage.option("menu.menu", "menu.other")
    shown = [*offer(stage, followed), otherwise]
    stage.put(describe(stage, followed), shown, list_key="case.list")


def describe(stage: Stage, followed: Followed) -> str:
    language, now = stage.conversation.language, stage.world.now
    case, directory = followed.case, stage.world.directory
    service = directory.service_by_id.get((case.service if case else None) or "")
    department = directory.department_by_id.get((case.department if case else None) or "")
    lines = [stage.text("status.head", number=number_of(stage, followed))]
    if service is not None:
        lines.append(service.name.say(language))
    lines.append(stage.text(f"state.{followed.state}"))
    if department is not None and case is not None and case.open:
        lines.append(stage.text("status.department", department=department.name.say(language)))
    lines.append(stage.text("status.filed", at=_instant(stage, followed.filed_at)))
    if followed.deadline is not None and case is not None and case.open:
        late = "status.overdue" if now > followed.deadline else "status.deadline"
        lines.append(stage.text(late, at=_instant(stage, followed.deadline)))
    asked = question(followed, language)
    if asked:
        lines.append(stage.text("status.question", words=cut(asked, MOST_SAID)))
    done = resolution(followed, language)
    if done:
        lines.append(stage.text("status.resolution", words=cut(done, MOST_SAID)))
    if followed.state == "resolved" and followed.closes_at is not None:
        lines.append(stage.text("status.closes", at=_instant(stage, followed.closes_at)))
    return "\n".join(lines)


def is_asked(stage: Stage) -> bool:
    """Whether an officer waits for an answer."""
    return any(one.state == "awaiting_citizen" for one in stage.world.cases)


def pick(
    stage: Stage,
    cases: Sequence[Followed],
    purpose: str,
    key: str,
    pending: Sequence[Inbound] = (),
) -> None:
    """Which of several is meant. The cases of one phone may be several people's: each has its name.
    `pending`: what was sent and waits for it."""
    stage.go("pick", purpose=purpose, pending=tuple(pending))
    language = stage.conversation.language
    shown = []
    for followed in cases[:MOST_LISTED]:
        case = followed.case
        service = stage.world.directory.service_by_id.get((case.service if case else None) or "")
        said = [
            (case.on_behalf_of or case.name) if case else None,
            service.name.say(language) if service else None,
            stage.text(f"short.{followed.state}"),
        ]
        shown.append(
            Option(
                f"pick.{followed.ticket}",
                number_of(stage, followed),
                " · ".join(part for part in said if part),
                ("yes", "right") if len(cases) == 1 else (),
            )
        )
    if purpose == "answer":
        shown = shown[: MOST_LISTED - 1]
        if stage.conversation.draft is not None:
            shown.append(stage.option("pick.draft", "pick.draft"))
        shown.append(stage.option("pick.new", "pick.new", "no"))
    elif len(cases) <= MOST_LISTED:
        shown.append(stage.option("menu.menu", "menu.other"))
    stage.ask(key, shown, list_key="cases.open")


def begin(stage: Stage, followed: Followed, what: str) -> bool:
    """Take up one of the things that `offer` names. Whether it can be."""
    ticket = followed.ticket
    may = can(followed, stage.world.directory, stage.world.now)
    needed = {"unsatisfied": "reopen"}.get(what, what)
    if needed not in may:
        show(stage, followed)
        return True
    number = number_of(stage, followed)
    back = stage.option("menu.back", "back")
    if what in ("confirm", "remind"):
        act(stage, ticket, CitizenAct(what))
    elif what in ("unsatisfied", "reopen"):
        stage.go("reason", ticket=ticket)
        stage.ask("reason.ask", [back], number=number)
    elif what == "answer":
        stage.go("answer", ticket=ticket)
        asked = question(followed, stage.conversation.language) or ""
        stage.ask("answer.ask", [back], number=number, words=cut(asked, 2 * MOST_SAID))
    elif what == "attach":
        stage.go("add", ticket=ticket)
        stage.ask("add.ask", [back], number=number)
    elif what == "rate":
        rate(stage, ticket)
    elif what == "withdraw":
        stage.go("withdraw", ticket=ticket)
        stage.ask(
            "withdraw.ask",
            [
                stage.option(f"withdraw.{ticket}.yes", "withdraw.yes", "done", "go"),
                stage.option(f"withdraw.{ticket}.no", "withdraw.no"),
            ],
            number=number,
        )
    else:
        return False
    return True


def rate(stage: Stage, ticket: str) -> None:
    stage.go("rating", ticket=ticket)
    stage.ask(
        "rating.ask",
        [
            *(
                Option(f"rating.{ticket}.{stars}", "⭐" * stars, stage.text(f"rating.{stars}"), (said,))
                for stars, said in STARS.items()
            ),
            stage.option("menu.back", "rating.skip"),
        ],
        list_key="rating.open",
    )


def act(stage: Stage, ticket: str, *acts: CitizenAct) -> None:
    assert stage.inbound is not None
    stage.effect = Acts(ticket, stage.inbound.id, acts)


def say_done(stage: Stage, done: Acted) -> None:
    """What came of it, as far as he is not told by anybody else."""
    action = main_act(done)
    followed = done.followed
    number = number_of(stage, followed)
    template = _TEMPLATES.get(action)
    fallback = None
    if template is not None:
        local = stage.world.now.astimezone(ZoneInfo(stage.world.directory.zone))
        values = {
            "ticket": number,
            "at": local.strftime("%d-%m-%Y %H:%M"),
            "call_centre": stage.world.directory.call_centre.phone,
        }
        fallback = Fallback(template, values)
    key = "done.media" if action == "attach" and done.acts[0].media else f"done.{action}"
    stage.say(key, fallback=fallback, number=number)


def main_act(done: Acted) -> str:
    """What he did, beside which he may have sent files."""
    return next((one.action for one in done.acts if one.action != "attach"), "attach")


def say_refused(stage: Stage, refused: NotActed) -> None:
    """Somebody was quicker, or it is too late: the case as it is now. His words are kept with it if that
    can be."""
    followed = refused.followed
    may = can(followed, stage.world.directory, stage.world.now) if followed is not None else ()
    spoken = [one for one in refused.acts if one.action in ("answer", "reopen") and one.words]
    if spoken and "attach" in may:
        kept = CitizenAct(
            "attach",
            words=spoken[0].words,
            media=tuple(id_ for one in refused.acts for id_ in one.media),
            recordings=tuple(id_ for one in refused.acts for id_ in one.recordings),
        )
        act(stage, refused.ticket, kept)
        return
    stage.say("refused")
    if followed is not None:
        show(stage, followed)


def number_of(stage: Stage, followed: Followed) -> str:
    directory = stage.world.directory
    if followed.district == directory.id:
        return tickets.show(directory.code, followed.ticket)
    return followed.ticket


def _instant(stage: Stage, at: datetime) -> str:
    return stage.voice.instant(at, stage.world.directory.zone, stage.conversation.tongue)
