"""What is done with the clues of canaries: acts, looks, searches, papers, exports, errors with their words in them."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select, text

from hub import db
from hub.access import people, sealing
from hub.enrich import passages
from hub.models import Clue, Intake, NoticeTask, Part, StopOrder, Transfer, User
from hub.supervision import listing, originals, queue, redacting
from hub.worker import drain
from tests.access.canary import opened
from tests.access.canary_doors import take
from tests.access.canary_run import ACTING, BLIND, Run
from tests.integration.casework.test_table import PLANS

PAGES = ["/", "/queue", "/queue?state=open", "/supervise", "/supervise/clues", "/tasks", "/manual", "/retention",
         "/misuse", "/reveals", "/leaks", "/running", "/people", "/units", "/api/v1/clues", "/api/v1/supervision",
         "/api/v1/tasks", "/calendar", "/rules", "/certificates", "/metrics", "/healthz", "/account"]  # fmt: skip
OF_A_CLUE = ["/clues/{}", "/api/v1/clues/{}", "/clues/{}/sheets/registration", "/clues/{}/compare", "/clues/{}/acts",
             "/api/v1/clues/{}/acts"]  # fmt: skip


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
