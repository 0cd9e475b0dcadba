"""Processes of a benchmark's own beside a stack: bare loops and the like."""

from __future__ import annotations

import subprocess
import sys
from contextlib import AsyncExitStack

from services.cli.stack import Stack
from services.cli.stack.settings import PROJECT

Child = subprocess.Popen[bytes]


def start(exits: AsyncExitStack, stack: Stack, *commands: tuple[str, ...]) -> list[Child]:
    """Start processes, a module with its words each, that say `ready`; ended when `exits` unwinds."""
    processes = []
    for module, *words in commands:
        with stack.home.open_log(module.rpartition(".")[2], "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, *words],
                cwd=PROJECT,
                env={"PATH": "/usr/bin:/bin", **stack.settings},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        exits.callback(_end, process)
        processes.append(process)
    for process in processes:
        if said(process) != "ready":
            raise RuntimeError(f"{process.args!r} does not start")
    return processes


def said(process: Child) -> str:
    """The next line of it; waits."""
    assert process.stdout is not None
    return process.stdout.readline().decode().strip()


def go(process: Child) -> None:
    """Tell a process that waits for a line to go on."""
    assert process.stdin is not None
    process.stdin.write(b"go\n")
    process.stdin.flush()


def _end(process: Child) -> None:
    process.terminate()
    process.wait(20)
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
