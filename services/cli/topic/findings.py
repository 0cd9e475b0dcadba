"""What the checker has to say of a topic."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["lost", "disordered", "doubled", "illegal"]
NAMED = 100


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that may not be. `ce_id` names the record (of lost ones, the first); `why` is for people
    and holds nothing personal."""

    kind: Kind
    ticket: str
    ce_id: str
    why: str


@dataclass(frozen=True)
class Findings:
    """`records` heard, of `cases`. `repeated`: came again as they were, which at-least-once allows.
    `foreign`: no events of the contract, which the guard sets aside; no fault of the line.

    The rest are faults. `lost`: numbers that never came. `disordered`: came before their predecessor, or
    to another partition than their case. `doubled`: one number for two facts, or one fact under two
    numbers. `illegal`: not allowed by the lifecycle or the clock. `faults` names the first of them.
    """

    records: int
    cases: int
    repeated: int
    foreign: int
    lost: int
    disordered: int
    doubled: int
    illegal: int
    faults: tuple[Fault, ...]

    @property
    def clean(self) -> bool:
        return not (self.lost or self.disordered or self.doubled or self.illegal)


@dataclass
class Tally:
    """Faults as they are found: all are counted, the first `NAMED` are kept."""

    counts: Counter[Kind] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)

    def add(self, fault: Fault, count: int = 1) -> None:
        self.counts[fault.kind] += count
        if len(self.faults) < NAMED:
            self.faults.append(fault)

    def copy(self) -> Tally:
        return Tally(Counter(self.counts), list(self.faults))
