"""Structured logs to standard error. Nothing of a reporter or of content is ever logged (tests look for it)."""

from __future__ import annotations

import logging
import sys

import structlog

from hub.settings import settings


def configure() -> None:
    """Sets up logging for this process."""
    level = getattr(logging, settings().log_level.upper(), logging.INFO)
    logging.basicConfig(
        level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s", force=True
    )
    for noisy in ("rq.worker", "gunicorn.error", "gunicorn.access", "werkzeug", "httpx", "imapclient"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
