"""Resident memory of the whole stack, at rest and at its hardest work."""

from __future__ import annotations

import asyncio

import uvloop

from services.bench.figures import Figure, limited, plain
from services.bench.ground import Lines, Say, Scale
from services.bench.lives import Lives
from services.bench.processes import pids_of, resident_bytes
from services.cli.stack import Stack

GB = 1e9
IDLE_GB = 2.0
LOADED_GB = 4.0
LIVES_AT_ONCE = 200
LOOK_SECONDS = 0.5


def measure(lines: Lines, scale: Scale, say: Say) -> list[Figure]:
    """What is shared between processes counts in each."""
    with lines.of("memory") as (stack, first):
        return uvloop.run(_measure(stack, first, scale, say))


async def _measure(stack: Stack, first: int, scale: Scale, say: Say) -> list[Figure]:
    idle = _now(stack)
    say(f"memory at rest: {sum(idle.values()) / GB:.2f} GB")
    lives = Lives(stack, LIVES_AT_ONCE, first)
    highest = dict(idle)
    end = asyncio.get_running_loop().time() + scale.load_seconds
    while asyncio.get_running_loop().time() < end:
        living = asyncio.create_task(lives.live(scale.load_lives))
        while not living.done():
            await asyncio.wait([living], timeout=LOOK_SECONDS)
            for name, size in _now(stack).items():
                highest[name] = max(highest.get(name, 0.0), size)
        await living
    say(f"memory under load: {sum(highest.values()) / GB:.2f} GB after {lives.done} lives")
    return [
        limited("memory at rest", sum(idle.values()) / GB, "GB", limit=IDLE_GB, sense="<"),
        limited("memory under load", sum(highest.values()) / GB, "GB", limit=LOADED_GB, sense="<"),
        *(plain(f"memory under load: {name}", size / GB, "GB") for name, size in highest.items()),
    ]


def _now(stack: Stack) -> dict[str, float]:
    return {name: float(resident_bytes(pid)) for name, pid in pids_of(stack).items()}
