"""Every transcript holds with the pure machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.kernel.domain.directory import District
from tests.conversation.playing import Player
from tests.conversation.pure import PureSide
from tests.conversation.transcript import read_transcript, transcripts


@pytest.mark.parametrize("path", transcripts(), ids=lambda path: path.stem)
async def test_the_transcript_holds(path: Path, janjgir: District) -> None:
    side = PureSide(janjgir)
    player = Player(read_transcript(path), side)
    await player.play()
    await player.check_silence()
