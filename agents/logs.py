"""Logs: one line per event, for people at a terminal and as JSON for machines. Never a key, a password or content."""

import logging
import sys
from typing import Any, TextIO, cast

import structlog


def configure_logs(*, json: bool = False, verbose: bool = False) -> None:
    """Sends log lines to stderr; `verbose` adds debugging lines and the libraries' warnings."""
    level = logging.DEBUG if verbose else logging.INFO
    renderer: Any = (
        structlog.processors.JSONRenderer(ensure_ascii=False)
        if json
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=_on_stderr,
    )
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING if verbose else logging.CRITICAL)


class _Stderr:
    """Wherever stderr points when a line is written: loggers live longer than what it pointed to when they began."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def _on_stderr(*_: object) -> structlog.PrintLogger:
    return structlog.PrintLogger(cast(TextIO, _Stderr()))


def logger(agent: str) -> structlog.typing.FilteringBoundLogger:
    """A logger whose lines name the agent."""
    log: structlog.typing.FilteringBoundLogger = structlog.get_logger().bind(agent=agent)
    return log
