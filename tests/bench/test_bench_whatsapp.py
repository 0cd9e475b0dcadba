"""The benchmark of the chatbot runs and tells what it is to tell; its numbers are for `make bench`."""

from __future__ import annotations

import hashlib
import hmac
from collections import defaultdict
from pathlib import Path

from services.bench.book import write_daytime_book
from services.bench.whatsapp_delay import Schedule
from services.bench.whatsapp_talk import STEPS, Said, body, signed
from services.intake.whatsapp.webhook.body import read, take_apart
from services.intake.whatsapp.webhook.signature import Signatures
from services.kernel.adapters.settings import DEVELOPMENT_SECRET
from services.notify.adapters.book_file import load_book
from tests.bench.running import goals, short_figures


def test_a_body_is_signed_and_holds_what_each_has_said() -> None:
    said = [Said(person, step) for person in range(2) for step in range(len(STEPS))]
    raw = body(said, 1_800_000_000)
    header = signed(raw).decode().partition(": ")[2].strip()
    assert Signatures(DEVELOPMENT_SECRET).hold(raw, header)
    assert header[7:] == hmac.new(DEVELOPMENT_SECRET.encode(), raw, hashlib.sha256).hexdigest()
    taken = take_apart(read(raw))
    assert taken.ignored == 0
    assert [piece.wamid for piece in taken.pieces] == [one.id for one in said]
    assert len({one.id for one in said}) == len(said)
    assert [len(piece.contacts) for piece in taken.pieces] == [len(STEPS)] * len(said)


def test_everybody_writes_once_a_second_and_takes_his_steps_in_their_order() -> None:
    schedule = Schedule(first=100, together=7, warm=2, counted=5)
    taken: dict[int, list[int]] = defaultdict(list)
    for second in range(schedule.seconds):
        said = [schedule.said(second, place) for place in range(schedule.together)]
        people = [one.person for one in said if one is not None]
        assert len(set(people)) == len(people)
        if schedule.counts(second):
            assert len(people) == schedule.together
            assert {one.step for one in said if one is not None} == set(range(len(STEPS)))
        for one in said:
            if one is not None:
                taken[one.person].append(one.step)
    assert all(steps == list(range(len(steps))) for steps in taken.values())
    assert min(taken) == 100
    assert sum(map(schedule.counts, range(schedule.seconds))) == schedule.counted


def test_no_hour_is_quiet_while_it_is_measured(tmp_path: Path) -> None:
    book = load_book(write_daytime_book(tmp_path / "book"))
    assert book.routes
    assert all(route.quiet is None for route in book.routes.values())
    assert not any(rule.gathered for rule in book.rules)


def test_the_benchmark_of_the_chatbot_runs_in_its_short_form(tmp_path: Path) -> None:
    """That everybody was answered, that every conversation came as far as it should, and that the bare loop
    stores what ours stores, it checks itself."""
    figures = short_figures(tmp_path, "whatsapp")
    assert goals(figures) == {
        "webhook accepted": "ratio ≥ 0.7",
        "webhook to reply, 20 messages/s, p99": "≤ 300 ms",
        "turns of the chatbot": "ratio ≥ 0.5",
    }
    assert figures["webhook accepted, 100 messages a body"]["ratio"] > 0
    assert figures["turn core time"]["unit"] == "core-ms/turn"
