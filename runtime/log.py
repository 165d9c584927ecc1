"""Log lines: for people on a terminal, JSON everywhere else; libraries' lines look the same."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from structlog.typing import Processor

_NOISY = (
    "aiohttp",
    "aiosqlite",
    "alembic",
    "amqtt",
    "apprise",
    "apscheduler",
    "asyncio",
    "fontTools",
    "httpcore",
    "httpx",
    "matplotlib",
    "mqtt",
    "mqttium",
    "PIL",
    "sqlalchemy",
    "transitions",
    "urllib3",
    "uvicorn",
)
"""Libraries that tell of each statement, packet or font at info or debug; only their warnings are shown."""


@contextmanager
def hushed() -> Iterator[None]:
    """Show nothing below a warning meanwhile, unless ``debug`` was asked for."""
    root = logging.getLogger()
    before = [(handler, handler.level) for handler in root.handlers if root.level > logging.DEBUG]
    for handler, level in before:
        handler.setLevel(max(level, logging.WARNING))
    try:
        yield
    finally:
        for handler, level in before:
            handler.setLevel(level)


def configure(level: str = "info") -> None:
    """Send structlog and the standard library to stderr in one form; noisy libraries from warnings on."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    to_terminal = sys.stderr.isatty()
    renderer: Processor = (
        structlog.dev.ConsoleRenderer() if to_terminal else structlog.processors.JSONRenderer()
    )
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(level),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    threshold = logging.getLevelNamesMapping()[level.upper()]
    root.setLevel(threshold)
    for library in _NOISY:
        logging.getLogger(library).setLevel(max(threshold, logging.WARNING))
