"""The stand-ins' page: every message as its recipient sees it. Works without scripts, renews itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.standins.journal import Journal, Taken

HERE = Path(__file__).resolve().parent
ZONE = ZoneInfo("Asia/Kolkata")
SHOWN = 200
OTHER = {"hi": "en", "en": "hi"}


class Page:
    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = yaml.safe_load(
            (HERE / "data" / "texts.yaml").read_text(encoding="utf-8")
        )
        environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
        )
        self._template = environment.get_template("messages.html")

    def render(self, journal: Journal, *, lang: str, group: str, to: str) -> str:
        """`lang` hi or en; `group` "phone" or anything else for by time; `to` empty for every phone."""
        lang = lang if lang in OTHER else "hi"
        found = [taken for taken, _ in zip(journal.find(to=to), range(SHOWN), strict=False)]
        doubled, _ = journal.duplicates()
        here = {"lang": lang, "group": group, "to": to}

        def link(**changes: str) -> str:
            return urlencode({k: v for k, v in {**here, **changes}.items() if v})

        return self._template.render(
            lang=lang,
            other=OTHER[lang],
            to=to,
            groups=_groups(found, by_phone=group == "phone"),
            count=len(found),
            doubled=doubled,
            say=lambda key: self._texts[key][lang],
            link=link,
            local=_local,
        )


def _groups(found: Sequence[Taken], *, by_phone: bool) -> list[tuple[str, list[Taken]]]:
    if not by_phone:
        return [("", list(found))] if found else []
    groups: dict[str, list[Taken]] = {}
    for taken in found:
        groups.setdefault(taken.to, []).append(taken)
    return list(groups.items())


def _local(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%d-%m-%Y %H:%M:%S")
