"""Fills a running hub (HUB_VAR) with people and inputs: `python tests/browser/seed.py fill N` or `mail N [settle]`."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from sqlalchemy import func, or_, select

from channels.contract import Blob
from channels.registry import channels
from hub import clock, db, intake
from hub.access import staff
from hub.cli.attach import attached
from hub.models import Clue, Work

PASSWORD = "a long password"
CAST = {
    "operator": ("王接线", "430922", "operator"),
    "lead": ("周科长", "430922", "lead"),
    "supervisor": ("赵督办", "430900", "supervisor"),
}
DEMO = Path(__file__).parents[2] / "hub/demo/data"
CALL = min((DEMO / "phone").glob("*.opus"))
TEXT = (
    "湖南省益阳市桃江县武潭镇红旗村，鑫隆建材有限公司未经批准占用耕地8亩建厂房，已经盖好。\n"
    "我叫张三，电话13800001234，可以带路看现场。编号{n}。"
)
HTML = "<html><body><p>湖南省益阳市桃江县<b>武潭镇</b>，有人占地。</p><script>alert(1)</script></body></html>"


def mail(n: int, *, html: bool = False) -> bytes:
    kind, body = ("html", HTML) if html else ("plain", TEXT.format(n=n))
    head = (
        "From: Zhang <zhang.san@example.org>\r\nTo: clue@example.cn\r\n"
        f"Message-ID: <browser{n}@example.org>\r\nSubject: =?utf-8?B?5Li+5oql?=\r\nMIME-Version: 1.0\r\n"
        f"Content-Type: text/{kind}; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return (head + body + "\r\n").encode()


def people() -> None:
    with db.transaction() as session:
        for login, (name, unit, role) in CAST.items():
            staff.add(session, login, name, PASSWORD, unit, [role])


def take(code: str, name: str, data: bytes) -> None:
    meta = {"external_id": f"seed:{name}"} if code != "email" else {}
    for raw in channels()[code].from_files([Blob(name, "", data)], meta, source_id=f"cli:{code}", now=clock.now()):
        intake.accept(raw, unit="430922", actor="seed")


def settled(seconds: float) -> None:
    """Waits until no work is left but what waits for its hour, as a notice does that may still be recalled."""
    end = time.monotonic() + seconds
    due = or_(Work.state == "running", Work.run_at <= func.now())
    while time.monotonic() < end:
        with db.reading() as session:
            if session.scalars(select(Work.id).where(Work.state != "dead", due).limit(1)).first() is None:
                return
        time.sleep(0.3)
    raise SystemExit("work is left")


def manual() -> None:
    """An input that nobody can read, and a parked row."""
    take("letter", "bad.pdf", b"%PDF-1.4 nothing behind it")


def numbers() -> dict[str, str]:
    """The last clue of each channel; of calls the first, which has a recording: the call pad adds some without."""
    with db.reading() as session:
        rows = session.execute(select(Clue.channel, Clue.no).order_by(Clue.id)).all()
    return {row.channel: row.no for row in rows} | dict([(r.channel, r.no) for r in rows if r.channel == "phone"][:1])


def main(what: str, argument: str = "1", then: str = "") -> None:
    with attached():
        if what == "fill":
            people()
            take("phone", CALL.name, CALL.read_bytes())
            take("email", "html.eml", mail(900, html=True))
            manual()
            for n in range(1, int(argument) + 1):
                take("email", f"{n}.eml", mail(n))
            settled(150)
        elif what == "mail":
            take("email", f"{argument}.eml", mail(int(argument)))
        if then == "settle":
            settled(60)
        print(json.dumps(numbers()))


if __name__ == "__main__":
    main(*sys.argv[1:])
