"""Identity canaries: people with words of their own go through every door, and nothing of them is found elsewhere.

Every operation is one of: an intake by one of the channels or citizens' forms, work of the workers, an act by somebody
of some role with their words in its reasons, a look at a page by somebody who may not see identity, a search for it, an
export, a printed sheet, a notice sent, an error provoked with their words in it. Looked at afterwards: logs, Redis,
every column of every table, files of the hub and of the server, temporary files; at once: answers, mails, messages.
"""
# ruff: noqa: F401, F811  fixtures of the parts are imported from their own conftest

from __future__ import annotations

import io
import json
import os
import random
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import redis
import structlog
from flask import Flask
from PIL import Image
from sqlalchemy import select, text, update

from channels.contract import Blob
from hub import db, logs
from hub.access import people, sealing, sessions, staff
from hub.app import create_app
from hub.enrich import passages, transcribe
from hub.models import Clue, Intake, NoticeTask, Part, SignIn, StopOrder, Transcript, Transfer, User
from hub.settings import settings
from hub.supervision import listing, originals, queue, redacting
from hub.worker import drain
from tests.access.canary import Canary, Net, flock, in_dump, opened
from tests.integration.casework.test_table import PLANS
from tests.integration.citizen_page import Citizen, consent
from tests.integration.notify.conftest import UNIT, County, county
from tests.integration.test_sealed_at_rest import dump, server_folder, sound
from transcription.contract import Segment, Word
from transcription.contract import Transcript as Heard

CITY, SIBLING = "430900", "430981"
OFFICE = {"operator": UNIT, "mailroom": UNIT, "handler": UNIT, "lead": UNIT, "other": SIBLING}
BLIND = {  # nobody of these ever sees who reported: login → unit, role
    "supervisor": (CITY, "supervisor"), "citylead": (CITY, "lead"), "statistician": (UNIT, "statistician"),
    "auditor": (UNIT, "auditor"), "colleague": (UNIT, "handler"), "sibling": (SIBLING, "lead"),
    "sysadmin": (UNIT, "sysadmin"), "secadmin": (UNIT, "secadmin"), "department": (UNIT, "other_department"),
}  # fmt: skip
ACTING = {"handler": (UNIT, "handler"), "lead": (UNIT, "lead"), "operator": (UNIT, "operator"),
          "mailroom": (UNIT, "mailroom")}  # fmt: skip
PAGES = ["/", "/queue", "/queue?state=open", "/supervise", "/supervise/clues", "/tasks", "/manual", "/retention",
         "/misuse", "/reveals", "/leaks", "/running", "/people", "/units", "/api/v1/clues", "/api/v1/supervision",
         "/api/v1/tasks", "/calendar", "/rules", "/certificates", "/metrics", "/healthz", "/account"]  # fmt: skip
OF_A_CLUE = ["/clues/{}", "/api/v1/clues/{}", "/clues/{}/sheets/registration", "/clues/{}/compare", "/clues/{}/acts",
             "/api/v1/clues/{}/acts"]  # fmt: skip


@dataclass
class Run:
    """The world of one run, and what was met in it."""

    county: County
    app: Flask
    rng: random.Random
    flock: list[Canary]
    net: Net
    clients: dict[str, tuple[Any, str]] = field(default_factory=dict)
    clues: list[int] = field(default_factory=list)
    hits: list[tuple[str, set[str]]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)  # lines of the log as they are written
    done: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    papers: Counter[str] = field(default_factory=Counter)  # files that were opened and looked through, by kind

    @property
    def bird(self) -> Canary:
        return self.rng.choice(self.flock)

    def ask(self, login: str, path: str, method: str = "GET", **more: Any) -> Any:
        """A request; the answer is looked through unless its asker may see who reported. Addresses always are."""
        client, token = self.clients[login]
        answer = client.open(path, method=method, headers={"X-CSRF-Token": token}, **more)
        self.statuses[answer.status_code] += 1
        text = "" if login in ACTING and answer.status_code < 400 else opened(answer.data)
        if "query_string" in more:  # boxes and links to further pages hold what was typed: the rows must not
            text = "".join(re.findall(r"<td.*?</td>", text, re.DOTALL)) if "<html" in text else text
            text = re.sub(r'#find=[^"]*', "", text)  # leads to the place of what was typed; browsers do not send it
        self.look(f"{login} {method} {path}", text + str(answer.headers.get("Location", "")))
        return answer

    def look(self, where: str, text: str) -> None:
        if words := self.net.in_text(text):
            self.hits.append((where, words))

    def no(self) -> str:
        with db.reading() as session:
            return session.scalar(select(Clue.no).where(Clue.id == self.rng.choice(self.clues))) or ""


