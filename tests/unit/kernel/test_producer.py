"""Tries to reach a broker come later and later, never in step, and never too late."""

from __future__ import annotations

import asyncio

import pytest

from services.cli.stack.settings import Ports
from services.kernel.adapters.kafka import Publisher
from services.kernel.adapters.producer import Backoff
from services.kernel.contracts.codec import Message
from services.kernel.domain.errors import Unavailable


def test_pauses_double_up_to_the_most_with_a_jitter_and_begin_anew() -> None:
    backoff = Backoff(0.1, 2.0)
    for whole in (0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0):
        assert whole / 2 <= backoff.failed() <= whole
    for _ in range(2000):
        backoff.failed()
    backoff.succeeded()
    assert backoff.failed() <= 0.1
    assert len({Backoff(1.0, 1.0).failed() for _ in range(20)}) > 1


async def test_where_no_broker_listens_few_tries_are_made_and_no_task_is_left(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tries = 0
    publisher = Publisher(f"127.0.0.1:{Ports.free()['kafka']}", client_id="nobody")
    end = publisher._end

    def count(*arguments: object) -> None:
        nonlocal tries
        tries += 1
        end(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(publisher, "_end", count)
    for _ in range(200):
        with pytest.raises(Unavailable):
            await publisher.publish([Message("t", b"k", (), b"v")])
    assert 1 <= tries <= 10
    await publisher.stop()
    assert asyncio.all_tasks() == {asyncio.current_task()}
