"""How fast a provider is called: at once while it answers, in growing pauses with one probe while not.

So a provider that is down for an hour costs a few attempts, not one for every waiting message.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from services.notify.core.outcomes import Outcome

STRIKES = 3
"""Failures in a row, none of them the message's own, before the provider counts as down."""
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 30.0


@dataclass
class Pace:
    """`resumes_at`: no call before then."""

    strikes: int = 0
    pauses: int = 0
    resumes_at: datetime | None = None

    def slots(self, now: datetime, most: int) -> int:
        """How many calls may be under way at `now`."""
        if self.resumes_at is not None and now < self.resumes_at:
            return 0
        return 1 if self.pauses else most

    def note(self, outcome: Outcome, now: datetime, chance: float) -> None:
        """Learn from a call that ended at `now`; `chance` in [0, 1) spreads processes apart."""
        if not outcome.whole_provider:
            if outcome.kind != "unknown":
                self.strikes, self.pauses, self.resumes_at = 0, 0, None
            return
        self.strikes += 1
        asked = outcome.retry_after or 0.0
        if self.strikes < STRIKES and not asked:
            return
        if self.resumes_at is not None and now < self.resumes_at:
            # one of the calls that were under way when the pause began; it says nothing new
            pause = 0.0
        else:
            self.pauses += 1
            longest = min(
                LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** min(self.pauses - 1, 10)
            )
            pause = longest * (0.5 + 0.5 * chance)
        until = now + timedelta(seconds=max(pause, asked))
        self.resumes_at = max(until, self.resumes_at or until)
