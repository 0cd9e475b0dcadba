"""The words of the desk by key, in each language. They lie in data/texts.yaml."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from services.kernel.domain.directory import Language, Text

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

    def due(self, deadline: datetime | None, now: datetime, language: Language) -> str:
        """How long is left, or how long it is over, in words of one unit."""
        if deadline is None:
            return self.say("due.none", language)
        late = deadline < now
        span = abs(deadline - now)
        if span < _HOUR:
            unit, count = "minutes", max(1, span // _MINUTE)
        elif span < 2 * _DAY:
            unit, count = "hours", span // _HOUR
        else:
            unit, count = "days", span // _DAY
        return self.say(f"due.{'over' if late else 'in'}_{unit}", language, count=count)
