"""What a day's ledger is compared with: `python -m tests.browser.ledger fill N` sends N mails, `… calls LOGIN` (or
clues, letters, orders, board) prints JSON of plain SQL that shares nothing with the screens.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select, text

from hub import db
from hub.access import staff
from hub.cli.attach import attached
from hub.mailroom import register
from hub.models import Clue, User
from tests.browser import kept
from tests.browser.county import Hand, officers
from tests.browser.load import PLAIN
from tests.browser.seed import PASSWORD, mail, settled, take

if TYPE_CHECKING:
    from tests.browser.conftest import Site

ROOT = Path(__file__).parents[2]

CAST = {
    "operator": ("王接线", "430922", "operator"), "mailroom": ("李收发", "430922", "mailroom"),
    "handler": ("陈承办", "430922", "handler"), "lead": ("周科长", "430922", "lead"),
    "supervisor": ("赵督办", "430900", "supervisor"), "statistician": ("钱统计", "430922", "statistician"),
    "auditor": ("郑审计", "430922", "auditor"), "sysadmin": ("吴系统", "430922", "sysadmin"),
    "secadmin": ("冯安全", "430922", "secadmin"),
}  # fmt: skip
BY = "join staff s on s.id = x.by_user where s.login = :login group by 1"
SQL = {
    "calls": "select coalesce(x.ending, 'open'), count(*) from pad_call x join staff s on s.id = x.user_id "
             "where s.login = :login group by 1",
    "clues": "select x.state, count(*) from clue x left join staff s on s.id = x.handler_id "
             "where coalesce(s.login, '') = :login group by 1",
    "letters": f"select x.state, count(*) from letter x {BY}",
    "orders": f"select x.kind, count(*) from directive x {BY}",
    "scans": "select x.sha256, x.have from scan_file x join scan_batch b on b.id = x.batch_id "
             "join staff s on s.id = b.by_user where s.login = :login and x.state <> 'sending'",
    "channels": "select x.channel, count(*) from clue x group by 1",
    "states": "select x.state, count(*) from clue x group by 1",
    "reveals": "select x.state, count(*) from reveal x group by 1",
    "leaks": "select x.state, count(*) from leak_incident x group by 1",
    "changes": "select x.state, count(*) from grant_change x group by 1",
    "staff": "select coalesce(g.role, ''), count(distinct x.id) from staff x "
             "left join role_grant g on g.user_id = x.id group by 1",
    "citizens": "select 'intakes', count(*) from intake where source_id = 'citizen:web' union select 'reports', "
                "count(distinct c.clue_id) from intake_clue c join intake i on i.id = c.intake_id "
                "where i.source_id = 'citizen:web' union select 'clues', count(*) from clue",
    "board": "select x.state, count(*) from clue x join unit u on u.id = x.owner_unit_id where u.code = :login "
             "group by 1",
}  # fmt: skip


def told_by(site: Site, *arguments: str) -> dict[str, int]:
    """This program against a running hub, as a test asks it."""
    from tests.browser.conftest import environment

    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.ledger", *arguments], cwd=ROOT, env=environment(site.var), check=False,
        capture_output=True, text=True, timeout=240,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return dict(json.loads(done.stdout.splitlines()[-1]))


def changed(site: Site, *act: str) -> float:
    """Does something as somebody else (a clue, an act, a line of the register); when it was committed, in seconds."""
    return float(told_by(site, "change", *act)["at"])


def change(what: str, no: str = "") -> dict[str, float]:
    """One committed change. The moment is read at once after the commit: what is seen is never later than counted."""
    with db.reading() as session:
        lead = session.scalars(select(User.id).where(User.login == "lead")).one()
        clue = session.scalar(select(Clue.id).where(Clue.no == no))
    hand = Hand({"lead": lead})
    if what == "clue":
        hand.clue(int(time.time()) % 10_000)
    elif what == "letter":
        boxes = {"reporter_name": "周小川", "stamped": hand.today}
        hand.do("lead", lambda session, who: register.enter(session, who, boxes, str(time.time())))
    else:
        assert clue is not None
        hand.act(clue, what, "lead", reason="unclear")
    return {"at": time.time()}


def finish() -> dict[str, int]:
    """The newest report of the web, an anonymous one: accepted, verified and found true. Its query page tells it."""
    with db.reading() as session:
        lead = session.scalars(select(User.id).where(User.login == "lead")).one()
        clue = session.scalars(select(Clue.id).where(Clue.channel == "other").order_by(Clue.id.desc())).first()
    assert clue is not None
    hand = Hand({"lead": lead})
    hand.act(clue, "determine.P1", "lead", place="430922", **{"class": "T2"})
    hand.act(clue, "verify.start", "lead", officers=officers(PLAIN), started=hand.today)
    hand.act(clue, "verify.end", "lead", result="R1", ended=hand.today)
    return {}


def point(login: str) -> dict[str, int]:
    """The newest clues get coordinates, as the person would say them."""
    with db.reading() as session:
        user = session.scalars(select(User.id).where(User.login == login)).one()
        clues = list(session.scalars(select(Clue.id).order_by(Clue.id.desc()).limit(len(kept.POINTS))))
    Hand({login: user}).do(login, lambda session, who: kept.point(session, who, clues))
    return {}


def people() -> dict[str, int]:
    with db.transaction() as session:
        for login, (name, unit, role) in CAST.items():
            staff.add(session, login, name, PASSWORD, unit, [role])
    return {}


def fill(count: str) -> dict[str, int]:
    for n in range(1, int(count) + 1):
        take("email", f"day-{n}.eml", mail(7000 + n))
    settled(150)
    return {}


def told(what: str, login: str = "") -> dict[str, int]:
    with db.reading() as session:
        rows = session.execute(text(SQL[what]), {"login": login}).all()
    return {row[0]: row[1] for row in rows}


def settle() -> dict[str, int]:
    settled(150)
    return {}


DOES: dict[str, Callable[..., Any]] = {
    "people": people,
    "fill": fill,
    "change": change,
    "settle": settle,
    "finish": finish,
    "point": point,
}


def main(what: str, *given: str) -> None:
    with attached():
        print(json.dumps(DOES[what](*given) if what in DOES else told(what, *given)))


if __name__ == "__main__":
    main(*sys.argv[1:])
