"""Records worked out again and compared, without Kafka and MongoDB."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import structlog

from services.cli.replay.compare import Comparison
from services.cli.replay.lives import Fault, Life, Partition
from services.kernel.contracts.codec import Record
from services.kernel.domain.timer import Rules
from services.sla.adapters.armed import fields_of
from tests.integration.sla.month import Month

Documents = Mapping[str, Mapping[str, Any]]


def replayed(month: Month, records: Iterable[Record], until: datetime) -> list[Life]:
    partition = Partition()
    for record in records:
        partition.take(record)
    rules = {key: Rules(district) for key, district in month.versions.of.items()}
    lives = list(partition.lives(rules, until))
    assert not [life for life in lives if isinstance(life, Fault)]
    return [life for life in lives if isinstance(life, Life)]


def compared(lives: Iterable[Life], documents: Documents) -> Comparison:
    found = Comparison()
    for life in lives:
        fields = fields_of(life.ticket, life.timer, life.rules.running(life.timer))
        found.take(life, documents.get(life.ticket), fields)
    return found


def readable(found: Comparison) -> str:
    """For the message of a failure."""
    return "\n".join([f"{found.differing} of {found.cases} cases differ:", *found.lines])


@contextmanager
def quietly() -> Iterator[None]:
    """A month has some ten thousand lines of the log, which would hide what a failure says."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    try:
        yield
    finally:
        structlog.configure(**before)
