"""Readiness of the broker: it answers, and every partition of the group coordinator is loaded.

Right after a start the coordinator may still load; a worker that joins its group then is sent away
(GroupCoordinatorNotAvailable, CoordinatorLoadInProgress). Hence one group is asked for in each
partition.
"""

import asyncio
import logging
import socket

from services.cli.stack.settings import ADDRESS

OFFSETS_PARTITIONS = 4  # offsets.topic.num.partitions in deploy/local/server.properties
ANSWER_MILLISECONDS = 3000


def ready(port: int) -> bool:
    """Whether groups can be joined now."""
    try:
        # A closed port is the usual case while the broker starts; that needs no client.
        socket.create_connection((ADDRESS, port), 1).close()
    except OSError:
        return False
    return asyncio.run(_coordinators_answer(port))


def partition_of(group: str) -> int:
    """The partition of __consumer_offsets that keeps a group, as the broker computes it:
    the absolute value of Java's String.hashCode modulo the number of partitions."""
    value = 0
    for letter in group:
        value = (31 * value + ord(letter)) & 0xFFFFFFFF
    signed = value - (1 << 32) if value >> 31 else value
    return abs(signed) % OFFSETS_PARTITIONS


def group_of_each_partition() -> list[str]:
    """Names of groups, never joined, that together touch every partition."""
    by_partition = {partition_of(f"samvad-up-{n}"): f"samvad-up-{n}" for n in range(64)}
    return [by_partition[partition] for partition in range(OFFSETS_PARTITIONS)]


async def _coordinators_answer(port: int) -> bool:
    # Imported here: the client takes a fifth of a second, which a stack without Kafka's answer
    # need not pay.
    from aiokafka import TopicPartition
    from aiokafka.admin import AIOKafkaAdminClient
    from aiokafka.errors import KafkaError

    anywhere = TopicPartition("samvad-up", 0)
    # Refusals are expected here and told by the answer, not by the client's log.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    admin = AIOKafkaAdminClient(
        bootstrap_servers=f"{ADDRESS}:{port}", request_timeout_ms=ANSWER_MILLISECONDS
    )
    try:
        await admin.start()
        for group in group_of_each_partition():
            # A coordinator that is not loaded answers for no partition at all, or with an error.
            if anywhere not in await admin.list_consumer_group_offsets(group, None, [anywhere]):
                return False
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await admin.close()
    return True
