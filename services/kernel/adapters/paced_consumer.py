"""faust's Kafka consumer with its fetches paced (faust 0.15 with aiokafka 0.14, whose insides this uses).

aiokafka asks the broker again the moment that an answer is there. While records come one by one, each of
three workers then asks for each record alone: more than half of what a worker and the broker spend. Here a
fetch begins no sooner than `seconds` after the one before. A record that comes after a pause is fetched at
once, as before, since then a fetch is waiting at the broker for it.
"""

from __future__ import annotations

import asyncio
from typing import Any

import faust
from faust.transport.drivers import aiokafka as driver


class App(faust.App):  # type: ignore[misc]  # faust is untyped
    """A faust application whose consumer does not fetch more often than every `fetch_every` seconds."""

    def __init__(self, *arguments: Any, fetch_every: float, **settings: Any) -> None:
        self.fetch_every = fetch_every
        super().__init__(*arguments, **settings)

    def _new_transport(self) -> Any:
        return _Transport(self.conf.broker_consumer, self)


class _Thread(driver.AIOKafkaConsumerThread):  # type: ignore[misc]
    def _create_worker_consumer(self, transport: Any) -> Any:
        consumer = super()._create_worker_consumer(transport)
        start, seconds = consumer.start, transport.app.fetch_every

        async def paced_start() -> None:
            await start()
            _pace(consumer._fetcher, seconds)

        consumer.start = paced_start
        return consumer


class _Consumer(driver.Consumer):  # type: ignore[misc]
    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer


def _pace(fetcher: Any, seconds: float) -> None:
    fetch = fetcher._proc_fetch_request
    begun: dict[int, float] = {}

    async def paced(assignment: Any, node: int, request: Any) -> bool:
        clock = asyncio.get_running_loop().time
        wait = begun.get(node, -seconds) + seconds - clock()
        if wait > 0:
            await asyncio.sleep(wait)
        begun[node] = clock()
        has_new_data: bool = await fetch(assignment, node, request)
        return has_new_data

    fetcher._proc_fetch_request = paced
