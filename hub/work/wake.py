"""Wakes the workers of a queue through RQ. Losing Redis loses nothing: the sweeper wakes again."""

from __future__ import annotations

import threading

import redis
import structlog
from rq import Queue
from rq.serializers import JSONSerializer

from hub.settings import settings

log = structlog.get_logger("hub.work")
DRAIN = "hub.worker.drain"
_local = threading.local()


def client() -> redis.Redis:
    """This thread's connection pool to Redis; short timeouts, because a wake-up may never hold an acknowledgement."""
    url = settings().redis_url
    if getattr(_local, "url", None) != url:
        _local.client = redis.Redis.from_url(url, socket_connect_timeout=1, socket_timeout=2)
        _local.url = url
    made: redis.Redis = _local.client
    return made


def wake(queue: str, *, force: bool = False) -> None:
    """Enqueues one drain of the queue unless one was asked for in the last 5 s and has not begun."""
    if not settings().redis_url:
        return
    try:
        connection = client()
        if force or connection.set(f"wake:{queue}", "1", nx=True, ex=5):
            Queue(queue, connection=connection, serializer=JSONSerializer).enqueue(
                DRAIN, queue, result_ttl=0, failure_ttl=60, job_timeout=-1
            )
    except redis.RedisError as error:
        log.warning("wake_failed", queue=queue, error=type(error).__name__)


def begun(queue: str) -> None:
    """A drain has begun: from now on a new row needs a new wake-up."""
    try:
        client().delete(f"wake:{queue}")
    except redis.RedisError as error:
        log.warning("wake_failed", queue=queue, error=type(error).__name__)
