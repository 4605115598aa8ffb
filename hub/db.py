"""The database: one engine a process, one `transaction()` a unit of work, work that runs only after its commit."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from psycopg.errors import DeadlockDetected
from psycopg.pq import TransactionStatus
from sqlalchemy import Connection, Engine, Executable, FrozenResult, create_engine, event, text
from sqlalchemy.exc import InvalidatePoolError, OperationalError
from sqlalchemy.orm import ORMExecuteState, Session
from sqlalchemy.pool import ConnectionPoolEntry

from hub import failpoints
from hub.settings import settings

_engine: Engine | None = None
_AFTER = "after_commit"
PREPARED = 250  # statements a connection keeps planned: those of all pages
_TRUSTED = 5.0  # seconds without use for which a connection whose server has said nothing is taken to live
Done = TypeVar("Done")


def connect(url: str | None = None, *, pool: int = 5) -> Engine:
    """Opens this process's engine (call it after forking). `url` defaults to the settings."""
    global _engine  # noqa: PLW0603  one engine a process
    if _engine is not None:
        _engine.dispose()
    _engine = create_engine(
        normal(url or settings().database_url),
        pool_size=pool,
        max_overflow=pool,
        hide_parameters=True,  # an error text never quotes what was to be stored
        connect_args={
            "options": "-c statement_timeout=60000 -c idle_in_transaction_session_timeout=120000 -c timezone=UTC",
            "connect_timeout": 10,
        },
    )
    event.listen(_engine, "connect", _opened)
    event.listen(_engine, "checkout", _alive)
    event.listen(_engine, "checkin", _used)
    return _engine


def _opened(connection: Any, _record: object) -> None:
    connection.prepared_max = PREPARED


def _used(_connection: Any, record: ConnectionPoolEntry) -> None:
    record.info["used"] = time.monotonic()


def _alive(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:
    """Lets nobody have a connection that has ended.

    A server that ends one says so or closes it: then there is something to read, which costs no question. Only after
    a while without use is it asked, as `pool_pre_ping` would ask each time.
    """
    if "used" not in record.info:  # just opened
        return
    waiting = select.poll()
    waiting.register(connection.fileno(), select.POLLIN)
    idle = time.monotonic() - record.info["used"]
    if not waiting.poll(0) and (idle < _TRUSTED or _answers(connection)):
        return
    raise InvalidatePoolError


def _answers(connection: Any) -> bool:
    try:
        connection.execute("select 1")
        connection.rollback()
    except psycopg.Error:
        return False
    return True


def normal(url: str) -> str:
    """The URL with psycopg 3 named as driver, whatever spelling was given."""
    for prefix in ("postgresql://", "postgres://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url[len(prefix) :]
    return url


def forget() -> None:
    """Drops an engine inherited through fork without touching the parent's connections."""
    global _engine  # noqa: PLW0603  one engine a process
    if _engine is not None:
        _engine.dispose(close=False)
    _engine = None


def engine() -> Engine:
    return _engine if _engine is not None else connect()


@contextmanager
def transaction() -> Iterator[Session]:
    """A unit of work: commits at the end, rolls back on any exception; then runs what `after_commit` noted."""
    with Session(engine(), expire_on_commit=False) as session:
        with session.begin():
            yield session
            failpoints.hit("db.before_commit")
        failpoints.hit("db.after_commit")
        for action in session.info.get(_AFTER, ()):
            action()


def again(work: Callable[[], Done], times: int = 3) -> Done:
    """Does a whole unit of work; again where PostgreSQL ended it to break a deadlock: nothing of it was kept."""
    for _ in range(times - 1):
        try:
            return work()
        except OperationalError as error:
            if not isinstance(error.orig, DeadlockDetected):
                raise
    return work()


@contextmanager
def reading() -> Iterator[Session]:
    """A session for reads only: nothing it does is kept.

    A rollback makes the driver forget its prepared statements, so that each would be planned anew: where nothing was
    written there is nothing to take back, and the transaction ends as if it had been.
    """
    with Session(engine(), expire_on_commit=False) as session:
        yield session
        if session.in_transaction() and _only_read(session):
            session.commit()
        session.rollback()


_WRITTEN = text("select pg_current_xact_id_if_assigned() is not null")


def _only_read(session: Session) -> bool:
    """Whether the transaction stands and changed no row (one that did has a number in the database)."""
    if session.new or session.dirty or session.deleted:
        return False
    connection = session.connection()
    status = connection.connection.driver_connection.info.transaction_status  # type: ignore[union-attr]  # psycopg's
    return status == TransactionStatus.INTRANS and connection.scalar(_WRITTEN) is False


def asked(session: Session, statement: Executable, **given: Any) -> Sequence[Any]:
    """Rows of columns within the session's transaction, without its book-keeping of objects (half the time)."""
    session.flush()
    return session.connection().execute(statement, given).all()


@contextmanager
def asking() -> Iterator[Connection]:
    """A connection for single questions that each stand alone: no transaction begins and ends around them."""
    with engine().connect() as connection:
        yield connection.execution_options(isolation_level="AUTOCOMMIT")


@contextmanager
def remembering(session: Session) -> Iterator[None]:
    """Within, the same question is asked of the database once: for pages whose many parts look at the same rows.

    Whatever is written in the meantime, by this session, makes it forget. What was read stays alive as well: a session
    alone drops rows that nobody holds, and asks again for each `get`.
    """
    known: dict[object, FrozenResult[Any]] = {}

    def ask(state: ORMExecuteState) -> Any:
        if not state.is_select or session.new or session.dirty or session.deleted:
            known.clear()
            return None
        if state.is_column_load or state.is_relationship_load:
            return None
        statement: Any = state.statement
        key = statement._generate_cache_key()  # noqa: SLF001  the way of SQLAlchemy's own caching recipe
        locks = getattr(statement, "_for_update_arg", None) is not None
        if key is None or locks or state.execution_options.get("populate_existing"):
            return None
        name = (key.key, repr([bind.value for bind in key.bindparams]), repr(state.parameters))
        if name not in known:
            known[name] = state.invoke_statement().freeze()
        return known[name]()

    def forget_all(*_: object) -> None:
        known.clear()

    event.listen(session, "do_orm_execute", ask)
    event.listen(session, "after_flush", forget_all)
    try:
        yield
    finally:
        event.remove(session, "do_orm_execute", ask)
        event.remove(session, "after_flush", forget_all)


def after_commit(session: Session, action: Callable[[], None]) -> None:
    """Runs `action` once the unit of work is committed; never on rollback."""
    session.info.setdefault(_AFTER, []).append(action)
