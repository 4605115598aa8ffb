"""What a test process may do cheaper than a hub without proving less. Loaded by tests/conftest.py.

Passwords are hashed with the least argon2 takes (their strength is proved in tests/access/test_passwords.py), templates
and addresses are compiled once in a process instead of once for each application, databases live in memory.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from flask import Flask
from jinja2 import BytecodeCache, Environment
from jinja2.bccache import Bucket
from werkzeug.routing import Rule

from hub.access import passwords

MEMORY, ROOM = Path("/dev/shm"), 4 * 1024**3
AS_SHIPPED = passwords._hasher
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@contextmanager
def strong_passwords() -> Iterator[None]:
    """Inside, passwords are hashed as in a hub."""
    passwords._hasher = AS_SHIPPED
    passwords._nobody.cache_clear()
    try:
        yield
    finally:
        passwords._hasher = CHEAP
        passwords._nobody.cache_clear()


class Compiled(BytecodeCache):
    """Compiled templates of this process, by environment, name and content."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Any] = {}

    def get_bucket(self, environment: Environment, name: str, filename: str | None, source: str) -> Bucket:
        """As the parent's; what an environment puts into the code (the English pages have one) is part of the key."""
        about = f"{type(environment.loader).__name__} {environment.finalize}"
        bucket = Bucket(environment, f"{self.get_cache_key(name, filename)} {about}", self.get_source_checksum(source))
        self.load_bytecode(bucket)
        return bucket

    def load_bytecode(self, bucket: Bucket) -> None:
        bucket.code = self.known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        self.known[bucket.key, bucket.checksum] = bucket.code


def _on_first_use(compile_builder: Callable[..., Callable[..., Any]]) -> Callable[..., Callable[..., Any]]:
    """Of some 270 addresses a test builds a few: werkzeug compiles those."""

    def later(rule: Rule, append_unknown: bool = True) -> Callable[..., Any]:
        made: list[Callable[..., Any]] = []

        def build(bound: Rule, **values: Any) -> Any:
            if not made:
                made.append(compile_builder(rule, append_unknown))
            return made[0](bound, **values)

        return build

    return later


def spare() -> None:
    """Makes this process spare what this module names."""
    passwords._hasher = CHEAP
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Compiled()}
    if hasattr(Rule, "_compile_builder"):
        Rule._compile_builder = _on_first_use(Rule._compile_builder)  # type: ignore[method-assign]


def folder() -> Path:
    """A new folder for the servers of a test process: in memory where there is room, else on disk."""
    try:
        roomy = shutil.disk_usage(MEMORY).free >= ROOM
    except OSError:
        roomy = False
    return Path(tempfile.mkdtemp(prefix="hub-test-", dir=MEMORY if roomy else None))