# ── the doors ────────────────────────────────────────────────────────────────────────────────────────────────────────


def picture(one: Canary) -> bytes:
    """A photo whose EXIF names them and the place."""
    made, out = Image.new("RGB", (64, 48), "white"), io.BytesIO()
    exif = made.getexif()
    exif[0x013B], exif[0x8298], exif[0x010E] = one.mail, one.phone, one.openid  # artist, copyright, description
    exif.get_ifd(0x8825)[0x1D] = "2026:03:02"
    made.save(out, "JPEG", exif=exif, comment=one.name.encode())
    return out.getvalue()


def by_mail(run: Run) -> int:
    one, other = run.bird, run.bird
    number = run.rng.randrange(10**9)
    body = f"{one.facts}\r\n\r\n> 发件人: {other.name} <{other.mail}>\r\n> 手机 {other.phone}\r\n"
    head = (
        f"From: {one.nickname} <{one.mail}>\r\nReply-To: {one.mail}\r\nTo: clue@example.cn\r\nCc: {other.mail}\r\n"
        f"Message-ID: <{number}.{one.mail}>\r\nSubject: {one.name}举报\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=utf-8\r\n'
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    tail = (
        f'\r\n--b\r\nContent-Type: text/plain; name="{one.name}.txt"\r\nContent-Transfer-Encoding: 8bit\r\n\r\n'
        f"联系地址：{one.address}\r\n--b--\r\n"
    )
    return run.county.take("email", [Blob("a.eml", "", (head + body + tail).encode())], {}, "email:t")


def by_phone(run: Run) -> int:
    one = run.bird
    made = run.county.take("phone", [Blob(f"{one.phone}{one.name}.wav", "", sound())],
                           {"caller": one.phone, "agent": "8003"})  # fmt: skip
    turns = (
        Segment("您好，12336，请问您贵姓", 0.9, 0, 0.0, 1.0, channel=0),
        Segment(f"我叫{one.name}，电话{one.phone}", 0.9, 1, 1.0, 3.0, channel=1,
                words=(Word(1.0, 1.4, "我叫", 0.9), Word(1.5, 2.5, one.name, 0.9))),
        Segment(f"好的{one.name}，您住在{one.address}对吗", 0.9, 2, 3.0, 5.0, channel=0),
        Segment("对，红旗村有人占用耕地建厂房", 0.9, 3, 5.0, 6.0, channel=1),
    )  # fmt: skip
    heard(made, Heard("speech", "test", "m", turns, duration=6.0, channels=2))
    return made


def heard(clue_id: int, made: Heard) -> None:
    """What an engine would have heard or read of the clue's first recording or page."""
    with db.transaction() as session:
        kinds = ("audio",) if made.kind == "speech" else ("scan", "image")
        wanted = select(Part.id).where(Part.clue_id == clue_id, Part.kind.in_(kinds)).order_by(Part.id)
        part = session.scalars(wanted).first()
        if part is not None:
            transcribe.store(session, part, made)
            session.execute(text("delete from work where handler in ('transcribe', 'read_scan', 'scan_pages')"))


def by_letter(run: Run) -> int:
    one = run.bird
    files = [Blob(f"{one.name}信封.jpg", "", picture(one)), Blob(f"{one.name}来信.jpg", "", picture(one))]
    meta = {"reporter_name": one.name, "reporter_phone": one.phone, "reporter_address": one.address}
    made = run.county.take("letter", files, meta)
    lines = [f"寄信人：{one.name}", one.address, one.facts, f"此致 {one.name} {one.phone}"]
    heard(made, Heard("scan", "test", "m", tuple(
        Segment(line, 0.99, n, page=0, box=(0.1, 0.1 * n, 0.9, 0.1 * n + 0.1)) for n, line in enumerate(lines)
    )))  # fmt: skip
    return made


def by_wechat(run: Run) -> int:
    one = run.bird
    told = {"openid": one.openid, "nickname": one.nickname}
    return run.county.take("wechat", [Blob("a.txt", "text/plain", one.facts.encode())], told, "wechat:t")


def by_referral(run: Run) -> int:
    one = run.bird
    told = {"leader": "王主任", "instruction": f"请核处{one.name}来信：{one.facts}", "received": "2026-03-02"}
    return run.county.take("referral", [Blob("批示.txt", "", one.facts.encode("gbk"))], told)


def by_list(run: Run) -> int:
    one = run.bird
    table = f"违法地点,主要违法事实,举报人,联系电话\n桃江县武潭镇,{one.facts},{one.name},{one.phone}\n"
    return run.county.take("subordinate", [Blob(f"{one.name}.csv", "", table.encode("gbk"))], {"from_unit": "桃江县"})


def by_media(run: Run) -> int:
    one = run.bird
    told = {"outlet": "益阳日报", "headline": f"{one.name}反映占地", "published": "2026-03-02"}
    return run.county.take("media", [Blob("报道.txt", "", one.facts.encode())], told)


def by_visit(run: Run) -> int:
    one = run.bird
    told = {"sub_channel": "0802", "reporter_name": one.name, "reporter_phone": one.phone}
    return run.county.take("other", [Blob(f"{one.name}来访.txt", "", one.facts.encode())], told)


def by_form(run: Run) -> int:
    """The citizens' page, with a photo."""
    one = run.bird
    citizen = Citizen(run.app, f"203.0.113.{run.rng.randrange(1, 250)}")
    sent = {"place": "湖南省益阳市桃江县武潭镇红旗村", "facts": one.facts[:900], "mode": "real_name",
            "reporter_name": one.name, "reporter_phone": one.phone, "consent": consent.VERSIONS[-1].version,
            "token": citizen.token(), "files": (io.BytesIO(picture(one)), f"{one.name}.jpg")}  # fmt: skip
    answer = citizen.post(f"report/{UNIT}", sent)
    assert answer.status_code in (200, 429), answer.text
    run.look("citizen's receipt", answer.text)
    return 0


def by_pad(run: Run) -> int:
    """A call taken at the pad, with its draft and hints."""
    one = run.bird
    call = run.ask("operator", "/call/open", "POST", json={"ring": 0}).json["id"]
    values = {"caller": one.phone, "name": one.name, "facts": one.facts[:900], "place": "桃江县武潭镇红旗村",
              "respondent": "鑫隆建材有限公司", "class": "T2", "routes": "call"}  # fmt: skip
    draft = {"values": values, "page": "p", "seq": 1, "version": 1}
    run.ask("operator", f"/call/{call}/draft", "POST", json=draft)
    run.ask("operator", "/call/hints", "POST", json={"caller": one.phone, "values": values})
    run.ask("operator", f"/call/{call}/end", "POST",
            json={"ending": "clue", "values": values, "page": "p", "seq": 2, "proof": {}})  # fmt: skip
    return 0


DOORS = [by_mail, by_phone, by_letter, by_wechat, by_referral, by_list, by_media, by_visit, by_form, by_pad]


def take(run: Run) -> None:
    door = run.rng.choice(DOORS)
    run.done[door.__name__] += 1
    door(run)
    with db.reading() as session:
        run.clues = list(session.scalars(select(Clue.id).order_by(Clue.id)))


# ── what is done with it ─────────────────────────────────────────────────────────────────────────────────────────────


def work(run: Run) -> None:
    """What is due is done: suggestions, notices, whose messages are looked through."""
    with db.transaction() as session:
        session.execute(text("update work set run_at = now() where state = 'pending'"))
    for name in ("light", "text"):
        drain(name)
    for mail in run.county.office.post.taken:
        inside = mail.data.decode("utf-8", "replace").split("\r\n\r\n", 1)
        own = next((one for one in run.flock if one.mail == mail.to), None)
        run.look(f"mail to {own is not None}", mail.text + str(mail.mail["subject"]))
        head = run.net.in_bytes(inside[0].encode())
        if head - set(own.words if own else ()):
            run.hits.append(("head of a mail", head))
    run.county.office.post.taken.clear()


def act(run: Run) -> None:
    """An act by somebody, with the reporter in every word they write."""
    one, login = run.bird, run.rng.choice([*ACTING, "sibling", "citylead"])
    _, name, data = run.rng.choice([plan for plan in PLANS if plan[0]])
    words = {key: f"{value}（{one.name}{one.phone}{one.address}）" for key, value in data.items()
             if key in ("reason_text", "words", "department", "case_no", "published_in", "receipt_no")}  # fmt: skip
    no = run.no()
    facts = run.clients[login][0].get(f"/api/v1/clues/{no}")
    version = facts.json.get("version", 1) if facts.status_code == 200 else 1
    run.ask(login, f"/api/v1/clues/{no}/acts/{name}", "POST", json={"version": version, "data": data | words})


def handle(run: Run) -> None:
    """The handler takes the clue, reads the original, corrects a word: what only they see stays with them."""
    no, login = run.no(), run.rng.choice(["handler", "lead"])
    facts = run.clients[login][0].get(f"/api/v1/clues/{no}").json
    data = {"handler": run.rng.choice(["handler", "lead"])}
    with db.reading() as session:
        data = {"handler": session.scalar(select(User.id).where(User.login == data["handler"]))}
    run.ask(login, f"/api/v1/clues/{no}/acts/assign", "POST", json={"version": facts.get("version", 1), "data": data})
    run.ask(login, f"/clues/{no}")
    run.ask(login, f"/clues/{no}/sheets/registration")
    run.ask(login, f"/clues/{no}/reveal", "POST", data={"reason": f"核对{run.bird.name}的电话{run.bird.phone}"})


def look_at(run: Run) -> None:
    login = run.rng.choice([*BLIND])
    path = run.rng.choice(PAGES) if run.rng.random() < 0.4 else run.rng.choice(OF_A_CLUE).format(run.no())
    run.ask(login, path)


PAPERS = ["/clues/{}/sheets/registration", "/clues/{}/sheets/handling", "/clues/{}/package"]
"""What leaves the house says nothing of who reported, whoever prints it."""
HEADS = {b"%PDF": "pdf", b"PK": "zip"}


def paper(run: Run) -> None:
    """A sheet, a case's package, slips, orders and their copies: opened page by page and file by file."""
    login, no = run.rng.choice(["handler", "lead", "mailroom"]), run.no()
    with db.reading() as session:
        clue = session.scalar(select(Clue.id).where(Clue.no == no))
        orders = session.scalars(select(StopOrder.id).where(StopOrder.clue_id == clue)).all()
        handed = session.scalars(select(Transfer.id).where(Transfer.clue_id == clue)).all()
    paths = [one.format(no) for one in PAPERS]
    paths += [f"/clues/{no}/orders/{number}/{part}" for number in orders for part in ("paper", "copy")]
    paths += [f"/clues/{no}/transfers/{number}/{kind}" for number in handed for kind in ("slip", "package")]
    for path in paths:
        answer = run.clients[login][0].get(path)
        if answer.status_code == 200:
            run.papers[next((kind for head, kind in HEADS.items() if answer.data.startswith(head)), "page")] += 1
            run.look(f"paper {path}", opened(answer.data))


def letter(run: Run) -> None:
    """A letter that tells a reporter, as PDF: their own name and address, nobody else's."""
    with db.reading() as session:
        open_letters = (NoticeTask.kind == "letter", NoticeTask.state == "open")
        tasks = session.scalars(select(NoticeTask.id).where(*open_letters)).all()
    if not tasks:
        return
    client, token = run.clients["mailroom"]
    answer = client.post(f"/tasks/{run.rng.choice(tasks)}/document", headers={"X-CSRF-Token": token})
    if answer.status_code == 200 and answer.data.startswith(b"%PDF"):
        run.papers["letter"] += 1
        words = run.net.in_text(opened(answer.data))
        if not any(words <= set(one.words) for one in run.flock):
            run.hits.append(("letter", words))


def copied(run: Run) -> None:
    """What stays to be heard or read on a redacted copy: by the word times and by the text layer of the pages."""
    with db.reading() as session:
        clue = session.get_one(Clue, run.rng.choice(run.clues))
        for part in session.scalars(select(Part).where(Part.clue_id == clue.id)):
            made = redacting.plan(session, clue, part)
            transcript = passages.current(session, part.id)
            if made is None or transcript is None:
                continue
            key = sealing.open_key(session, session.get_one(Intake, part.intake_id).key_id)
            kept = []
            for row in passages.segments(session, transcript):
                said = key.text(row.text, "segment.text")
                if made.kind == "scan":
                    kept += [said] if row.box and tuple(row.box) in made.pages.get(row.page, ([], []))[0] else []
                    continue
                words = key.json(row.words, "segment.words") if row.words else []
                views = originals.timed(said, words)
                for view in views:
                    start = view.start if view.start is not None else row.start
                    end = view.end if view.start is not None else row.stop
                    kept += [view.text] if not any(a <= start and end <= b for a, b in made.seconds) else []
                if not views and not any(a <= row.start and row.stop <= b for a, b in made.seconds):
                    kept.append(said)
            run.papers[made.kind] += 1
            run.look(f"copy of {made.kind}", "\n".join(kept))


def search(run: Run) -> None:
    """Who searches for a name finds the clue, not the name."""
    word, login = run.rng.choice(run.bird.words), run.rng.choice([*BLIND])
    run.ask(login, "/queue" if run.rng.random() < 0.6 else "/api/v1/clues", query_string={"query": word})


def export(run: Run) -> None:
    """`hub clues --json --text`, and the lists of the interface."""
    with db.reading() as session:
        for number, row in enumerate(listing.rows(session, with_text=True)):
            run.look("hub clues --text", json.dumps(row, ensure_ascii=False))
            if number > 20:
                break
    run.ask(run.rng.choice(["supervisor", "statistician"]), "/api/v1/clues?limit=100")


def fail(run: Run) -> None:
    """Requests that cannot be answered, with the reporter in them: in path, form, JSON, file, header."""
    one, login = run.bird, run.rng.choice([*BLIND, *ACTING])
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", f"/clues/{one.name}", {}),
        ("GET", f"/nowhere/{one.phone}", {}),
        ("POST", "/new/letter", {"data": {"reporter_name": one.name, "received": one.phone}}),
        ("POST", "/api/v1/intakes/email", {"json": {"from": one.mail, "nonsense": one.facts}}),
        ("POST", "/api/v1/intakes/phone", {"data": one.facts.encode("gbk"), "content_type": "application/json"}),
        ("POST", "/leaks", {"data": {"noticed": one.phone, "account": one.facts}}),
        ("POST", "/misuse", {"data": {"no": one.name, "reason": one.facts}}),
        ("PUT", f"/clues/{one.openid}", {}),
        ("POST", "/upload/letter", {"data": {"files": (io.BytesIO(one.facts.encode()), f"{one.name}.exe")}}),
        ("POST", f"/hooks/wechat/{one.openid}", {"data": f"<xml><FromUserName>{one.openid}</FromUserName>"}),
        ("GET", f"/citizen/report/{one.phone}", {}),
        ("POST", "/sign-in", {"data": {"login": one.name, "password": one.phone}}),
    ]
    method, path, more = run.rng.choice(requests)
    client, token = run.clients[login]
    answer = client.open(path, method=method, headers={"X-CSRF-Token": token, "User-Agent": one.nickname}, **more)
    run.statuses[answer.status_code] += 1
    if answer.status_code != 422:  # a form that is refused keeps what its own typist typed
        run.look(f"error {answer.status_code} {method} {path[:12]}", answer.text.replace(path, ""))


