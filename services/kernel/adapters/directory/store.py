"""Directory versions in the store: whole, immutable, numbered from 1 per district.

A topic announces each new version; nobody waits for it, since a reader that lacks a version asks the
store. `filed` names its version and a case's clock stays on it; routing uses the newest.
"""

from __future__ import annotations

import time
from datetime import datetime

from services.kernel.adapters import mongo
from services.kernel.adapters.directory.document import district_from_document, district_to_document
from services.kernel.domain.directory import District
from services.kernel.domain.errors import Retry, Unknown

COLLECTION = "directory_versions"
INDEXES = [mongo.IndexModel([("district", 1), ("version", -1)], unique=True)]
NEWEST_SECONDS = 1.0
"""How long a process goes on with the newest version that it knows of before it asks again."""


class DirectoryStore:
    """Reads are kept in memory: versions never change, `newest` is asked again after a second."""

    def __init__(self, database: mongo.Database) -> None:
        self._versions = database[COLLECTION]
        self._known: dict[tuple[str, int], District] = {}
        self._newest: dict[str, tuple[float, int]] = {}

    async def version(self, district: str, version: int) -> District:
        """Raises Retry when the store has no such version yet, Unavailable when it is away."""
        known = self._known.get((district, version))
        if known is not None:
            return known
        async with mongo.store_errors():
            found = await self._versions.find_one({"district": district, "version": version})
        if found is None:
            raise Retry(f"directory version {version} of {district} is not in the store")
        return self._keep(district, version, found)

    async def newest(self, district: str) -> District:
        """Raises Unknown when the district has no directory, Unavailable when the store is away."""
        asked, version = self._newest.get(district, (0.0, 0))
        now = time.monotonic()
        if version and now - asked < NEWEST_SECONDS:
            return self._known[(district, version)]
        if version:
            # one asks for all: others go on with what is known until the answer is there
            self._newest[district] = (now, version)
        try:
            async with mongo.store_errors():
                head = await self._versions.find_one(
                    {"district": district}, {"version": 1}, sort=[("version", -1)]
                )
        except BaseException:
            self._newest.pop(district, None)
            raise
        if head is None:
            self._newest.pop(district, None)
            raise Unknown("there is no such district", field="district")
        found = await self.version(district, head["version"])
        self._newest[district] = (time.monotonic(), head["version"])
        return found

    async def at_least(self, district: str, version: int) -> District:
        """The newest version, which must not be older than `version`: what was filed under a version is
        placed under that one or a later. Raises Retry while the store has none such, Unavailable."""
        try:
            newest = await self.newest(district)
            if newest.version < version:
                newest = await self._fresh(district)
        except Unknown:
            raise Retry(f"district {district} has no directory in the store") from None
        if newest.version < version:
            raise Retry(f"directory version {version} of {district} is not in the store")
        return newest

    async def districts(self) -> list[str]:
        async with mongo.store_errors():
            return sorted(await self._versions.distinct("district"))

    async def put(self, district: District, *, by: str, at: datetime) -> int | None:
        """Store `district` as the next version; None when it equals the newest. Raises Unavailable.

        Two at once: the unique index lets one through and the other numbers itself again.
        """
        while True:
            try:
                newest: District | None = await self._fresh(district.id)
            except Unknown:
                newest = None
            if newest == district:
                return None
            version = newest.version + 1 if newest else 1
            try:
                async with mongo.store_errors():
                    await self._versions.insert_one(
                        {
                            "_id": f"{district.id}/{version}",
                            "district": district.id,
                            "version": version,
                            "by": by,
                            "at": at,
                            "directory": district_to_document(district),
                        }
                    )
            except mongo.DuplicateKeyError:
                continue
            return version

    async def _fresh(self, district: str) -> District:
        self._newest.pop(district, None)
        return await self.newest(district)

    def _keep(self, district: str, version: int, found: mongo.Document) -> District:
        kept = district_from_document({**found["directory"], "version": version})
        self._known[(district, version)] = kept
        return kept
