"""How hard the storm blows: the same code short, as `make test` runs it, and long, as `make chaos` does."""

from __future__ import annotations

from dataclasses import dataclass

WAVES = 3
"""The faults come in three waves; each strikes while its share of the cases is being filed."""


@dataclass(frozen=True)
class Scale:
    """`per_second`: cases filed while the line answers, such that a wave's share lasts for the wave.
    `kafka_away`, `mongod_away`: seconds for which they stay stopped; the second is longer than a process
    waits for the store before it says so. `rungs` fall due while the clock is killed `kills` times.
    `messages` are owed while their sender is killed `sender_kills` times.
    `seconds`: what a single test may take at most."""

    cases: int
    per_second: float
    kafka_away: float
    mongod_away: float
    rungs: int
    kills: int
    messages: int
    sender_kills: int
    seconds: int

    @property
    def share(self) -> int:
        return self.cases // WAVES


SCALES = {
    "short": Scale(
        500, per_second=16, kafka_away=5, mongod_away=6, rungs=1000, kills=3, messages=300,
        sender_kills=2, seconds=240,
    ),
    "long": Scale(
        2000, per_second=14, kafka_away=30, mongod_away=15, rungs=20_000, kills=10, messages=5000,
        sender_kills=20, seconds=900,
    ),
}  # fmt: skip
