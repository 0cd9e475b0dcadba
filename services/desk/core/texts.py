"""The words of the desk by key, in each language. They lie in data/texts.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.kernel.domain.directory import Language, Text
from services.kernel.domain.errors import IllegalAction, Refused

_MINUTE, _HOUR, _DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


class Texts:
    """`texts` maps `group.key` to a text, which may have places to fill in."""

    def __init__(self, texts: Mapping[str, Text]) -> None:
        self._texts = texts

    def __contains__(self, key: str) -> bool:
        return key in self._texts

    def say(self, key: str, language: Language, **values: Any) -> str:
        """Raises KeyError for a key that the file has not."""
        return self._texts[key].say(language).format(**values)

    def refused(self, error: Refused, language: Language) -> str:
        """Why something was not done: the text of the error's code and field, or of its code alone.

        An error's own reason is written in English for who calls the API. It is the last resort, and
        only for readers of English.
        """
        for key in (f"refused.{error.code}_{error.field}", f"refused.{error.code}"):
            if key in self:
                return self.say(key, language, **self._values(error, language))
        other = self.say("refused.other", language)
        if language != "en":
            return other
        return f"{other} ({error.field}: {error.reason})" if error.field else error.reason

    def _values(self, error: Refused, language: Language) -> dict[str, str]:
        if not isinstance(error, IllegalAction):
            return {}
        return {
            "action": self.say(f"action.{error.action}", language),
            "state": self.say(f"state.{error.state}", language),
        }

    def due(self, deadline: datetime | None, now: datetime, language: Language) -> str:
        """How long is left, or how long it is over, in words of one unit."""
        if deadline is None:
            return self.say("due.none", language)
        unit, count = _measured(abs(deadline - now))
        late = "over" if deadline < now else "in"
        return self.say(f"due.{late}_{unit}", language, count=count)

    def over(self, deadline: datetime, now: datetime, language: Language) -> str:
        """How long it is over, the length alone; nothing where it is not."""
        if deadline >= now:
            return ""
        unit, count = _measured(now - deadline)
        return self.say(f"digest.over_{unit}", language, count=count)


def _measured(span: timedelta) -> tuple[str, int]:
    """The unit that says enough, and how many of it."""
    if span < _HOUR:
        return "minutes", max(1, span // _MINUTE)
    if span < 2 * _DAY:
        return "hours", span // _HOUR
    return "days", span // _DAY
