"""Structured logs: one JSON object a line on stderr, with service, ticket and trace id where known.

Never personal data: log ids, types, counts and error classes, not contents. `exc_info` is reduced to the
error's class and where it was raised, since an error's text may quote what somebody wrote.

Libraries repeat themselves while a dependency is away: of one message a few lines are kept in ten seconds,
and then a line that says how many were left out.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import EventDict, FilteringBoundLogger, WrappedLogger

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


def _error_without_content(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    info: Any = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    if isinstance(info, BaseException):
        info = (type(info), info, info.__traceback__)
    if info and info[0] is not None:
        kind, _error, trace = cast(ExcInfo, info)
        event["error"] = f"{kind.__module__}.{kind.__qualname__}"
        frames = traceback.extract_tb(trace)[-6:]
        event["raised_at"] = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames]
    return event


class LineLimit:
    """Which lines of a library are kept: `most` of one message in `seconds`, by `clock` in seconds.

    A message is a logger and its template. Past MESSAGES of them at once a logger's others count as one."""

    MESSAGES = 200

    def __init__(
        self, most: int = 3, seconds: float = 10.0, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._most = most
        self._clock = clock
        self._windows: dict[tuple[str, str], _Window] = {}

    def keeps(self, logger: str, template: str) -> bool:
        """Whether the line is to be written; it is counted either way."""
        key = (logger, template)
        if key not in self._windows and len(self._windows) >= self.MESSAGES:
            key = (logger, "")
        window = self._windows.get(key)
        if window is None:
            window = self._windows[key] = _Window(self._clock() + self.seconds)
        window.lines += 1
        return window.lines <= self._most

    def ended(self, *, all_of_them: bool = False) -> Iterator[tuple[str, str, int]]:
        """Logger, template and number of lines left out, of each message whose seconds are over."""
        now = self._clock()
        for key, window in list(self._windows.items()):
            if all_of_them or now >= window.until:
                del self._windows[key]
                if window.lines > self._most:
                    yield (*key, window.lines - self._most)

    @property
    def holds_back(self) -> bool:
        """Whether some message has lines left out that nobody has been told of."""
        return any(window.lines > self._most for window in self._windows.values())


@dataclass
class _Window:
    until: float
    lines: int = 0


class _ToStructlog(logging.Handler):
    """Lines of libraries: level, logger and the first line of the message, of warnings and worse only.

    Further lines quote what was being worked on (asyncio prints the exception of a forgotten task)."""

    def __init__(self, service: str, limit: LineLimit) -> None:
        super().__init__()
        self._service = service  # bound anew: a library's threads do not inherit it
        self._limit = limit
        self._timer: threading.Timer | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._tell()
            if not self._limit.keeps(record.name, _first_line(str(record.msg))):
                self._tell_later()
                return
            log = get_logger().bind(service=self._service, library=record.name)
            log.log(record.levelno, _first_line(record.getMessage()), exc_info=record.exc_info or None)
        except Exception:
            # a library that logs must never fail for its log line
            self.handleError(record)

    def flush(self) -> None:
        """Called when the process ends: tell what was left out till then."""
        with self.lock or nullcontext():
            self._tell(all_of_them=True)

    def _tell(self, *, all_of_them: bool = False) -> None:
        for library, template, lines in self._limit.ended(all_of_them=all_of_them):
            log = get_logger().bind(service=self._service, library=library)
            log.warning("log.lines_left_out", of=template, lines=lines)

    def _tell_later(self) -> None:
        """The library may fall silent, so a timer tells if no line does."""
        if self._timer is None:
            self._timer = threading.Timer(self._limit.seconds, self._on_time)
            self._timer.daemon = True
            self._timer.start()

    def _on_time(self) -> None:
        # a stream that is closed already: the process ends
        with self.lock or nullcontext(), suppress(ValueError):
            self._timer = None
            self._tell()
            if self._limit.holds_back:
                self._tell_later()


class _Unfailing:
    """A stream whose reader may go away: work is not to fail because nobody takes its log lines."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> None:
        with suppress(OSError):
            self._stream.write(text)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def _first_line(text: str) -> str:
    return text.partition("\n")[0][:300]


def configure(service: str, level: str = "INFO") -> None:
    """Set up the process's logs. Libraries are heard from WARNING on."""
    number = logging.getLevelNamesMapping()[level]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _error_without_content,
            structlog.processors.JSONRenderer(serializer=_dumps),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.WriteLoggerFactory(cast(TextIO, _Unfailing(sys.stderr))),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)
    handler = _ToStructlog(service, LineLimit())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()


def get_logger() -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger())
