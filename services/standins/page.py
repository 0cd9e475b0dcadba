"""The stand-ins' pages: every message as its recipient sees it. They work without scripts; the inbox renews
itself unless it is told to keep still."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

import yaml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.standins.journal import Journal, Taken

HERE = Path(__file__).resolve().parent
ZONE = ZoneInfo("Asia/Kolkata")
SHOWN = 200
OTHER = {"hi": "en", "en": "hi"}
TICKS = {"sent": "✓", "delivered": "✓✓", "read": "✓✓"}
Shown = tuple[Taken, int]
"""A message, and how often its phone got it."""


class Page:
    def __init__(self) -> None:
        self._texts: dict[str, dict[str, str]] = yaml.safe_load(
            (HERE / "data" / "texts.yaml").read_text(encoding="utf-8")
        )
        self._environment = Environment(
            loader=FileSystemLoader(HERE / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    def inbox(
        self, journal: Journal, *, lang: str, group: str, to: str, only: str, still: str
    ) -> str:
        """`lang` hi or en; `group` "phone" or anything else for by time; `to` empty for everybody; `only`
        "doubled" for what came more often than once; `still` anything to stay as it is."""
        lang = lang if lang in OTHER else "hi"
        all_of_them = ((taken, journal.times(taken)) for taken in journal.find(to=to))
        wanted = (shown for shown in all_of_them if only != "doubled" or shown[1] > 1)
        found = list(islice(wanted, SHOWN))
        doubled, _ = journal.duplicates()
        here = {"lang": lang, "group": group, "to": to, "only": only, "still": still}
        return self._environment.get_template("inbox.html").render(
            **self._words(lang, here),
            **here,
            groups=_groups(found, by_phone=group == "phone"),
            count=len(found),
            doubled=doubled,
            ticks=TICKS,
        )

    def mail(self, taken: Taken, *, lang: str) -> str:
        """One e-mail with its HTML, shown where it can do nothing."""
        lang = lang if lang in OTHER else "hi"
        return self._environment.get_template("mail.html").render(
            **self._words(lang, {"lang": lang}), lang=lang, mail=taken
        )

    def phone(self, *, lang: str, data: str) -> str:
        """The simulator; `data` is what its script needs, as JSON."""
        words = self._words(lang, {"lang": lang})
        return self._environment.get_template("phone.html").render(**words, lang=lang, data=data)

    def texts(self, prefix: str, lang: str) -> dict[str, str]:
        """Those whose names begin so, by the rest of it."""
        return {
            name.removeprefix(prefix): text[lang]
            for name, text in self._texts.items()
            if name.startswith(prefix)
        }

    def _words(self, lang: str, here: dict[str, str]) -> dict[str, Any]:
        def link(**changes: str) -> str:
            return urlencode({k: v for k, v in {**here, **changes}.items() if v})

        def say(key: str) -> str:
            return self._texts[key][lang]

        def phone(address: str) -> str:
            """The query of the simulator, with this person's phone if it is one's."""
            number = address.removeprefix("+")
            name = "number" if number.isdigit() else "user" if number and "@" not in number else ""
            return urlencode({"lang": here["lang"], **({name: number} if name else {})})

        words: dict[str, str | Callable[..., str]] = {
            "other": OTHER[lang],
            "say": say,
            "link": link,
            "phone": phone,
            "local": _local,
            "shown": _shown,
        }
        return words


def _groups(found: Sequence[Shown], *, by_phone: bool) -> list[tuple[str, list[Shown]]]:
    if not by_phone:
        return [("", list(found))] if found else []
    groups: dict[str, list[Shown]] = {}
    for taken, times in found:
        groups.setdefault(taken.to, []).append((taken, times))
    return list(groups.items())


def _shown(address: str) -> str:
    return f"+{address}" if address.isdigit() else address


def _local(at: datetime) -> str:
    return at.astimezone(ZONE).strftime("%d-%m-%Y %H:%M:%S")
