"""Errors as verbs: what the one who meets an error is to do about it.

`Retry` and `Reject` are what a consumer may answer for a record (see `adapters/guard.py`); `Refused`
and its kinds are answers to a person and carry everything that the answer needs, as plain values.
"""

from __future__ import annotations


class SamvadError(Exception):
    """The root of all errors that this package raises on purpose."""


class Retry(SamvadError):
    """A dependency is down or lags: nothing is wrong with the record, so keep it and try again."""


class Reject(SamvadError):
    """The record itself can never be handled (poison): set it aside, with `reason`, and go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Refused(SamvadError):
    """A person's request that is not carried out. `code` is stable and finds the text in data files."""

    code = "refused"

    def __init__(self, reason: str, *, field: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.field = field


class Invalid(Refused):
    """A value is wrong; `field` names it."""

    code = "invalid"


class Unknown(Refused):
    """There is no such thing, or the asker may not know that there is."""

    code = "unknown"


class Unauthenticated(Refused):
    """Nobody is known to be asking: no token, or one that is not valid (any more)."""

    code = "unauthenticated"


class Forbidden(Refused):
    """The asker's role does not carry this act."""

    code = "forbidden"


class Conflict(Refused):
    """The state of things forbids it now; the fresh state is told so that the asker can go on."""

    code = "conflict"


class IllegalAction(Conflict):
    """The lifecycle does not allow `action` in `state`; `allowed` lists what it does allow the asker."""

    code = "illegal_action"

    def __init__(self, state: str, action: str, allowed: tuple[str, ...]) -> None:
        super().__init__(f"{action} is not allowed in state {state}")
        self.state = state
        self.action = action
        self.allowed = allowed


class StaleVersion(Conflict):
    """Somebody else was first: the case is at `version` now, not at the version that was expected."""

    code = "stale_version"

    def __init__(self, expected: int, version: int) -> None:
        super().__init__(f"expected version {expected}, but the case is at {version}")
        self.expected = expected
        self.version = version


class KeyReused(Conflict):
    """The idempotency key was used before, for another body."""

    code = "idempotency_key_reused"


class Unavailable(Retry):
    """A named dependency is down. A consumer tries again; over HTTP: 503, `retry_after` in seconds."""

    def __init__(self, what: str, retry_after: int = 5) -> None:
        super().__init__(f"{what} is unavailable")
        self.what = what
        self.retry_after = retry_after
