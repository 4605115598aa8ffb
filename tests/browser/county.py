"""Fills a running hub (HUB_VAR) for the walk: `python tests/browser/county.py people` gives everybody a session,
`… full` puts on every page what strains it: the longest names, a group of 30, 40 notices, a letter of 200 pages;
`… plain` the same things as they are on an ordinary day. Prints JSON: cookies by role, or what the parameters
of the pages stand for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any

from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from channels.contract import NewReport, Part, PartKind, Report, Sender
from hub import casework, clock, db, intake, notify
from hub.access import people, reveal, sealing, sessions, staff, tokens
from hub.casework import disposal, protection
from hub.cli.attach import attached
from hub.demo.inputs import CITY, UNIT
from hub.jurisdiction import units
from hub.mailroom import register
from hub.models import (
    Blob,
    CalendarProposal,
    Clue,
    ClueReporter,
    Intake,
    IntakeClue,
    Transfer,
    User,
)
from hub.ports import add_source
from hub.terms import Role
from tests.browser import kept, strain
from tests.browser.load import PLAIN, STRAINED, Load
from tests.browser.seed import CALL, HTML, PASSWORD, settled, take
from tests.browser.town import SOURCE, WECHAT

CITY_ROLES = (Role.SUPERVISOR,)
SAME = {"same_place": True, "same_time": True, "same_respondent": True, "same_facts": True}
NO_META: dict[str, Any] = {"also": [], "meta": {}}


def cast(load: Load = STRAINED) -> dict[str, int]:
    """One person a role, as the demo has them; made where they are not."""
    with db.transaction() as session:
        known = {row.login: row.id for row in session.scalars(select(User))}
        for role in Role:
            if role.value not in known:
                unit = CITY if role in CITY_ROLES else UNIT
                made = staff.add(session, role.value, f"{load.who}（{role.value}）"[:40], PASSWORD, unit, [role])
                known[role.value] = made.id
        if "second" not in known:
            known["second"] = staff.add(session, "second", "孙第二负责人", PASSWORD, UNIT, [Role.LEAD]).id
        return known


def cookies(known: dict[str, int]) -> dict[str, str]:
    with db.transaction() as session:
        return {role.value: sessions.begin(session, known[role.value], agent="Chromium " + "x" * 120, address="::1")
                for role in Role}  # fmt: skip


class Hand:
    """Acts of the named cast."""

    def __init__(self, known: dict[str, int], load: Load = STRAINED) -> None:
        self.known, self.load = known, load
        self.today = clock.today().isoformat()

    def who(self, session: Session, role: str) -> people.Actor:
        found = people.actor(session, self.known[role])
        assert found is not None
        return found

    def act(self, clue_id: int, act: str, role: str = "handler", **data: Any) -> None:
        for left in reversed(range(5)):
            try:
                with db.transaction() as session:
                    casework.apply(session, self.who(session, role), session.get_one(Clue, clue_id), act, data)
            except OperationalError:  # the hub's workers are at the same clues; a person would press again too
                if not left:
                    raise
            else:
                return

    def do(self, role: str, work: Callable[[Session, people.Actor], Any]) -> Any:
        with db.transaction() as session:
            return work(session, self.who(session, role))

    def clue(self, number: int, words: str = "", **sender: str) -> int:
        """A registered clue with its text, as an entrance would have made it."""
        with db.transaction() as session:
            unit = units.by_code(session, UNIT)
            assert unit is not None
            key = sealing.new_key(session, unit.id)
            row = Intake(channel="email", source_id="cli:email", unit_id=unit.id, at=clock.now(), key_id=key.id,
                         state="stored", remotes=None, kind=None,
                         meta=key.seal_json({"key": f"walk-{number}"} | NO_META, "intake.meta"))  # fmt: skip
            session.add(row)
            session.flush()
            who = Sender(**({"name": self.load.who, "phone": f"1380000{number:04d}"} | sender))
            report = Report(parts=(Part(PartKind.TEXT, text=words or self.load.text),), sender=who)
            return intake.register(session, row.id, [NewReport(report)])[0]


def long_mail(load: Load) -> bytes:
    made = EmailMessage()
    made["From"], made["To"] = "Zhang <zhang.san@example.org>", "clue@example.cn"
    made["Subject"] = "关于" + load.firm + "长期非法占用基本农田的情况反映和补充材料（第二次）"
    made["Message-ID"] = "<walk@example.org>"
    made.set_content(load.text)
    made.add_alternative(HTML, subtype="html")
    made.add_attachment(
        "附件说明\n".encode(), maintype="text", subtype="plain", filename=load.much("证据材料", 24) + ".txt"
    )
    return made.as_bytes()


def group(hand: Hand) -> int:
    """A main clue with its members."""
    main, *members = [hand.clue(number) for number in range(100, 100 + hand.load.group)]
    settled(150)
    hand.act(main, "determine.P1", place=UNIT, **{"class": "T2"})
    for member in members:
        hand.act(member, "merge", main=main, **SAME)
    return main


def officers(load: Load) -> list[dict[str, str]]:
    certified = {load.who[:12]: "湘430922001", "李核查": "湘430922002"}
    return [{"name": name, "certificate": no, "valid_until": "2027-12-31"} for name, no in certified.items()]


def letter(load: Load) -> int:
    """A scanned letter of one page, whose page is then told many times: what a bound petition looks like."""
    from tests.browser.test_work import pdf

    take("letter", "walk.pdf", pdf("举报信\n" + load.place + "，\n" + load.firm + "占用耕地十二亩，\n请求查处。"))
    settled(150)
    with db.transaction() as session:
        clue = session.scalars(select(Clue.id).where(Clue.channel == "letter").order_by(Clue.id.desc())).first()
        assert clue is not None
        session.execute(
            text("""insert into segment
                    (received_at, id, transcript_id, ord, page, box, text, confidence, origin, words)
                    select s.received_at, nextval('segment_id_seq'), s.transcript_id, s.ord + 1000 * n, n, s.box,
                           s.text, s.confidence, s.origin, s.words
                    from segment s join transcript t on t.id = s.transcript_id join part p on p.id = t.part_id
                    cross join generate_series(2, :pages) n where p.clue_id = :clue"""),
            {"pages": load.pages, "clue": clue},
        )
    return clue


def notices(clue: int, wanted: int) -> None:
    """The clue's notices until there are `wanted`, each with its own once key."""
    with db.transaction() as session:
        for number in range(wanted):
            notify.ask(session, clue, "accepted", {}, once=f"walk:{number}")


