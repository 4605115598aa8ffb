"""What the demo needs in the database: the entrances of one county and its accounts."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from channels.registry import channel
from hub import db
from hub.access import staff
from hub.access.sealing import open_key
from hub.demo.inputs import CITY, UNIT, manifest
from hub.demo.providers import SOURCES, Providers
from hub.demo.state import State
from hub.models import Clue, Intake, Source, User, Work
from hub.ports import add_source
from hub.terms import Role

PASSWORD = "demo-12336"  # noqa: S105  documented, and made only by `hub up --demo`
PEOPLE = (
    ("operator", "演示接线员", UNIT, Role.OPERATOR),
    ("mailroom", "演示收发员", UNIT, Role.MAILROOM),
    ("handler", "演示承办人", UNIT, Role.HANDLER),
    ("lead", "演示负责人", UNIT, Role.LEAD),
    ("supervisor", "演示督办人", CITY, Role.SUPERVISOR),
    ("statistician", "演示统计员", UNIT, Role.STATISTICIAN),
    ("auditor", "演示审计员", UNIT, Role.AUDITOR),
    ("sysadmin", "演示系统管理员", UNIT, Role.SYSADMIN),
    ("secadmin", "演示安全管理员", UNIT, Role.SECADMIN),
)
READING = ("normalize", "fetch", "transcribe", "read_scan", "enrich")


def ensure(state: State, providers: Providers) -> None:
    """Makes or updates the entrances and accounts, in one transaction; changes nothing where they stand already."""
    with db.transaction() as session:
        if session.get(Source, SOURCES["mail"]) is None:  # a new database: nothing was ever sent to it
            state.sent, state.clues = [], []
            state.fresh = session.scalar(select(Clue.id).limit(1)) is None
        for source_id, (name, given, secrets) in providers.settings().items():
            code = source_id.partition(":")[0]
            checked = channel(code).settings(**given).model_dump(mode="json")
            if not _stands(session, source_id, checked, secrets):
                add_source(session, source_id, code, UNIT, name, settings=checked, secrets=secrets)
        present = set(session.scalars(select(User.login)))
        for login, name, unit, role in PEOPLE:
            if login not in present:
                staff.add(session, login, name, PASSWORD, unit, [role], demo=True)


def _stands(session: Session, source_id: str, given: dict[str, object], secrets: dict[str, str]) -> bool:
    row = session.get(Source, source_id)
    if row is None or row.settings != given or not row.enabled:
        return False
    return bool(open_key(session, row.key_id).json(row.secrets, "source.secrets") == secrets)


def standing(session: Session, state: State) -> tuple[int, int, int]:
    """(clues, those of them with suggestions, mails not fetched yet and work rows that still read or enrich).

    Once the demo was loaded only its own clues count: what others sent since must not delay a restart.
    """
    own = [Clue.id.in_(state.clues)] if state.clues else []
    total = session.scalar(select(func.count(Clue.id)).where(*own)) or 0
    done = session.scalar(select(func.count(Clue.id)).where(Clue.enriched, *own)) or 0
    if state.clues:
        return total, done, 0
    live = select(func.count(Work.id)).where(Work.state != "dead", Work.handler.in_(READING))
    taken = select(func.count(Intake.id)).where(Intake.source_id == SOURCES["mail"])
    mails = sum(len(entry.files) for entry in manifest() if entry.door == "imap")
    waiting = max(0, mails - (session.scalar(taken) or 0))  # a reply makes no clue: counting clues would not miss it
    return total, done, waiting + (session.scalar(live) or 0)


def clue_ids(session: Session) -> list[int]:
    return list(session.scalars(select(Clue.id).order_by(Clue.id)))


def expected(state: State) -> int:
    """How many clues must stand."""
    return len(state.clues) or sum(len(entry.expect) for entry in manifest())
