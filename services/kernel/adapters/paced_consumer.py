"""faust's Kafka consumer made to cost less (faust 0.15 with aiokafka 0.14, whose insides this uses).

aiokafka asks the broker again the moment that an answer is there. While records come one by one, each of
three workers then asks for each record alone: more than half of what a worker and the broker spend. Here a
fetch begins no sooner than `seconds` after the one before. A record that comes after a pause is fetched at
once, as before, since then a fetch is waiting at the broker for it.

And faust makes two tasks and waits for the first of them to hand one record to a queue that nearly always
takes it at once: half of what it spends on a record. Here that is done only where the queue may not take it.
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
    async def wait_first(self, *coroutines: Any, timeout: Any = None) -> Any:
        """As faust's; but the drain's wait for a delivery is no wait while nothing can hold it up."""
        delivery = coroutines[0]
        if timeout is None and _delivers(coroutines) and self._takes_at_once():
            coroutines[1].close()
            await delivery
            return None
        return await super().wait_first(*coroutines, timeout=timeout)

    def _takes_at_once(self) -> bool:
        app = self.app
        return (
            app.flow_control.is_active()
            and not self.suspend_flow.is_set()
            and not any(channel.queue.full() for channel in app.topics._topics)
        )

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)


class _Transport(driver.Transport):  # type: ignore[misc]
    Consumer = _Consumer


def _delivers(coroutines: Any) -> bool:
    """Whether this is what the drain waits for: a message's delivery, or the flow's being suspended."""
    return len(coroutines) == 2 and getattr(coroutines[0], "__name__", "") == "on_message"


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
