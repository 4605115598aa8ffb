"""What a person's screens must say, counted from the tables of casework by SQL that shares nothing with the screens.

Who sees a clue is worked out anew (who held, received or helps with it, and everybody above; less the walls), never
read from `clue_unit` or the counters. `screens` reads the same numbers from the pages as that person gets them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from html import unescape
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import text

from hub import clock, db
from hub.access.people import Actor
from hub.jurisdiction.divisions import table

Numbers = dict[str, Any]
MOST, CAP = 200, 100  # of a list, of a view: more is shown as "+"
OPEN = "('received', 'to_determine', 'escalated', 'designated', 'verifying', 'to_tell')"
SEEN = """
    with holds as (
      select id as clue_id, received_unit_id as unit_id from clue union select id, owner_unit_id from clue
      union select clue_id, unit_id from clue_hold union select clue_id, unit_id from clue_assist where until is null),
    standing as (select * from clue_wall where state in ('held', 'confirmed')),
    c as (
      select clue.*, clue.state in {open} as open, owner.path as owner_path, owner.code as owner_code,
             exists (select from clock k where k.clue_id = clue.id and stopped_at is null
                     and due = :today) as due_today,
             exists (select from clock k where k.clue_id = clue.id and stopped_at is null
                     and due < :today) as overdue
      from clue join unit owner on owner.id = clue.owner_unit_id
      where exists (select from holds join unit h on h.id = holds.unit_id
                    where holds.clue_id = clue.id and h.path @> to_jsonb(cast(:unit as bigint)))
        and not exists (select from standing w where w.clue_id = clue.id and (
              w.user_id = :person or w.unit_id = any(:path) or (w.user_id is null and w.unit_id is null))))
