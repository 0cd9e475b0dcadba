"""The same transcripts hold with the whole line: webhook, topics, store, desk, notify and the provider.

All are played at once, each with phones of its own; those that need a clock of their own are left to the pure
machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from services.cli.stack import Stack
from tests.conversation.live import Line, LiveSide
from tests.conversation.playing import Player
from tests.conversation.transcript import Transcript, people_of, read_transcript, transcripts

PLAYED = [one for one in map(read_transcript, transcripts()) if not one.only_pure]


async def play(transcript: Transcript, line: Line) -> None:
    side = LiveSide(line)
    player = Player(transcript, side)
    await player.play()
    await side.settle(list(people_of(transcript)))
    await player.check_silence()


@pytest.fixture(scope="module")
def faults(line: Stack) -> Mapping[str, BaseException | None]:
    """What became of each transcript."""

    async def all_at_once() -> list[BaseException | None]:
        shared = Line(line)
        try:
            return await asyncio.gather(
                *(play(one, shared) for one in PLAYED), return_exceptions=True
            )
        finally:
            await shared.close()

    found = asyncio.run(all_at_once())
    return {one.name: fault for one, fault in zip(PLAYED, found, strict=True)}


@pytest.mark.parametrize("name", [one.name for one in PLAYED])
def test_the_transcript_holds(name: str, faults: Mapping[str, BaseException | None]) -> None:
    fault = faults[name]
    if fault is not None:
        raise fault
