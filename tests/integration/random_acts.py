"""Random acts of everybody in a county, its neighbour, the city and the province, through web and interface.

Acts are tried until one goes through; each that did is a line of the ledger. The same seed does the same.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from channels.contract import Blob, form_intake
from channels.registry import channel, channels
from hub import casework, clock, db, intake
from hub.access import people, sessions, staff
from hub.access.people import Actor
from hub.casework.counters import fold_counters
from hub.law import workflow
from hub.models import Clue, NoticeTask, SignIn, Unit, Work
from hub.worker import drain
from tests.integration.casework.conftest import CITY, COUNTY, OFFICERS, PROVINCE, SIBLING, Desk

CAST = {
    "operator": (COUNTY, ["operator"]), "mailroom": (COUNTY, ["mailroom"]), "handler": (COUNTY, ["handler"]),
    "second": (COUNTY, ["handler"]), "lead": (COUNTY, ["lead"]), "deputy": (COUNTY, ["lead"]),
    "neighbour": (SIBLING, ["handler"]), "neighbourlead": (SIBLING, ["lead"]), "city": (CITY, ["supervisor"]),
    "citylead": (CITY, ["lead"]), "cityhandler": (CITY, ["handler"]), "province": (PROVINCE, ["supervisor"]),
    "provincelead": (PROVINCE, ["lead"]), "auditor": (COUNTY, ["auditor"]),
}  # fmt: skip
FACTS = "有人未经批准占用耕地{n}亩建厂房，已经盖好。"
PLACES = (
    "湖南省益阳市桃江县武潭镇红旗村，",
    "湖南省益阳市沅江市草尾镇，",
    "桃江县，",
    "益阳市安化县梅城镇望城村，",
    "",
)
ACCUSED = "桃江县自然资源局的工作人员收了好处不管。"
CODES = (COUNTY, SIBLING, "430922104", "430900", "430903", "430100")
SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
WHY = {"reason_text": "依据材料决定"}
DIRECT = {"due": "@soon", **WHY}

# Data of each act; "@…" stands for what the clue or the day gives. Several rows: one of them by chance.
PLANS: dict[str, list[dict[str, Any]]] = {
    "assign": [{"handler": "@colleague"}], "unassign": [WHY], "hand_down": [{"unit": "@below", **WHY}],
    "ask": [{"how": "call", "missing": "place"}],
    "determine.P1": [{"place": "@own", "class": one} for one in ("T2", "T2", "K1")],
    "escalate": [{"reason": "crosses", "units": [SIBLING, COUNTY]}, {"reason": "unclear"}],
    "refer_on": [{"reason": "unclear"}], "return": [WHY],
    "designate": [{"unit": one, "issued": "@today"} for one in (COUNTY, SIBLING)],
    "confirm_competence": [{"unit": one, "issued": "@today"} for one in (COUNTY, SIBLING)],
    "object": [WHY], "objection.dismiss": [WHY], "redesignate": [{"unit": SIBLING, "issued": "@today"}],
    "determine.P3": [{"ground": one} for one in ("N3", "N5", "N2", "N4")], "determine.P5": [{"missing": "facts"}],
    "merge": [{"main": "@other", **SAME}], "unmerge": [WHY],
    "determine.member": [{"place": "@own", "class": "T2"}], "split": [WHY],
    "close.not_a_clue": [{"kind": "consultation", "reason": "只是咨询办事程序"}],
    "verify.start": [{"officers": OFFICERS, "started": "@today"}], "verify.record": [{"visited": "@today"}],
    "verify.end": [{"result": one, "ended": "@today"} for one in ("R0", "R1")],
    "tell.determination": [{"told_at": "@now"}], "tell.no_violation": [{"result": "R0", "told_at": "@now"}],
    "tell.violation": [{"result": "R1", "told_at": "@now"}],
    "reopen.determination": [WHY], "reopen.result": [WHY], "reopen.transfer": [WHY],
    "transfer": [{"department": "农业农村主管部门", "stage": "verify"}], "transfer.receipt": [{"receipt_no": "收1号"}],
    "transfer.result": [{"result": "R1", "answer_no": "复2号"}], "transfer.back": [WHY],
    "assist.add": [{"assisting": [SIBLING]}], "assist.release": [{"assisting": [SIBLING]}],
    "assist.opinion": [{"words": "已核对"}], "feedback": [{"words": "正在办理，已到现场"}],
    "link_case": [{"case_no": "罚1号"}], "case.decided": [{"case_no": "罚1号", "effective": "@today"}],
    "case.published": [{"published_in": "县政府网站"}],
    "stop_order": [{"order_no": "停1号", "addressee": "某公司", "conduct": "占地", "basis": "第六十七条"}],
    "contact.log": [{"contacted": "village", "how": "call", "outcome": "reached"}],
    "revisit": [{"outcome": "reached", "score": "4"}], "wall.hold": [{"unit": COUNTY}, {"unit": SIBLING}],
    "wall.confirm": [{}], "wall.reassign": [{"unit": SIBLING}, {"unit": COUNTY}], "wall.release": [WHY],
    "recuse": [WHY], "recuse.other": [{"person": "@person", **WHY}], "recuse.confirm": [{"person": "@person"}],
    "recuse.release": [{"person": "@person", **WHY}],
    "discipline.hand_over": [{"number": "纪1号", "receiver": "县纪委监委"}],
    "mark.major": [{"criterion": "farmland", **WHY}],
    "mark.importance": [{"importance": one, **WHY} for one in ("ordinary", "important")],
    "report.major": [WHY], "supervise.letter": [DIRECT], "supervise.order": [DIRECT],
    "reply.letter": [WHY], "reply.order": [WHY], "reply.referral": [WHY], "circulate": [{"document_no": "通1号"}],
}  # fmt: skip
RARE = {"determine.P5", "split", "close.not_a_clue", "wall.hold", "reopen.determination", "reopen.result", "recuse",
        "contact.log", "mark.importance", "unassign", "link_case", "assign", "ask", "stop_order"}  # fmt: skip

ONWARD = {"determine.P1", "verify.start", "verify.record", "verify.end", "tell.determination", "tell.no_violation",
          "tell.violation", "designate", "merge", "transfer.result"}  # fmt: skip
"""What brings a clue to its end: else most would stay where they came in."""


@dataclass
class World:
    """Everybody's browser, and the acts they did."""

    desk: Desk
    app: Flask
    seed: int
    done: Counter[str] = field(default_factory=Counter)
    tried: Counter[str] = field(default_factory=Counter)
    ledger: list[dict[str, Any]] = field(default_factory=list)
    who: dict[str, Actor] = field(default_factory=dict)
    clients: dict[str, tuple[FlaskClient, str, Any]] = field(default_factory=dict)
    runs: list[tuple[str, int]] = field(default_factory=list)  # of many rows at once, by whom
    clues: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        with db.transaction() as session:
            for login, (unit, roles) in CAST.items():
                person = staff.add(session, login, f"人{login}", "a long password", unit, roles)
                session.flush()
                found = people.actor(session, person.id)
                assert found is not None
                self.who[login] = found

    # ---- hands

    def browser(self, login: str) -> tuple[FlaskClient, str]:
        """The person's browser, signed in on this day."""
        kept = self.clients.get(login)
        if kept is None or kept[2] != clock.today():
            with db.transaction() as session:
                client = self.app.test_client()
                cookie = sessions.begin(session, self.who[login].user_id)
                client.set_cookie("hub", cookie)
                session.flush()
                wanted = select(SignIn.csrf).where(SignIn.user_id == self.who[login].user_id)
                token = session.scalars(wanted.order_by(SignIn.created.desc())).first() or ""
            self.clients[login] = (client, token, clock.today())
        return self.clients[login][:2]

    def post(self, login: str, path: str, **more: Any) -> Any:
        client, token = self.browser(login)
        answer = client.post(path, headers={"X-CSRF-Token": token}, **more)
        assert answer.status_code < 500, (login, path, more, answer.text[-2000:])
        return answer

    def note(self, what: str, **told: Any) -> None:
        self.done[what] += 1
        at = clock.china(clock.now()).isoformat(timespec="minutes")
        self.ledger.append({"n": len(self.ledger) + 1, "at": at, "what": what, **told})

    # ---- one step

    def step(self) -> None:
        """One act that goes through."""
        before = len(self.ledger)
        while len(self.ledger) == before:
            ways: list[Callable[[], None]] = [self.mail, self.letter, self.call, self.many, self.task, self.place]
            way = self.rng.choices([*ways, self.act, self.day], [5, 2, 3, 3, 5, 3, 40, 4])[0]
            if self.clues < 4:
                way = self.mail
            way()

    def day(self) -> None:
        """A day passes, with what time itself does; no act."""
        self.desk.go(timedelta(days=1))
        with db.transaction() as session:
            while casework.sweep(session):
                pass
        if self.rng.random() < 0.5:
            with db.transaction() as session:
                fold_counters(session)
        self.work()

    def work(self) -> None:
        """What the workers have to do is done."""
        drain("light")
        drain("text")
        drain("light")

    def _registered(self, raw: Any, unit: str, what: str) -> None:
        taken = intake.accept(raw, unit=unit)
        with db.transaction() as session:
            made = intake.register(session, taken.intake_id, channel(raw.channel).normalize(raw))
            session.execute(delete(Work).where(Work.handler == "normalize"))
        self.clues += len(made)
        self.work()
        self.note(what, unit=unit, clues=made)

    def _words(self) -> str:
        words = self.rng.choice(PLACES) + FACTS.format(n=self.rng.randrange(2, 40))
        return words + (ACCUSED if self.rng.random() < 0.12 else "")

    def mail(self) -> None:
        n = self.rng.randrange(10**9)
        body = (
            f"From: p{n}@example.org\r\nTo: clue@example.cn\r\nMessage-ID: <{n}@example.org>\r\nSubject: jubao\r\n"
            "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
            f"{self._words()}\r\n"
        )
        files = [Blob("a.eml", "", body.encode())]
        (raw,) = channels()["email"].from_files(files, {}, source_id="cli:email", now=clock.now())
        self._registered(raw, self.rng.choice((COUNTY, COUNTY, COUNTY, SIBLING, CITY)), "mail")

    def _form(self, code: str, values: dict[str, str], unit: str) -> None:
        key = f"r{self.rng.randrange(10**9)}"
        raw = form_intake(code, channel(code).forms[0], values, [], key=key, at=clock.now())
        self._registered(raw, unit, code)

    def call(self) -> None:
        n = self.rng.randrange(1000)
        values = {"caller": f"0737-8{n:06d}", "name": "张三", "facts": self._words(),
                  "place": self.rng.choice(PLACES).strip("，") or "桃江县"}  # fmt: skip
        self._form("phone", values, self.rng.choice((COUNTY, COUNTY, SIBLING)))

    def letter(self) -> None:
        values = {"place": "桃江县武潭镇", "facts": self._words(), "reporter_name": "李四",
                  "reporter_phone": f"1380000{self.rng.randrange(10000):04d}",
                  "reporter_address": "桃江县桃花江镇1号"}  # fmt: skip
        self._form("letter", values, COUNTY)

    def _some(self) -> tuple[Clue, str]:
        """A clue, rather a younger one, and the code of its holder."""
        with db.reading() as session:
            ids = session.scalars(select(Clue.id).order_by(Clue.id)).all()
            at = ids[max(self.rng.randrange(len(ids)), self.rng.randrange(len(ids)))]
            clue = session.get_one(Clue, at)
            code = session.get_one(Unit, clue.owner_unit_id).code
            session.expunge_all()
        return clue, code

    def _of(self, codes: tuple[str, ...], roles: Any) -> str | None:
        able = [login for login, (unit, has) in CAST.items() if unit in codes and not set(has).isdisjoint(roles)]
        return self.rng.choice(able) if able else None

    def act(self) -> None:
        clue, code = self._some()
        rules = workflow.rules()
        fit = [name for name in PLANS if clue.state in rules[name].sources]
        if not fit:
            return
        name = self.rng.choices(fit, [1 if one in RARE else 16 if one in ONWARD else 4 for one in fit])[0]
        rule = rules[name]
        units = {"owner": (code,), "designator": (CITY, PROVINCE), "above": (CITY, PROVINCE), "assisting": (SIBLING,),
                 "team": (code, SIBLING), "anyone": (code, CITY, PROVINCE, SIBLING, COUNTY)}[rule.by]  # fmt: skip
        login = self._of(units, rule.roles)
        if login is None:
            return
        data = {key: self._given(value, clue, code, login) for key, value in self.rng.choice(PLANS[name]).items()}
        if any(value is None for value in data.values()):
            return
        self.tried[name] += 1
        body = {"version": clue.version, "data": data}
        answer = self.post(login, f"/api/v1/clues/{clue.no}/acts/{name}", json=body)
        if answer.status_code == 200:
            self.work()
            self.note(name, by=login, clue=clue.no, data=data)

    def _given(self, value: Any, clue: Clue, code: str, login: str) -> Any:
        if not isinstance(value, str) or not value.startswith("@"):
            return value
        if value == "@other":
            with db.reading() as session:
                same = select(Clue.no).where(Clue.owner_unit_id == clue.owner_unit_id, Clue.id != clue.id)
                mains = session.scalars(
                    same.where(Clue.state.in_(("to_determine", "verifying"))).order_by(Clue.id)
                ).all()
            return self.rng.choice(mains) if mains else None
        people_of = [one for one, (unit, _) in CAST.items() if unit == code and one != "auditor"]
        return {
            "@own": code, "@below": self.rng.choice((COUNTY, SIBLING)), "@today": clock.today().isoformat(),
            "@now": clock.now().isoformat(), "@soon": (clock.today() + timedelta(days=3)).isoformat(),
            "@colleague": self.who[self.rng.choice(people_of)].user_id,
            "@person": self.who[self.rng.choice([one for one in CAST if one != login])].user_id,
        }[value]  # fmt: skip

    def many(self) -> None:
        """One act on several rows by the queue's form, or such a run taken back."""
        if self.runs and self.rng.random() < 0.3:
            login, number = self.runs.pop()
            if self.post(login, f"/queue/bulk/{number}/undo").status_code in (200, 303):
                self.note("bulk.undo", by=login, run=number)
            return
        login = self.rng.choice(("lead", "neighbourlead", "deputy"))
        with db.reading() as session:
            mine = select(Clue).where(Clue.owner_unit_id == self.who[login].unit_id).order_by(Clue.id.desc()).limit(12)
            rows = [f"{one.no}~{one.version}" for one in session.scalars(mine)]
        rows = self.rng.sample(rows, min(len(rows), 4))
        act = self.rng.choice(("assign", "assign", "unassign", "mark.importance", "auto"))
        colleague = self._of((CAST[login][0],), ("handler", "lead")) or login
        data = {"act": act, "row": rows, "handler": str(self.who[colleague].user_id), "importance": "important", **WHY}
        answer = self.post(login, "/queue/bulk/do", data=data)
        if answer.status_code in (200, 303) and rows:
            number = answer.location.rpartition("run=")[2] if answer.status_code == 303 else ""
            self.runs += [(login, int(number))] if number.isdigit() else []
            self.note(f"bulk.{act}", by=login, rows=rows)

    def task(self) -> None:
        """A call-back, a letter posted or come back, a reply."""
        with db.reading() as session:
            rows = session.scalars(select(NoticeTask).where(NoticeTask.state.in_(("open", "done")))).all()
            tasks = [(row.id, row.kind, row.state, session.get_one(Unit, row.unit_id).code) for row in rows]
        if not tasks:
            return
        number, kind, state, code = self.rng.choice(tasks)
        login = self._of((code,), ("lead",) if kind != "call" else ("handler", "lead", "operator"))
        if login is None or (state == "done" and kind != "letter"):
            return
        base = f"/api/v1/tasks/{number}"
        if kind == "call":
            outcome: dict[str, Any] = {
                "outcome": self.rng.choice(("no_answer", "wrong_number", "refused", "told", "told"))
            }
            if outcome["outcome"] == "told":
                outcome["proof"] = self._proof(login, base)
            answer = self.post(login, f"{base}/outcome", json=outcome)
            kind = f"call {outcome['outcome']}"
        elif state == "done":
            answer = self.post(login, f"{base}/returned", json={})
            kind = "letter returned"
        else:
            answer = self.post(login, f"{base}/sent", json={"reference": f"邮{self.rng.randrange(10**6)}"})
        if answer.status_code == 200:
            self.work()
            self.note(f"task.{kind}", by=login, task=number)

    def _proof(self, login: str, base: str) -> str:
        with db.reading() as session:
            clue = session.scalars(select(Clue).limit(1)).first()
            assert clue is not None
        for name, contact in (("张三", ""), ("李四", "")):
            answer = self.post(login, f"{base}/proof", json={"name": name, "contact": contact})
            if answer.status_code == 200:
                return str(answer.json["proof"])
        return ""

    def place(self) -> None:
        """Somebody says where it happened, or what class it is."""
        clue, code = self._some()
        login = self._of((code,), ("handler", "lead", "operator"))
        if login is None:
            return
        body = {"version": clue.version, "field": "place", "value": self.rng.choice(CODES)}
        if self.post(login, f"/api/v1/clues/{clue.no}/values", json=body).status_code == 200:
            self.note("place", by=login, clue=clue.no, value=body["value"])

    def keep(self, path: Path, wrong: dict[str, Any]) -> None:
        """Writes what was done until a number was wrong."""
        path.parent.mkdir(parents=True, exist_ok=True)
        again = (
            f"HUB_TEST_SEED={self.seed} python -m pytest tests/integration/test_random_acts.py -k {len(self.ledger)}"
        )
        told = {"seed": self.seed, "again": again, "wrong": wrong, "done": self.done, "ledger": self.ledger}
        path.write_text(json.dumps(told, ensure_ascii=False, indent=1, default=str), "utf-8")