def break_down(run: Run) -> None:
    """A fault within, whose text quotes somebody: page and log say nothing of them."""
    one = run.bird

    def broken(*_: object, **__: object) -> None:
        raise ValueError(f"cannot read {one.facts}")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(people, "visible", broken)
        patched.setattr(queue, "visible", broken)
        patched.setitem(run.app.config, "PROPAGATE_EXCEPTIONS", False)
        answer = run.ask(run.rng.choice([*ACTING]), "/queue")
    assert answer.status_code == 500


OPERATIONS: list[tuple[Callable[[Run], None], int]] = [
    (take, 22), (work, 12), (act, 20), (handle, 8), (look_at, 20), (search, 7), (export, 2), (fail, 8), (break_down, 1),
]  # fmt: skip

PRINTING: list[tuple[Callable[[Run], None], int]] = [(paper, 4), (letter, 1), (copied, 2)]
"""Added in the long run: PDFs and packages take a second each."""


@pytest.fixture
def run(county: County, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Run]:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setenv("HUB_REVEAL_QUOTA", "100000")
    settings.cache_clear()
    county.mailbox()
    county.account()
    rng = random.Random(12336)
    birds = flock(rng)
    made = Run(county, create_app(), rng, birds, Net(birds))
    with db.transaction() as session:
        for login, (unit, role) in (BLIND | ACTING).items():
            person = staff.add(session, login, f"人{login}", "a long password", unit, [role])
            session.flush()
            client = made.app.test_client()
            client.set_cookie("hub", sessions.begin(session, person.id))
            session.flush()
            token = session.scalars(select(SignIn.csrf).where(SignIn.user_id == person.id)).one()
            made.clients[login] = (client, token)
    for name in ("msg", "debug", "info", "warning", "error", "critical", "exception"):
        monkeypatch.setattr(structlog.PrintLogger, name, lambda _, line: made.said.append(line))
    yield made
    tempfile.tempdir = None


