"""The web intake on parts in memory, for tests: receipts, directories and ticket numbers.

The case store is the real one, on the kernel's rooms in memory.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.intake.cases import StoredCases
from services.intake.following import Followed
from services.intake.web.api import Parts
from services.kernel.adapters import case_document
from services.kernel.adapters.case_folding import opened
from services.kernel.adapters.case_store import READS, CaseStore
from services.kernel.adapters.outbox import Outbox
from services.kernel.adapters.receipts import Accepted, Receipt
from services.kernel.contracts.envelope import KEY_BYTES, Filing, MasterKeys, unseal
from services.kernel.contracts.events import CaseFiled
from services.kernel.domain import tickets
from services.kernel.domain.case import Case
from services.kernel.domain.directory import District
from services.kernel.domain.errors import KeyReused, Unavailable, Unknown
from services.kernel.testing.memory import (
    ManualClock,
    MemoryBroker,
    MemoryCases,
    MemoryRooms,
    MemoryVault,
)

LINK_SECRET = "a secret of the tests"
KEYS = MasterKeys({"test": bytes(KEY_BYTES)}, "test")


class MemoryReceipts:
    """Receipts by ticket, unique by channel, client and key. `down`: the store is away."""

    def __init__(self) -> None:
        self.stored: dict[str, Receipt] = {}
        self.down = False

    async def find(self, channel: str, client: str, key: str, digest: str) -> Accepted | None:
        self._answers()
        for receipt in self.stored.values():
            if (receipt.channel, receipt.client, receipt.key) == (channel, client, key):
                if receipt.digest != digest:
                    raise KeyReused("the idempotency key was used before for another request")
                return _accepted(receipt, repeated=True)
        return None

    async def ticket(self, channel: str, client: str, key: str) -> str | None:
        self._answers()
        for receipt in self.stored.values():
            if (receipt.channel, receipt.client, receipt.key) == (channel, client, key):
                return receipt.ticket
        return None

    async def accept(self, receipt: Receipt) -> Accepted:
        earlier = await self.find(receipt.channel, receipt.client, receipt.key, receipt.digest)
        if earlier is not None:
            return earlier
        self.stored[receipt.ticket] = receipt
        return _accepted(receipt, repeated=False)

    async def followed(self, ticket: str) -> Followed | None:
        self._answers()
        found = self.stored.get(ticket)
        return Followed(ticket, found.district, found.kind, found.received_at) if found else None

    def event(self, ticket: str) -> CaseFiled:
        return CaseFiled.model_validate_json(self.stored[ticket].filed.value)

    def filing(self, ticket: str) -> Filing:
        """What was sealed."""
        wrapped = self.stored[ticket].wrapped_key
        assert wrapped is not None
        return unseal(self.event(ticket).sealed, Filing, KEYS.unwrap(wrapped, ticket), ticket)

    def _answers(self) -> None:
        if self.down:
            raise Unavailable("the store")


class MemoryDirectories:
    """The newest directory of each district; `put` replaces it by the next version."""

    def __init__(self, *districts: District) -> None:
        self._newest: dict[str, District] = {}
        self.down = False
        for district in districts:
            self.put(district)

    def put(self, district: District) -> None:
        before = self._newest.get(district.id)
        self._newest[district.id] = replace(district, version=before.version + 1 if before else 1)

    async def newest(self, district: str) -> District:
        if self.down:
            raise Unavailable("the store")
        if district not in self._newest:
            raise Unknown("there is no such district", field="district")
        return self._newest[district]

    async def districts(self) -> list[str]:
        return sorted(self._newest)


class MemoryNumbers:
    """Ticket numbers one after the other."""

    def __init__(self) -> None:
        self._next = 10_423

    async def take(self, now: datetime) -> str:
        self._next += 1
        return tickets.make(tickets.year_of(now), self._next)


class MemoryIntake:
    """All the parts, and what tests do to them."""

    def __init__(self, *districts: District) -> None:
        self.clock = ManualClock()
        self.directories = MemoryDirectories(*districts)
        self.receipts = MemoryReceipts()
        self.broker = MemoryBroker()
        self.vault = MemoryVault()
        self.cases = MemoryCases()
        rooms = MemoryRooms(self.cases, "case", READS)
        self.store = CaseStore(rooms, Outbox("case", self.broker), self.vault, self.clock)
        self.district = districts[0].id

    @property
    def parts(self) -> Parts:
        return Parts(
            directories=self.directories,
            receipts=self.receipts,
            numbers=MemoryNumbers(),
            cases=StoredCases(self.store, self.receipts),
            keys=KEYS,
            clock=self.clock,
            district=self.district,
            link_secret=LINK_SECRET,
        )

    def down(self, down: bool = True) -> None:
        """The store goes away, or comes back."""
        self.receipts.down = self.directories.down = self.cases.down = down

    def route(self, ticket: str, **fields: object) -> Case:
        """Store the case of a receipt, as routing would, with `fields` as they are wanted."""
        event = self.receipts.event(ticket)
        filing = self.receipts.filing(ticket)
        self.vault.new(ticket)
        case = replace(opened(event, filing), department="phe")
        case = replace(case, **fields)  # type: ignore[arg-type]
        self.cases.documents[ticket] = {
            "_id": ticket,
            "case": {
                **case_document.to_fields(case),
                "n": len(case.history),
                "seen": {"intake": 1, "sla": 0},
                "outbox": [],
            },
            "sla": {"deadline": self.clock() + timedelta(days=3), "n": 0},
        }
        return case

    def case(self, ticket: str) -> Case:
        """The case as it lies in the store."""
        return case_document.from_fields(ticket, self.cases.documents[ticket]["case"])


def _accepted(receipt: Receipt, *, repeated: bool) -> Accepted:
    return Accepted(
        receipt.ticket, receipt.kind, receipt.district, receipt.received_at, repeated=repeated
    )
