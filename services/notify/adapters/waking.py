"""Wakes the loops of the queues: whoever plans, sends or settles says what is due elsewhere now."""

from __future__ import annotations

from collections.abc import Collection

from services.kernel.adapters.due import DueLoop


class Wakes:
    """The loops by queue; they come when it is known which buckets are this process's. Without them nobody
    is woken, and each loop looks by itself within half a second."""

    def __init__(self) -> None:
        self.loops: dict[str, DueLoop] = {}

    def queues(self, queues: Collection[str]) -> None:
        for queue in queues:
            if queue in self.loops:
                self.loops[queue].wake()

    def all(self) -> None:
        self.queues(self.loops)