""".replace("{open}", OPEN)
SUPERVISORS, READERS = {"lead", "supervisor"}, {"operator", "mailroom", "handler", "lead"}
TASKS = {"call": {"operator", "handler", "lead"}, "letter": {"mailroom", "handler", "lead"},
         "reply": {"mailroom", "handler", "lead"}}  # fmt: skip


class Recount:
    """The numbers of one person, by SQL."""

    def __init__(self, who: Actor) -> None:
        self.who, self.today = who, clock.today()
        self.found: Numbers = {}

    def rows(self, query: str, **more: Any) -> list[Any]:
        given = {"unit": self.who.unit_id, "person": self.who.user_id, "path": list(self.who.path),
                 "today": self.today, "roles": sorted(self.who.roles), **more}  # fmt: skip
        with db.reading() as session:
            return list(session.execute(text(SEEN + query), given))

    def put(self, name: str, number: Any) -> None:
        if number:
            self.found[name] = number

    def queue(self) -> None:
        """Tabs, quick views."""
        one = self.rows("""select count(*) as all, count(*) filter (where open) as open,
            count(*) filter (where open and due_today) as today, count(*) filter (where open and overdue) as overdue,
            count(*) filter (where open and (handler_id = :person or handler_id in (
              select user_id from absence where deputy_id = :person and unit_id = :unit and since <= :today
              and until >= :today and ended_at is null))) as mine from c""")[0]  # fmt: skip
        self.put("queue:all", one.all)
        self.put("queue:open", one.open)
        for view in ("mine", "today", "overdue"):
            self.put(f"view:{view}", min(CAP, getattr(one, view)))
        for channel, n in self.rows("select channel, count(*) from c group by 1"):
            self.put(f"queue:channel:{channel}", n)

    def kept(self, views: dict[int, str]) -> None:
        """Kept views: id → its condition in SQL."""
        for number, where in views.items():
            self.put(f"kept:{number}", min(CAP, self.rows(f"select count(*) from c where {where}")[0][0]))

    def tasks(self) -> None:
        rows = self.rows("""select t.kind, count(*) from notice_task t join notice n on n.id = t.notice_id
            join c on c.id = n.clue_id where t.state = 'open' and t.unit_id = :unit group by 1""")
        for kind, n in rows:
            if TASKS[kind] & self.who.roles:
                self.put(f"task:{kind}", n)

    def board(self, code: str) -> None:
        """Lines of the unit and of those below it, with the sum."""
        rows = self.rows("""select line.code, count(*) as open, count(*) filter (where due_today) as today,
              count(*) filter (where overdue) as overdue
            from c join unit top on top.code = :top join unit line
              on (line.id = top.id and c.owner_unit_id = top.id)
              or (line.parent_id = top.id and c.owner_path @> to_jsonb(line.id))
            where c.open group by 1""", top=code)  # fmt: skip
        lower = self.rows("select from unit u join unit top on top.id = u.parent_id where top.code = :top", top=code)
        for what in ("open", "today", "overdue"):
            for row in rows:
                self.put(f"board:{code}:{row.code}:{what}", getattr(row, what))
            if lower:  # a unit without any below it needs no sum
                self.put(f"board:{code}:sum:{what}", sum(getattr(row, what) for row in rows))

    def tiles(self) -> None:
        """What waits for the person: lists of the board, with what of it is late."""
        since = self.today - timedelta(days=30)
        days = {"since": since, "until": self.today + timedelta(days=1)}
        day = "(cast({} as timestamptz) at time zone 'Asia/Shanghai')::date"

        def put(name: str, query: str) -> None:
            row = self.rows(query, **days)[0]
            self.put(f"tile:{name}", min(row.n, MOST))
            self.put(f"late:{name}", row.late)

        put("objections", """select count(*) as n, 0 as late from objection o join c on c.id = o.clue_id
            where o.state = 'open' and o.designator_id = :unit and c.state = 'designated'""")  # fmt: skip
        put("holds", """select count(*) as n, count(*) filter (where w.user_id is null and exists (
              select from clock k where k.clue_id = c.id and k.kind = 'wall' and k.stopped_at is null
              and k.due < :today)) as late
            from clue_wall w join c on c.id = w.clue_id
            where w.state = 'held' and c.state <> 'merged' and c.owner_unit_id = :unit""")  # fmt: skip
        put("directives", f"""select count(*) as n,
              count(*) filter (where d.replied_at is null and d.due < :today) as late
            from directive d join c on c.id = d.clue_id join unit u on u.id = d.to_unit_id
            where u.path @> to_jsonb(cast(:unit as bigint))
              and {day.format("d.at")} between :since and :today""")  # fmt: skip
        put("major", f"""select count(*) as n, count(*) filter (where exists (
              select from clock k where k.clue_id = c.id and k.kind = 'major_report' and k.stopped_at = m.at
              and {day.format("m.at")} > k.due)) as late
            from major_report m join c on c.id = m.clue_id
            where m.to_unit_id = :unit and {day.format("m.at")} >= :since""")  # fmt: skip
        put("alerts", """select count(*) as n, 0 as late from (
              select k.clue_id, k.kind from clock_warning w join clock k on k.id = w.clock_id join c on c.id = k.clue_id
              where w.unit_id = :unit and k.stopped_at is null
                and (w.user_id = :person or (w.user_id is null and w.role = any(:roles)))
              union select s.clue_id, 'verification' from stall_alert s join c on c.id = s.clue_id
              where s.unit_id = :unit and s.role = any(:roles) and c.state = 'verifying') one""")  # fmt: skip
        put("feedback", f"""select count(*) as n, 0 as late from event e join c on e.object = 'clue:' || c.id
            where e.act = 'feedback' and {day.format("e.at")} >= :since
              and exists (select from clue_hop h where h.clue_id = c.id and h.act = 'hand_down'
                          and h.from_unit_id = :unit)""")  # fmt: skip
        put("kinds", f"""select count(*) as n, 0 as late from kind_decision d join unit u on u.id = d.unit_id
            where u.path @> to_jsonb(cast(:unit as bigint)) and {day.format("d.at")} >= :since
              and not exists (select from intake_clue i join standing w on w.clue_id = i.clue_id
                              where i.intake_id = d.intake_id and (w.user_id = :person or w.unit_id = any(:path)
                                    or (w.user_id is null and w.unit_id is null)))""")  # fmt: skip

    def trends(self, code: str) -> None:
        """Places, states now, what came by each channel week by week."""
        area = "c.owner_path @> to_jsonb((select id from unit where code = :top))"
        below = {one.code for one in table().children("" if code == "000000" else code)} | {code}
        for row in self.rows(f"""select division, count(*) as open, count(*) filter (where due_today) as today,
                count(*) filter (where overdue) as overdue
                from c where c.open and {area} group by 1""", top=code):  # fmt: skip
            chain = [row.division, *(one.code for one in table().ancestors(row.division))] if row.division else []
            place = next((one for one in chain if one in below), "-")
            for what in ("open", "today", "overdue"):
                name = f"trend:{code}:{place}:{what}"
                self.put(name, self.found.get(name, 0) + getattr(row, what))
        for state, n in self.rows(f"select state, count(*) from c where c.open and {area} group by 1", top=code):
            self.put(f"trend:{code}:states:{state}:11", n)
        week = "cast(date_trunc('week', c.at at time zone 'Asia/Shanghai') as date)"
        first = self.today - timedelta(days=self.today.weekday(), weeks=11)
        for channel, day, n in self.rows(f"""select channel, {week}, count(*) from c
                where {area} and {week} >= :first group by 1, 2""", top=code, first=first):  # fmt: skip
            self.put(f"trend:{code}:sources:{channel}:{(day - first).days // 7}", n)


def areas(who: Actor, *, deep: bool) -> list[str]:
    """The own unit; `deep`: also some below it that the person opens the board of."""
    known = {"430000": ["430000", "430900", "430922"], "430900": ["430900", "430922"]}
    return known.get(who.unit_code, [who.unit_code]) if deep else [who.unit_code]


def expected(who: Actor, views: dict[int, str], *, deep: bool = True) -> Numbers:
    """Every number of the person's screens that is not nought."""
    made = Recount(who)
    made.queue()
    made.kept(views)
    if who.roles & READERS:
        made.tasks()
    if who.roles & SUPERVISORS:
        made.tiles()
        for code in areas(who, deep=deep):
            made.board(code)
            made.trends(code)
    return made.found