def full(load: Load) -> dict[str, Any]:
    known = cast(load)
    hand = Hand(known, load)
    now = clock.now()
    take("phone", CALL.name, CALL.read_bytes())
    take("email", "long.eml", long_mail(load))
    take("letter", "bad.pdf", b"%PDF-1.4 nothing behind it")
    main = group(hand)
    with db.reading() as session:
        member = session.scalar(select(Clue.no).where(Clue.main_id == main).order_by(Clue.id).limit(1))
    many = hand.clue(200)
    notices(many, load.notices)
    hand.act(many, "determine.P1", place=UNIT, **{"class": "T2"})
    hand.act(many, "verify.start", officers=officers(load), started=hand.today)
    out = hand.clue(201)
    hand.act(out, "transfer", department="农业农村主管部门", stage="verify", words="地块为宅基地")
    n2, n4 = hand.clue(202), hand.clue(203)
    hand.act(n2, "determine.P3", "lead", ground="N2")
    hand.act(n4, "determine.P3", "lead", ground="N4")
    up = hand.clue(204)
    hand.act(up, "escalate", reason="unclear")
    major = hand.clue(205)
    hand.act(major, "mark.major", criterion="farmland", reason_text=load.much("占用永久基本农田二十八亩，", 10))
    hand.act(major, "supervise.order", "supervisor", reason_text=load.much("请按期核查并报告，", 12),
             due=(clock.today() + timedelta(9)).isoformat())  # fmt: skip
    for number in range(206, 206 + load.more):
        hand.clue(number, words=load.text[:80])
    rules(hand)
    line = mailroom(hand)
    with db.transaction() as session:
        reporter = session.scalars(select(ClueReporter.reporter_id).where(ClueReporter.clue_id == main)).first()
        assert reporter is not None
        lead, found = hand.who(session, "lead"), session.get_one(Clue, main)
        protection.mark(session, lead, found, reporter, load.much("多次以同一虚构事实举报，", 20))
        for number in range(3):
            kind = list(protection.LEAKS)[number % len(protection.LEAKS)]
            protection.report_leak(session, lead, kind, load.much("纸质材料遗失，", 40), now, found)
        disposal.hold(session, lead, found, load.much("行政复议期间不得销毁，", 8))
    why = load.much("核对举报人联系方式以便现场指认", 5)
    hand.do("lead", lambda s, who: reveal.ask(s, who, s.get_one(Clue, main), why, fresh=True, sign_in="walk"))
    kept.keep(hand, [main, many, out, major])
    settled(150)
    scan = letter(load)
    told, scanned = strain.telling(load), strain.scans(known, load)
    with db.reading() as session:
        nos = {row.id: row.no for row in session.execute(select(Clue.id, Clue.no))}
        phone = session.scalars(select(Clue.no).where(Clue.channel == "phone")).first()
        mail = session.scalars(select(Clue.no).join(IntakeClue, IntakeClue.clue_id == Clue.id)
                               .join(Blob, Blob.intake_id == IntakeClue.intake_id)
                               .where(Clue.channel == "email").order_by(Clue.id)).first()  # fmt: skip
        return {
            "main": nos[main], "notices": nos[many], "out": nos[out], "n2": nos[n2], "n4": nos[n4], "scan": nos[scan],
            "up": nos[up], "major": nos[major], "phone": phone, "mail": mail,
            "source": entrance(load), "letter": line,
            "intake": session.scalars(select(Intake.id).order_by(Intake.id)).first(),
            "calendar": session.scalars(select(CalendarProposal.id)).first(),
            "member": member, "transfer": session.scalars(select(Transfer.id)).first(), **told, **scanned,
            "manual": session.scalars(select(Intake.id).where(Intake.state == "manual")).first(),
        }  # fmt: skip


