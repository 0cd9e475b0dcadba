"""The rules of the clock by directory version, kept: a version never changes."""

from __future__ import annotations

from services.kernel.adapters.directory.store import DirectoryStore
from services.kernel.domain.timer import Rules


class RulesOf:
    """One for a process."""

    def __init__(self, directory: DirectoryStore) -> None:
        self._directory = directory
        self._kept: dict[tuple[str, int], Rules] = {}

    async def get(self, district: str, version: int) -> Rules:
        """Raises Retry while the store has no such version, Unavailable when it is away."""
        kept = self._kept.get((district, version))
        if kept is None:
            kept = Rules(await self._directory.version(district, version))
            self._kept[(district, version)] = kept
        return kept
