"""Gathers what there is after the talk: what phones got, what the store holds, what is still under way."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from datetime import datetime

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from services.cli.stack import Stack
from services.intake.whatsapp.conversation.adapters.conversation_store import COLLECTION
from services.intake.whatsapp.conversation.core.memory import Handled
from services.kernel.adapters import mongo
from services.kernel.adapters.case_store import COLLECTION as CASES
from services.kernel.adapters.parking import COLLECTION as PARKED
from services.kernel.adapters.receipts import COLLECTION as RECEIPTS
from services.kernel.adapters.settings import DEVELOPMENT_SECRET
from services.kernel.contracts.catalogue import TOPICS
from services.kernel.contracts.notices import COLLECTION as MESSAGES
from services.kernel.contracts.topics import COMPLAINTS, WHATSAPP_INBOUND
from services.kernel.contracts.topics import MESSAGES as REQUESTS
from services.kernel.domain.naming import Names
from tests.chaos.conversations_citizen import Citizen, Reply
from tests.chaos.conversations_crowd import Provider, asked_by
from tests.chaos.conversations_judge import Receipt, Talk, unknown_of

REST_SECONDS = 120.0
LOOK_SECONDS = 0.3
NOBODY = -1
NAMES = Names(DEVELOPMENT_SECRET)
CONSUMERS = (
    ("samvad-conversation", WHATSAPP_INBOUND),
    ("samvad-notify-receipts", WHATSAPP_INBOUND),
    ("samvad-notify-messages", REQUESTS),
    ("samvad-notify", COMPLAINTS),
    ("samvad-routing", COMPLAINTS),
)


def names_of(citizen: Citizen) -> tuple[str, ...]:
    """By which the line knows him; the first is that of his records."""
    user = NAMES.user(citizen.user)
    return (user,) if citizen.hides else (NAMES.phone(f"+{citizen.phone}"), user)


class Witness:
    def __init__(self, stack: Stack, database: mongo.Database, citizens: Sequence[Citizen]) -> None:
        self._kafka = stack.settings["SAMVAD_KAFKA"]
        self._database = database
        self._citizens = citizens
        self._by_name = {name: one.number for one in citizens for name in names_of(one)}
        self._of_these = {"$in": sorted(self._by_name)}

    async def rest(self) -> list[str]:
        """What is still under way when it should be no more; nothing when the line has come to rest."""
        end = time.monotonic() + REST_SECONDS
        while (left := await self._under_way()) and time.monotonic() < end:
            await asyncio.sleep(LOOK_SECONDS)
        return left

    async def _under_way(self) -> list[str]:
        left = await self._lag()
        to_send = {"recipient": self._of_these, "state": {"$in": ["planned", "claimed"]}}
        if n := await self._database[MESSAGES].count_documents(to_send):
            left.append(f"{n} messages are neither sent nor given up")
        unsent = {"unsent_since": {"$exists": True}}
        if n := await self._database[RECEIPTS].count_documents(unsent):
            left.append(f"{n} receipts are not published")
        if n := await self._database[PARKED].count_documents({"key": self._of_these}):
            left.append(f"{n} records are parked")
        return left

    async def _lag(self) -> list[str]:
        """By Kafka's own word, since a gauge is told late."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka)
        consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, enable_auto_commit=False)
        await admin.start()
        await consumer.start()
        try:
            left = []
            for group, topic in CONSUMERS:
                partitions = [TopicPartition(topic, n) for n in range(TOPICS[topic].partitions)]
                ends = await consumer.end_offsets(partitions)
                done = await admin.list_consumer_group_offsets(group)
                behind = sum(end - max(0, done[p].offset if p in done else 0) for p, end in ends.items())
                if behind:
                    left.append(f"{group} is {behind} records behind")
            return left
        finally:
            await consumer.stop()
            await admin.close()

    async def talks(self, provider: Provider, since: datetime) -> list[Talk]:
        """What became of everybody's talk."""
        talks = {
            one.number: Talk(
                one.number,
                one.ticket,
                [asked_by(id_) for id_ in one.wrote],
                asks_again=one.taps_twice or one.insisted > 0,
            )
            for one in self._citizens
        }
        by_address = {one.address: one.number for one in self._citizens}
        for taken in await provider.taken(since):
            if taken["to"] in by_address and taken["key"].startswith("wa/"):
                talks[by_address[taken["to"]]].replies.append(Reply.of(taken))
        owners = await self._conversations(talks)
        await self._receipts(talks, owners, since)
        return list(talks.values())

    async def _conversations(self, talks: dict[int, Talk]) -> dict[str, int]:
        """Whose conversation each is, by its id."""
        wrote = {one.number: one.wrote for one in self._citizens}
        owners: dict[str, int] = {}
        async for found in self._database[COLLECTION].find({"names": self._of_these}):
            handled = Handled(bytes(found["handled"]))
            for number in {self._by_name[name] for name in found["names"] if name in self._by_name}:
                owners[found["_id"]] = number
                talk = talks[number]
                talk.stored += 1
                talk.handled = {asked_by(id_) for id_ in wrote[number] if id_ in handled}
        return owners

    async def _receipts(
        self, talks: dict[int, Talk], owners: dict[str, int], since: datetime
    ) -> None:
        """All that was filed by WhatsApp since then; what is nobody's is put down to NOBODY."""
        query = {"channel": "whatsapp", "received_at": {"$gte": since}}
        filed = await self._database[RECEIPTS].find(query).to_list(None)
        tickets = {"$in": [receipt["_id"] for receipt in filed]}
        there = self._database[CASES].find({"_id": tickets, "case.n": {"$gte": 1}}, {"_id": 1})
        cases = {case["_id"] async for case in there}
        nobody = Talk(NOBODY, None, ())
        for receipt in filed:
            talk = talks.get(owners.get(receipt["client"], NOBODY), nobody)
            talk.receipts.append(Receipt(receipt["_id"], receipt["_id"] in cases))
        if nobody.receipts:
            talks[NOBODY] = nobody

    async def unknown(self) -> set[str]:
        """The keys of replies of which notify does not know whether they arrived."""
        found = self._database[MESSAGES].find({"recipient": self._of_these}, {"state": 1})
        return unknown_of({one["_id"]: one["state"] async for one in found})
