"""Brings what a row of cases.csv says into PostgreSQL: the clue, its people, its group, what was told and asked."""

from __future__ import annotations

import json
import re
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub import casework, clock
from hub.access import people, sealing
from hub.access.people import Actor
from hub.jurisdiction import units
from hub.law import workflow
from hub.models import (
    Asked,
    Clock,
    Clue,
    Grant,
    HandOver,
    Hold,
    Hop,
    Intake,
    IntakeClue,
    KindProposal,
    Membership,
    Notice,
    Officer,
    QueryCode,
    ScopeChange,
    SharedContact,
    SiteRecord,
    User,
    Verification,
    Wall,
)  # fmt: skip
from hub.terms import Role
from tests.law import departments, orders

COUNTY, CITY, ELSE = "150821", "150800", "420100"
TELLING = {"tell.determination": "accepted", "tell.no_violation": "no_violation", "tell.violation": "violation"}
DAY = re.compile(r"\d{4}-\d\d-\d\d")
OTHER = [{"certificate": "B1"}, {"certificate": "B2"}]
IMPOSSIBLE = {
    "close-p3-undetermined", "close-p4-undetermined", "close-p5-undetermined", "close-r0-undetermined",
    "close-r1-undetermined", "close-r0-of-a-refused-clue", "close-r1-of-a-refused-clue",
}  # fmt: skip
"""States that the database itself refuses: told without a determination, a result of a refused clue."""


