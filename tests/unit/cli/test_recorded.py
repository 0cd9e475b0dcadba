"""What the made-up recordings hold, so that what is tested with them is tested with all of it."""

from __future__ import annotations

import random
from collections import Counter

import pytest

from services.cli.topic.model import check
from services.kernel.contracts import events as e
from services.kernel.domain.directory import District
from tests.recorded import WHATS, Stage, Step, event_of, id_of


@pytest.fixture(scope="module")
def stages(janjgir: District) -> list[Stage]:
    chance = random.Random(7)
    played: list[Stage] = []
    for _ in range(60):
        stage = Stage(janjgir, 2)
        for _ in range(120):
            stage.play(Step(chance.randrange(2), chance.choice(WHATS), chance.randrange(1000)))
        stage.rest()
        played.append(stage)
    return played


def test_they_hold_pauses_lapses_repetitions_and_what_reached_nobody(stages: list[Stage]) -> None:
    found = Counter(type(event_of(record)) for stage in stages for record in stage.records)
    for model in (e.NoticeDelivered, e.NoticeFailed, e.SlaLapsed, e.CaseReopened, e.QuestionAnswered):
        assert found[model] > 0, model
    said = [event_of(record) for stage in stages for record in stage.records]
    assert {one.why for one in said if isinstance(one, e.SlaEscalated)} == {
        "unmet",
        "repeated",
        "reopened",
    }
    pauses = [
        question.pause for stage in stages for life in stage.lives for question in life.timer.questions
    ]
    assert any(pauses)


def test_each_is_clean_with_every_number_of_every_room_and_nothing_left_waiting(
    stages: list[Stage],
) -> None:
    for stage in stages:
        assert check(stage.records).faults == ()
        rooms = {id_of(record).room for record in stage.records}
        assert {"intake", "case"} <= rooms
        assert not any(life.waiting for life in stage.lives)
        for life in stage.lives:
            for room, outbox in life.outboxes.items():
                numbers = {
                    id_of(record).n
                    for record in stage.records
                    if (id_of(record).ticket, id_of(record).room) == (life.ticket, room)
                }
                assert numbers == set(range(1, len(outbox) + 1))
