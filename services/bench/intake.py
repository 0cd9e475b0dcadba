"""Receipts a second of the web intake, against a bare FastAPI that inserts and publishes the same."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

import uvloop

from services.bench.figures import Figure, against, plain
from services.bench.filing import file_over_http
from services.bench.ground import Lines, Say, Scale
from services.bench.processes import processor_seconds
from services.cli.stack import Ports, Stack
from services.cli.stack.settings import PROJECT, listening_possible
from services.kernel.adapters.kafka import create_topics

CONNECTIONS = 64
TOPIC = "bench.intake"
START_SECONDS = 30.0


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """Ours and the bare one by turns, on the same Kafka and MongoDB."""
    with lines.of("intake", "intake-web") as (stack, first):
        uvloop.run(_topic(stack))
        port = Ports.free()["standins"]
        bare = _start_bare(stack, port)
        try:
            return uvloop.run(_measure(stack, first, port, bare.pid, scale, say))
        finally:
            bare.terminate()
            bare.wait(10)


async def _topic(stack: Stack) -> None:
    await create_topics(stack.settings["SAMVAD_KAFKA"], {TOPIC: (12, {})})


def _start_bare(stack: Stack, port: int) -> subprocess.Popen[bytes]:
    settings = stack.settings
    bare = subprocess.Popen(
        [
            *(sys.executable, "-m", "services.bench.bare_intake"),
            *(str(port), settings["SAMVAD_KAFKA"], settings["SAMVAD_MONGO"], TOPIC),
        ],
        cwd=PROJECT,
    )
    end = time.monotonic() + START_SECONDS
    while listening_possible(port):
        if bare.poll() is not None or time.monotonic() > end:
            raise RuntimeError("the bare intake does not start")
        time.sleep(0.05)
    return bare


async def _measure(
    stack: Stack, first: int, port: int, bare_pid: int, scale: Scale, say: Say
) -> list[Figure]:
    ours: list[float] = []
    bare: list[float] = []
    ours_core: list[float] = []
    bare_core: list[float] = []
    our_port, our_pid = stack.ports["intake-web"], stack.pid("intake-web")
    assert our_pid is not None
    for which in (our_port, port):
        await file_over_http(which, first, scale.warm, together=CONNECTIONS)
        first += scale.warm
    for run in range(scale.runs):
        for which, pid, rates, core in (
            (our_port, our_pid, ours, ours_core),
            (port, bare_pid, bare, bare_core),
        ):
            before = processor_seconds(pid)
            rates.append(
                await file_over_http(which, first, scale.intake, together=CONNECTIONS)
            )
            core.append((processor_seconds(pid) - before) / scale.intake * 1000)
            first += scale.intake
        say(f"intake {run + 1}/{scale.runs}: {ours[-1]:.0f}/s, bare {bare[-1]:.0f}/s")
    return [
        against("intake accepted", ours, bare, "cases/s", least=0.7),
        plain("intake core time", statistics.median(ours_core), "core-ms/case"),
        plain("bare intake core time", statistics.median(bare_core), "core-ms/case"),
    ]