def _links(page: str) -> Iterator[tuple[str, int]]:
    for name, number in re.findall(r'data-count="([^"]+)"[^>]*>(\d+)</a>', page):
        yield unescape(name), int(number)


def _number(words: str) -> int:
    return int(words[:-1]) + (words == "99+") if words.endswith("+") else int(words)


def screens(client: FlaskClient, who: Actor, *, deep: bool = True) -> Numbers:
    """The same numbers as the pages say them to the person; nought is left out."""
    found: Numbers = {}

    def page(path: str) -> str:
        answer = client.get(path)
        assert answer.status_code == 200, (who.login, path, answer.status_code)
        return str(answer.text)

    queue = page("/queue")
    tabs = queue[queue.index('class="tabs"') :]
    found["queue:all"] = int(re.findall(r"<b>(\d+)</b>", tabs)[0])
    for channel, n in re.findall(r'href="/queue\?channel=([a-z]+)"[^>]*>[^<]+<b>(\d+)</b>', tabs):
        found[f"queue:channel:{channel}"] = int(n)
    found["queue:open"] = int(re.findall(r"在办 <b>(\d+)</b>", tabs)[0])
    for view, n in re.findall(r'href="/queue\?view=([a-z]+)"[^>]*>[^<]+<b class="[^"]*">(\d+\+?)</b>', queue):
        found[f"view:{view}"] = _number(n)
    found |= {f"kept:{number}": n for number, n in client.get("/views/counts").json.items()}  # type: ignore[union-attr]
    if who.roles & READERS:
        for kind, n in re.findall(r'href="/tasks\?kind=([a-z]+)"[^>]*>[^<]+<b>(\d+)</b>', page("/tasks")):
            found[f"task:{kind}"] = int(n)
    if who.roles & SUPERVISORS:
        for code in areas(who, deep=deep):
            board = page(f"/supervise?unit={code}")
            found |= {f"board:{code}:{name}": n for name, n in _links(board)}
            found |= {f"trend:{code}:{name}": n for name, n in _links(page(f"/supervise/trends?unit={code}"))}
            if code == who.unit_code:
                found |= _tiles(board)
        _same_by_program(client, found)
    return {name: n for name, n in found.items() if n}


def _tiles(board: str) -> Numbers:
    found = {}
    tile = r'class="tile [^"]*" href="/supervise/(\w+)">[^<]+<b class="num">(\d+\+?)</b><small>(?:超期 (\d+))?'
    for name, n, late in re.findall(tile, board):
        found[f"tile:{name}"], found[f"late:{name}"] = int(n.rstrip("+")), int(late or 0)
    assert len(found) == 14, found
    return found


def _same_by_program(client: FlaskClient, found: Numbers) -> None:
    """The interface says what the page says."""
    told = client.get("/api/v1/supervision").json
    assert told is not None
    for line in told["lines"]:
        for what in ("open", "today", "overdue"):
            assert found.get(f"board:{told['unit']}:{line['code']}:{what}", 0) == line[what], (line, what)
