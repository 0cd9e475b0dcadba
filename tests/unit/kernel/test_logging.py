"""Lines of libraries: a few of each message, then how many more there were, whatever they say."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
import structlog

from services.cli.stack.settings import PROJECT
from services.kernel.adapters.logging import LineLimit, _ToStructlog, configure


class Clock:
    seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a process with configured logs writes; afterwards logs are as they were."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    configure("test")
    yield stream
    for handler in root.handlers:
        handler.flush()
    root.handlers[:] = before
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_message_is_kept_three_times_in_ten_seconds_and_the_rest_is_counted() -> None:
    clock = Clock()
    limit = LineLimit(3, 10.0, clock)
    assert [limit.keeps("kafka", "no %s") for _ in range(5)] == [True, True, True, False, False]
    assert limit.keeps("kafka", "other"), "another message is not held back"
    assert limit.keeps("mongo", "no %s"), "nor the same one of another library"
    clock.seconds = 9.9
    assert list(limit.ended()) == []
    assert limit.holds_back
    clock.seconds = 10.0
    assert list(limit.ended()) == [("kafka", "no %s", 2)]
    assert list(limit.ended()) == []
    assert limit.keeps("kafka", "no %s"), "ten seconds later it is told again"


def test_messages_without_end_are_counted_as_one() -> None:
    limit = LineLimit(3, 10.0, Clock())
    kept = sum(limit.keeps("chatty", f"fault {n}") for n in range(100_000))
    assert kept == LineLimit.MESSAGES + 3
    assert len(limit._windows) == LineLimit.MESSAGES + 1


def test_a_storm_of_lines_is_a_few_lines_and_their_number(written: io.StringIO) -> None:
    storm = logging.getLogger("a-library")
    for node in range(10_000):
        storm.error("Unable connect to node with id %s", node)
    storm.warning("something else")
    for handler in logging.getLogger().handlers:
        handler.flush()
    told = lines(written)
    assert len(told) == 5
    assert [line["event"] for line in told[:3]] == [
        f"Unable connect to node with id {n}" for n in range(3)
    ]
    assert told[4] | {"timestamp": ""} == {
        "event": "log.lines_left_out",
        "library": "a-library",
        "of": "Unable connect to node with id %s",
        "lines": 9_997,
        "level": "warning",
        "service": "test",
        "timestamp": "",
    }


def test_the_number_is_told_though_the_library_falls_silent(written: io.StringIO) -> None:
    handler = _ToStructlog("test", LineLimit(1, 0.05))
    library = logging.Logger("library")
    library.addHandler(handler)
    for _ in range(3):
        library.warning("again")
    timer = handler._timer
    assert timer is not None
    assert timer.daemon
    timer.join(10)
    while isinstance(handler._timer, threading.Timer):  # it came a moment before its window's end
        handler._timer.join(10)
    assert [line.get("lines") for line in lines(written)] == [None, 2]
    assert lines(written)[1]["service"] == "test", "a thread knows whose line it is"


def test_work_goes_on_when_nobody_takes_its_log_lines() -> None:
    code = (
        "import sys; from services.kernel.adapters import logging as logs; logs.configure('test');"
        "sys.stdin.readline(); logs.get_logger().info('alone'); logs.get_logger().info('again');"
        "print('went on')"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    process.stderr.close()  # as when the supervisor, which reads it, was killed
    process.stderr = None
    out, _ = process.communicate("\n", timeout=60)
    assert out == "went on\n"