ROUNDS: list[Any] = [pytest.param(200, marks=pytest.mark.timeout(900))]
if os.environ.get("HUB_TEST_LONG"):  # make test-long: as many as the requirement says
    ROUNDS.append(pytest.param(2000, marks=[pytest.mark.long, pytest.mark.timeout(3600)]))


@pytest.mark.parametrize("rounds", ROUNDS)
def test_nobody_is_found_where_they_should_not_be(
    run: Run, rounds: int, hub: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    begun = time.time() - 1
    for door in DOORS:
        door(run)
    take(run)
    operations = OPERATIONS + (PRINTING if rounds >= 2000 else [])
    ways = [way for way, weight in operations for _ in range(weight)]
    for number in range(rounds):
        way = run.rng.choice(ways)
        run.done[way.__name__] += 1
        way(run)
        if number % 50 == 0:
            assert run.net.in_files(tmp_path / "tmp") == {}, "temporary files"
    said = ("\n".join(run.said) + caplog.text).encode()
    assert run.hits == []  # where, what
    assert run.net.in_bytes(said) == set(), "logs"
    assert b"request_failed" in said, "something was logged"
    with redis.Redis.from_url(settings().redis_url) as client:
        values = b"".join(key + b"\n" + (client.dump(key) or b"") for key in client.scan_iter())
    assert run.net.in_bytes(values) == set(), "Redis"
    assert in_dump(run.net, dump()) == {}, "columns of the database"
    with db.reading() as session:
        session.execute(text("checkpoint"))
    assert run.net.in_files(hub) == {}, "data folder"
    assert run.net.in_files(server_folder(), begun) == {}, "files of the database and the queue"
    assert {way.__name__ for way, _ in operations} <= set(run.done)
    assert len(run.clues) > rounds // 8
    assert {"zip", "page", "letter", "speech", "scan"} <= set(run.papers) or rounds < 2000, run.papers
    assert run.statuses[200] > run.statuses[404] > 0


def test_what_is_looked_for_would_be_found(run: Run, hub: Path) -> None:
    """The nets hold: a canary in a page, a log line, a column of any kind, a temporary file."""
    one = run.bird
    assert run.net.in_text(f"<p>{one.address}</p>") == {one.address}
    assert run.net.in_bytes(json.dumps({"a": one.name}).encode()) == {one.name}
    (hub / "spool").write_bytes(b"x" * 500 + one.mail.encode())
    assert run.net.in_files(hub) == {"spool": {one.mail}}
    clue = by_wechat(run)
    with db.transaction() as session:
        session.execute(update(User).where(User.login == "lead").values(name=one.name))
        session.execute(text("update blob set sealed = :b where sealed is not null"), {"b": one.facts.encode("gbk")})
        session.execute(text("insert into beat values ('x', now(), cast(:d as jsonb))"),
                        {"d": json.dumps({"a": one.phone})})  # fmt: skip
    found = in_dump(run.net, dump())
    assert set(found) == {"public.staff", "public.blob", "public.beat"}
    assert found["public.beat"] == {one.phone}
    with db.reading() as session:
        no = session.scalar(select(Clue.no).where(Clue.id == clue))
        session.execute(update(Clue).where(Clue.id == clue).values(handler_id=None))
    client, _ = run.clients["handler"]
    with db.transaction() as session:
        handler = session.scalar(select(User.id).where(User.login == "handler"))
        session.execute(update(Clue).where(Clue.id == clue).values(handler_id=handler))
    run.look("the handler's own page", client.get(f"/clues/{no}").text)
    assert run.hits, "the handler does see who reported"
