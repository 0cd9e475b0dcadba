"""The table of cases with its totals and links, as the list's page and the fragment show it."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from services.desk import rendering
from services.desk.core import view
from services.desk.handlers.desk import Page, Seat
from services.desk.rendering import Renderer
from services.kernel.domain.directory import Language


def values(
    renderer: Renderer,
    request: Request,
    seat: Seat,
    found: Page,
    unwritten: int,
    language: Language,
) -> dict[str, Any]:
    """What `_cases.html` is filled with. `unwritten`: recordings that wait for this person to write them
    down. `digest` tells one table from another, and `poll` asks for the next one."""
    asked, chosen = rendering.asked(request), rendering.chosen(request)
    due = renderer.texts.due
    items = [
        {
            **view.short(row, seat.actor, seat.directory, found.now),
            "due": due(row.deadline, found.now, language),
        }
        for row in found.rows
    ]
    filled: dict[str, Any] = {
        "items_": items,
        "totals": found.totals,
        "unwritten": unwritten,
        "unwritten_link": rendering.address("/", {}, state="all", unwritten="true"),
        "local": rendering.local(seat.directory),
        "chosen": chosen,
        "state_links": {
            state: rendering.address("/", chosen, state=state) for state in found.totals.by_state
        },
        "overdue_link": rendering.address("/", chosen, overdue="true"),
        "next_link": rendering.address("/", chosen, cursor=found.next_cursor)
        if found.next_cursor
        else "",
        "first_link": rendering.address("/", chosen) if "cursor" in asked else "",
        "poll": "",
        "digest": "",
    }
    filled["digest"] = rendering.digest(renderer.text(request, "_cases.html", language, **filled))
    filled["poll"] = rendering.address("/fragments/cases", asked, seen=filled["digest"])
    return filled
