"""What every event has, and what events are made of; `events.py` has them all."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.kernel.domain.lifecycle_table import Role

Room = Literal["intake", "case", "sla", "notices"]


class Model(BaseModel):
    """Immutable; unknown fields are ignored: an older reader takes a newer writer's event."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Sealed(Model):
    """AES-256-GCM ciphertext under the case's own key; base64. The key is never in an event."""

    v: Literal[1] = 1
    nonce: str
    data: str


class By(Model):
    """Who did it: a role and an opaque id (an officer's, an operator's; none for citizen, rule)."""

    role: Role
    id: str | None = None


class Place(Model):
    """Ids of the directory. Landmark, position and an unmatched village are in the envelope."""

    block: str | None = None
    village: str | None = None


class Event(Model):
    """What every event has. `TYPE` is the CloudEvents type."""

    TYPE: ClassVar[str]
    ROOMS: ClassVar[tuple[Room, ...]] = ()

    district: str


class CaseEvent(Event):
    """An event of one case. `at`: the instant the fact is stamped with (ours, never a client's)."""

    ticket: str = Field(pattern=r"^[0-9]{10}$")
    at: AwareDatetime
