"""Running a process of Samvad: its loop, its signals, its HTTP side; one shape for all of them."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import NoReturn

import uvloop
from fastapi import FastAPI
from pydantic import ValidationError

from services.kernel.adapters.http import MAX_BODY_BYTES, server
from services.kernel.adapters.logging import configure, get_logger
from services.kernel.adapters.settings import Settings, explain
from services.kernel.domain.errors import Unavailable

log = get_logger()
Main = Callable[[Settings, AsyncExitStack, asyncio.Event], Awaitable[None]]
STOP_SECONDS = 12.0
COLLECT_AFTER = 50_000
"""New objects after which Python looks for garbage in cycles."""


class CannotStart(Exception):
    """What stands in the way and what to do about it, in one line for whoever started the process."""


def run(service: str, main: Main) -> None:
    """Run `main` until SIGTERM or SIGINT. `main` sets itself up on the stack and returns; the process
    then lives until it is told to stop, and the stack is unwound. An unwinding that takes longer than
    STOP_SECONDS ends hard: whatever was not committed comes again.

    What an operator can mend (a setting, a taken port, a store that is away) is one line on stderr and
    exit code 1."""
    try:
        settings = Settings()
    except ValidationError as error:
        _give_up(service, explain(error))
    configure(service, settings.log_level)
    try:
        uvloop.run(_live(service, settings, main))
    except (CannotStart, Unavailable) as error:
        _give_up(service, str(error))


def _give_up(service: str, why: str) -> NoReturn:
    print(f"samvad {service}: {why}", file=sys.stderr)
    sys.exit(1)


async def _live(service: str, settings: Settings, main: Main) -> None:
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    stack = AsyncExitStack()
    starting = asyncio.ensure_future(main(settings, stack, stopping))
    told = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait({starting, told}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():  # or else what it waits for may never come
            starting.result()
            _spare_the_collector()
            log.info("process.started")
            await told
    finally:
        log.info("process.stopping")
        # a timer and no timeout: faust's services swallow a cancellation and go on waiting
        bound = threading.Timer(STOP_SECONDS, _end_hard)
        bound.daemon = True
        bound.start()
        try:
            for task in (starting, told):
                task.cancel()
            await asyncio.gather(starting, told, return_exceptions=True)
            await stack.aclose()
        finally:
            bound.cancel()
    log.info("process.stopped")


def _spare_the_collector() -> None:
    """A batch makes tens of thousands of objects that live as long as it does, and Python's collector goes
    through them dozens of times meanwhile: a fifth of what a worker spent. What is there now stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 20)


def _end_hard() -> None:
    log.error("process.stopped_hard")
    os._exit(1)


def background(stack: AsyncExitStack, coroutine: Awaitable[None], stopping: asyncio.Event) -> None:
    """Run `coroutine` beside the rest until the stack unwinds; if it ends by itself, so does the process."""

    async def guarded() -> None:
        try:
            await coroutine
        except asyncio.CancelledError:
            raise
        except BaseException:
            log.exception("process.background_fault")
        stopping.set()

    task = asyncio.ensure_future(guarded())

    async def cancel() -> None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(cancel)


async def serve(
    stack: AsyncExitStack,
    app: FastAPI,
    host: str,
    port: int,
    stopping: asyncio.Event,
    *,
    max_bytes: int = MAX_BODY_BYTES,
) -> None:
    """Serve `app` until the stack unwinds, bodies of up to `max_bytes`. Returns when the port answers;
    raises CannotStart if it is taken."""
    http = server(app, host, port, max_bytes)
    listening = _listen(host, port)
    stack.callback(listening.close)
    task = asyncio.create_task(http.serve(sockets=[listening]))
    while not http.started:
        if task.done():
            task.result()
            raise CannotStart(f"port {port} on {host} cannot be served")
        await asyncio.sleep(0.01)

    async def end() -> None:
        http.should_exit = True
        await asyncio.gather(task, return_exceptions=True)

    stack.push_async_callback(end)
    task.add_done_callback(lambda _: stopping.set())


def _listen(host: str, port: int) -> socket.socket:
    """Bound here, since uvicorn ends the process with a traceback where a port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except OSError as error:
        why = (error.strerror or "").partition(" (")[0]  # socket adds the address
        raise CannotStart(
            f"port {port} on {host} cannot be had ({why}): free it, or change its SAMVAD_…_PORT"
        ) from None
