"""What a day's ledger is compared with: `python -m tests.browser.ledger fill N` sends N mails, `… calls LOGIN` (or
clues, letters, orders, board) prints JSON of plain SQL that shares nothing with the screens.
"""

from __future__ import annotations

import json
import sys

from sqlalchemy import text

from hub import db
from hub.access import staff
from hub.cli.attach import attached
from tests.browser.seed import PASSWORD, mail, settled, take

CAST = {
    "operator": ("王接线", "430922", "operator"), "mailroom": ("李收发", "430922", "mailroom"),
    "handler": ("陈承办", "430922", "handler"), "lead": ("周科长", "430922", "lead"),
    "supervisor": ("赵督办", "430900", "supervisor"),
}  # fmt: skip
BY = "join staff s on s.id = x.by_user where s.login = :login group by 1"
SQL = {
    "calls": "select coalesce(x.ending, 'open'), count(*) from pad_call x join staff s on s.id = x.user_id "
             "where s.login = :login group by 1",
    "clues": "select x.state, count(*) from clue x left join staff s on s.id = x.handler_id "
             "where coalesce(s.login, '') = :login group by 1",
    "letters": f"select x.state, count(*) from letter x {BY}",
    "orders": f"select x.kind, count(*) from directive x {BY}",
    "board": "select x.state, count(*) from clue x join unit u on u.id = x.owner_unit_id where u.code = :login "
             "group by 1",
}  # fmt: skip


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


def told(what: str, login: str) -> dict[str, int]:
    with db.reading() as session:
        rows = session.execute(text(SQL[what]), {"login": login}).all()
    return {row[0]: row[1] for row in rows}


def main(what: str, argument: str = "") -> None:
    with attached():
        print(json.dumps(people() if what == "people" else fill(argument) if what == "fill" else told(what, argument)))


if __name__ == "__main__":
    main(*sys.argv[1:])