class Case:
    """What stands before the act of a row: `arrange`, then `person` and `second` for who acts."""

    def __init__(self, session: Session, row: dict[str, str]) -> None:
        self.session, self.row, self.rule = session, row, workflow.rule(row["act"])
        self.facts: dict[str, Any] = json.loads(row["data"] or "{}")
        self.data = {name: value for name, value in self.facts.items() if name in self.rule.takes}
        self.users = 0
        self.now = self.latest()
        self.clue = self.opened()

    def latest(self) -> datetime:
        """The moment of the act: the day the case calls today, else after everything that it names."""
        days = (
            [self.facts["today"]] if "today" in self.facts else [v for v in self.facts.values() if isinstance(v, str)]
        )
        days += [self.row["base"]] if self.row["base"] and "today" not in self.facts else []
        found = [date.fromisoformat(day[:10]) for day in days if len(day) >= 10 and day[4] == "-" and day[:4].isdigit()]
        return datetime.combine(max(found, default=date(2026, 3, 20)), datetime.min.time(), clock.CHINA) + timedelta(
            hours=18
        )

    def at(self, text: str) -> datetime:
        return datetime.fromisoformat(text).replace(tzinfo=clock.CHINA) + timedelta(hours=9)

    def holder(self) -> str:
        if self.row["why"].endswith("superior_above"):
            return "000000"
        above = (
            self.row["state"] == "escalated" or self.row["act"] == "hand_down" or self.row["act"].startswith("wall.")
        )
        return CITY if above else COUNTY

    def opened(self, at: datetime | None = None, channel: str = "") -> Clue:
        unit = units.by_code(self.session, self.holder())
        assert unit is not None
        bases = {one.base for one in self.rule.clocks if one.effect in ("start", "judge")}
        begun = at or self.at(self.row["base"] if self.row["base"] and "at" in bases else "2026-01-30")
        opening = casework.Opening(channel or self.facts.get("channel", "phone"), "01", "", unit.id, begun)
        return casework.open_clue(self.session, opening)

    def person(self) -> Actor | None:
        if self.row["role"] == "machine":
            return None
        unit_id = self.clue.owner_unit_id
        if self.rule.by in ("designator", "above"):
            city = units.by_code(self.session, CITY)
            assert city is not None
            unit_id = city.id
        if self.rule.by == "assisting":
            neighbour = units.by_code(self.session, "150822")
            assert neighbour is not None
            unit_id = neighbour.id
        user = User(login=f"case-{self.row['id']}", name="x", password="x")
        self.session.add(user)
        self.session.flush()
        self.session.add(Grant(user_id=user.id, unit_id=unit_id, role=Role(self.row["role"])))
        self.session.flush()
        return people.actor(self.session, user.id)

    def some_user(self) -> int:
        self.users += 1
        user = User(login=f"other-{self.users}-{self.row['id']}", name="y", password="x")
        self.session.add(user)
        self.session.flush()
        self.session.add(Grant(user_id=user.id, unit_id=self.clue.owner_unit_id, role=Role.HANDLER))
        self.session.flush()
        return user.id

    def departments(self) -> None:
        departments.arrange(self)

    def code(self, clue: Clue) -> None:
        token = sealing.blind("query", "ABCD")
        self.session.add(QueryCode(token=token, clue_id=clue.id, reporter_id=None, tail=None))
        self.data["query_code"] = "ABCD"

    def intake(self, clue: Clue) -> int:
        key = sealing.new_key(self.session, clue.owner_unit_id)
        row = Intake(channel=clue.channel, source_id="case", unit_id=clue.owner_unit_id, at=clue.at, key_id=key.id,
                     state="registered", meta=key.seal_json({}, "intake.meta"), remotes=None, kind=None)  # fmt: skip
        self.session.add(row)
        self.session.flush()
        self.session.add(IntakeClue(intake_id=row.id, clue_id=clue.id))
        return row.id

    def reporter(self, clue: Clue, **identity: str) -> None:
        casework.add_reporter(self.session, clue, self.intake(clue), identity)
        self.session.flush()

    def arrange(self) -> None:
        received = any(one.base == "received" for one in self.rule.clocks if one.effect == "judge")
        since = self.facts.get("received") or (self.row["base"] if received else "") or "2026-01-30"
        self.session.scalars(select(Hold).where(Hold.clue_id == self.clue.id)).one().since = self.at(since)
        self.stand()
        for part in (
            self.hops,
            self.officers,
            self.told,
            self.group,
            self.earlier,
            self.asked,
            self.others,
            self.departments,
            self.walls,
            lambda: orders.arrange(self),
        ):
            part()
        self.session.flush()
        self.session.expire_all()

    def stand(self) -> None:
        clue, state, act = self.clue, self.row["state"], self.row["act"]
        main = self.opened() if state == "merged" or self.facts.get("member") else None
        group = self.join(main, clue) if main is not None else None
        earlier = self.opened()
        result = self.facts.get("result") if act not in ("verify.end", "result.member", "result.own") else None
        later = state in ("to_tell", "closed") and (result or not act.startswith(("close", "reopen.determination")))
        clue.determination = self.facts.get("determination")
        if clue.determination is None and (state == "verifying" or later) and self.row["id"] not in IMPOSSIBLE:
            clue.determination = "P1"
        clue.result = result if result in ("R0", "R1") else None
        clue.refused_ground = self.facts.get("refused_ground", "N3") if clue.determination == "P3" else None
        clue.duplicate_of = earlier.id if clue.determination == "P4" else None
        clue.close_reason = "out_of_scope" if state == "closed" else None
        if group is not None and clue.determination:
            group.own_state = "verifying"
        if state == "closed":  # told in its time
            with self.session.no_autoflush:
                row = self.session.scalars(select(Clock).where(Clock.clue_id == clue.id)).one()
            row.stopped_at, row.ended_as = clue.at, "told"
        if state == "transferred" or self.facts.get("by_department"):
            clue.department = departments.DEPARTMENT
        clue.state, clue.state_at = state, None
        self.session.flush()
        casework.counters.place(self.session, clue)

    def join(self, main: Clue, member: Clue) -> Membership:
        row = Membership(
            main_id=main.id, member_id=member.id, own_state="to_determine", own_state_at=member.at, own_handler_id=None,
            joined_at=member.at, by_user=self.some_user(), left_at=None, left_by=None,
        )  # fmt: skip
        self.session.add(row)
        member.main_id = main.id
        self.session.flush()
        return row

    def hop(self, act: str, source: str, target: str, involved: list[str]) -> None:
        rows = {code: units.by_code(self.session, code) for code in (source, target, *involved)}
        ids = {code: row.id for code, row in rows.items() if row is not None}
        self.session.add(Hop(clue_id=self.clue.id, act=act, from_unit_id=ids[source], to_unit_id=ids[target], reason="",
                             involved=[ids[code] for code in involved], at=self.clue.at, by_user=None))  # fmt: skip
        self.session.flush()

    def hops(self) -> None:
        state, act = self.row["state"], self.row["act"]
        if state == "escalated" and not (act == "return" and "referred_by" not in self.facts):
            far = self.facts.get("not_common") or (act != "refer_on" and not self.facts.get("common_superior"))
            self.hop("escalate", COUNTY, CITY, [COUNTY, ELSE] if far else [COUNTY])
        if state == "designated":
            self.hop("designate", CITY, COUNTY, [])

    def officers(self) -> None:
        if self.row["act"] not in ("verify.end", "verify.record") or self.row["why"] == "guard:verification_runs":
            return
        day = date.fromisoformat(self.facts.get("started") or "2026-02-10")
        row = Verification(clue_id=self.clue.id, number=1, unit_id=self.clue.owner_unit_id, started=day, ended=None,
                           result=None, by_user=self.some_user())  # fmt: skip
        self.session.add(row)
        self.session.flush()
        for one in self.facts.get("officers", OTHER):
            self.session.add(Officer(
                verification_id=row.id, certificate=one["certificate"], name="甲", valid_from=None,
                valid_until=date.fromisoformat(one.get("valid_until", "2027-12-31")),
            ))  # fmt: skip
        if "last_record" in self.facts:
            self.session.add(SiteRecord(
                verification_id=row.id, visited=date.fromisoformat(self.facts["last_record"]), crs="", area_unit="",
                land_kind="", elements={}, found=b"", photos=[], by_user=row.by_user,
            ))  # fmt: skip

    def notice(self, kind: str, state: str, number: int = 0) -> None:
        running = self.session.scalars(select(Clock.id).where(Clock.clue_id == self.clue.id)).first()
        self.session.add(Notice(
            clue_id=self.clue.id, kind=kind, once=f"case{number}", template="receipt-2017",
            party="none" if state == "no_reporter" else "unit", state=state, clock=str(running),
            told_at=self.clue.at if state == "told" else None, asked_at=self.clue.at,
        ))  # fmt: skip

    def told(self) -> None:
        act = self.row["act"]
        if act in TELLING:
            for number in range(int(self.facts.get("untold", 0)) + 1):
                self.notice(TELLING[act], "queued", number)
        elif act.startswith("close.") and act != "close.not_a_clue":
            states = {"told": "told", "exhausted": "undelivered", "nobody_to_tell": "no_reporter"}
            found = [state for name, state in states.items() if self.facts.get(name)]
            self.notice("accepted", found[0] if found else "queued")
        elif self.facts.get("result_told"):
            self.notice("violation", "told")

    def group(self) -> None:
        if "alone" in self.rule.guards and not self.facts.get("alone"):
            self.join(self.clue, self.opened())
        if self.row["act"] != "merge" or "main" not in self.data:
            return
        main = self.opened()
        self.data["main"] = main.id
        if not self.facts.get("one_owner"):
            above = units.by_code(self.session, CITY)
            assert above is not None
            main.owner_unit_id = above.id
        if not self.facts.get("main_takes"):
            main.state, main.close_reason = "closed", "not_a_clue"
        if self.facts.get("walled"):
            main.determination, main.refused_ground = "P3", "N4"
        if self.facts.get("same_person"):
            self.reporter(main, openid="o-1")
            self.reporter(self.clue, openid="o-1")

    def earlier(self) -> None:
        if "earlier_clue" not in self.data:
            return
        begun = self.clue.at + timedelta(days=-1 if self.facts.get("earlier") else 1)
        first = self.opened(begun)
        self.data["earlier_clue"] = first.id
        closed = self.facts.get("earlier_closed")
        if closed == "transferred":
            first.state, first.department = "transferred", departments.DEPARTMENT
        elif closed:
            first.determination = closed if closed in ("P3", "P5") else "P1"
            first.result = "R0" if closed == "R0" else None
            first.refused_ground = "N3" if closed == "P3" else None
            first.state, first.close_reason = "closed", "out_of_scope"
        if not self.facts.get("established"):
            return
        proof = self.facts.get("same_reporter")
        if proof == "query_code":
            self.session.add(
                QueryCode(token=sealing.blind("query", "ABCD"), clue_id=first.id, reporter_id=None, tail=None)
            )
            self.data["query_code"] = "ABCD"
        kind = {"openid": "openid", "id_number": "id_number"}.get(str(proof), "phone")
        for clue in (first, self.clue):
            self.reporter(clue, **{kind: "13800001234"})
        self.data |= {"id_verified": True} if proof == "id_number" else {}
        self.data |= {"confirmation": "回电核对"} if proof == "confirmed" else {}
        if self.facts.get("shared_contact"):
            token = sealing.blind("phone", "13800001234")
            self.session.add(SharedContact(kind="phone", token=token, by_user=self.some_user()))

    def asked(self) -> None:
        if self.facts.get("contact"):
            self.reporter(self.clue, phone="13800001234")
        for name, how, until in (
            ("asked", "call", None),
            ("waited", "query_page", self.now.date() - timedelta(days=1)),
        ):
            if self.facts.get(name):
                row = Asked(
                    clue_id=self.clue.id, how=how, missing="place", at=self.clue.at, stands_until=until, by_user=None
                )  # fmt: skip
                self.session.add(row)

    def others(self) -> None:
        if "handler" in self.data:
            self.data["handler"] = self.some_user()
        if self.facts.get("proved"):
            if self.facts["proof"] == "query_code":
                self.code(self.clue)
            else:
                self.data |= {"name": "张三", "contact": "13800001234"}
                self.reporter(self.clue, name="张三", phone="13800001234")
        if self.facts.get("handler_now"):
            self.clue.handler_id = self.some_user()
        if self.facts.get("running"):
            day, by = self.clue.at.date(), self.some_user()
            self.session.add(Verification(clue_id=self.clue.id, number=1, unit_id=self.clue.owner_unit_id, started=day,
                                          ended=None, result=None, by_user=by))  # fmt: skip
        if self.row["act"] == "verify.start":
            for officer in self.data.get("officers", ()):
                officer["name"] = "甲"

    def walls(self) -> None:
        """Who is behind a wall: the unit the clue would come to, a unit elsewhere, the person of the case."""
        code = self.data.get("unit", COUNTY) if self.facts.get("unit_walled") else ELSE
        if self.facts.get("unit_walled") or self.facts.get("wall_held") or self.facts.get("wall_stands"):
            unit = units.by_code(self.session, code)
            assert unit is not None
            state = "held" if self.facts.get("wall_held") else "confirmed"
            self.wall(unit_id=unit.id, reason="accused", state=state)
        if "person" in self.data:
            stranger = self.row["why"].endswith(("recusable", "person_walled"))
            self.data["person"] = 999_999_999 if stranger else self.some_user()
        if self.facts.get("person_walled") and "person" in self.data:
            self.wall(user_id=self.data["person"], reason="named", state="held")
        if self.facts.get("ground_listed") is False:
            city = units.by_code(self.session, CITY)
            assert city is not None
            self.session.add(ScopeChange(unit_id=city.id, class_code="N3", remove="N3", filing_no="1", valid_to=None,
                                         filed_on=date(2025, 1, 1), by_user=self.some_user()))  # fmt: skip
        if self.facts.get("handed_over"):
            kind = "discipline" if self.facts["refused_ground"] == "N2" else "secrecy"
            self.session.add(HandOver(clue_id=self.clue.id, kind=kind, number="1", receiver="x", sha256="",
                                      at=self.clue.at, by_user=self.some_user(), shredded_at=None))  # fmt: skip

    def wall(self, *, reason: str, state: str, unit_id: int | None = None, user_id: int | None = None) -> None:
        decided = None if state == "held" else self.clue.at
        self.session.add(Wall(clue_id=self.clue.id, user_id=user_id, unit_id=unit_id, reason=reason, state=state,
                              since=self.clue.at, by_user=None, decided_at=decided, decided_by=None,
                              moved_from=None))  # fmt: skip

    def second(self, who: Actor | None) -> None:
        """Another person proposed the kind; or the one who now acts did."""
        if self.row["act"] == "close.not_a_clue" and who is not None:
            by = self.some_user() if self.facts["by"] != self.facts["second_person"] else who.user_id
            self.session.add(KindProposal(intake_id=self.intake(self.clue), kind=self.facts.get("kind", "other"),
                                          by_user=by, decided_by=None, decided_at=None))  # fmt: skip
            self.session.flush()
