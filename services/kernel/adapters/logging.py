"""Structured logs: one JSON object a line on stderr, with service, ticket and trace id where known.

Never personal data: log ids, types, counts and error classes, not contents. `exc_info` is reduced to the
error's class and where it was raised, since an error's text may quote what somebody wrote.
"""

from __future__ import annotations

import logging
import sys
import traceback
from types import TracebackType
from typing import Any, cast

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


class _ToStructlog(logging.Handler):
    """Lines of libraries: level, logger and the first line of the message, of warnings and worse only.

    Further lines quote what was being worked on (asyncio prints the exception of a forgotten task)."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            log = get_logger().bind(library=record.name)
            first_line = record.getMessage().partition("\n")[0][:300]
            log.log(record.levelno, first_line, exc_info=record.exc_info or None)
        except Exception:
            # a library that logs must never fail for its log line
            self.handleError(record)


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
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(service=service)
    logging.basicConfig(level=logging.WARNING, handlers=[_ToStructlog()], force=True)


def _dumps(value: object, **_: object) -> str:
    return orjson.dumps(value, default=str).decode()


def get_logger() -> FilteringBoundLogger:
    return cast(FilteringBoundLogger, structlog.get_logger())