def mailroom(hand: Hand) -> int:
    """A line of the register with everything on it; its number."""
    boxes = {"reporter_name": hand.load.who[:20], "phone": "13800001234", "signers": "李四\n王五\n赵六",
             "mode": "real_name", "addressee": "桃江县自然资源主管部门执法大队", "stamped": hand.today, "receipt": "1",
             "opened": "1"}  # fmt: skip

    def enter(session: Session, who: people.Actor) -> int:
        return register.enter(session, who, boxes, "walk").id

    return int(hand.do("mailroom", enter))


def entrance(load: Load) -> str:
    """An official account with the longest name; its id."""
    secrets = {name: WECHAT[name] for name in ("token", "aes_key", "app_secret")}
    with db.transaction() as session:
        given = {"app_id": WECHAT["app_id"]}
        add_source(session, SOURCE, "wechat", UNIT, load.account, settings=given, secrets=secrets)
    return SOURCE


def rules(hand: Hand) -> None:
    """Local rules, certificates, keys and a proposed calendar: each list with something in it."""
    day = clock.today()
    expires = datetime.combine(day + timedelta(90), datetime.min.time(), clock.CHINA)
    calendar = f"关于{day.year + 1}年元旦放假安排的通知\n一、元旦：{day.year + 1}年1月1日放假，共1天。"
    hand.do("sysadmin", lambda s, who: casework.propose_calendar(s, who, calendar))
    own = hand.known
    hand.do("lead", lambda s, who: casework.set_absence(s, who, own["handler"], own["second"], day, day + timedelta(3)))
    steps = [casework.Step("审核", "handler"), casework.Step(hand.load.much("审批", 10), "lead")]
    hand.do("lead", lambda s, who: casework.set_chain(s, who, "determine.P5", steps))
    why = hand.load.much("益自然资办发〔2026〕3号《关于线索办理时限的通知》", 3)
    hand.do("lead", lambda s, who: casework.propose_switch(s, who, UNIT, "cutoff", "17:30", day, reason=why))
    entry = casework.NewEntry(hand.load.office, "punish", "市政府办〔2026〕8号", day, UNIT, "T4", "0737-8888888")
    hand.do("sysadmin", lambda s, who: casework.add_entry(s, who, entry))
    hand.do(
        "lead", lambda s, who: tokens.make(s, who, hand.load.much("市级平台对接", 9), list(tokens.SCOPES), expires, [])
    )


if __name__ == "__main__":
    with attached():
        what = sys.argv[1]
        print(json.dumps(cookies(cast()) if what == "people" else full(PLAIN if what == "plain" else STRAINED)))
