"""`samvad sla` with a clock that is ahead, in the place of the line's own: time passes without waiting."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from services.cli.stack import Stack
from services.cli.stack.probes import get
from services.cli.stack.settings import inherited_environment

READY_SECONDS = 60.0
STOP_SECONDS = 20.0


@contextmanager
def own_clock_stopped(stack: Stack) -> Iterator[None]:
    """The line's own sla is stopped in good order, and runs again at the end."""
    stack.stop("sla")
    try:
        yield
    finally:
        stack.start("sla")


@contextmanager
def ahead(
    stack: Stack, seconds: int, *, ready: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """An sla whose clock is `seconds` ahead, ended at the end. When this is entered it is ready; with
    `ready` False it has just been started."""
    environment = {
        **inherited_environment(stack.ports),
        **stack.settings,
        "SAMVAD_CLOCK_OFFSET": str(seconds),
    }
    with stack.home.open_log("sla-ahead", "ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.cli.main", "sla"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )
    try:
        if ready:
            _wait_ready(stack, process)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_ready(stack: Stack, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_SECONDS
    while get(stack.ports["sla"], "/health/ready")[0] != 200:
        assert process.poll() is None, f"sla ended by itself: exit code {process.returncode}"
        assert time.monotonic() < end, f"sla was not ready within {READY_SECONDS:.0f} s"
        time.sleep(0.05)
