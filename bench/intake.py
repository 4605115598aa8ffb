"""Intake: mails and requests a second and CPU of each, beside a floor that does the bare minimum without our promises.

    python bench/intake.py [mails]

E-mail. Ours: fetch from an IMAP server, seal, evidence store with fsync, keys, audit chain, work row, commit, \\Seen;
then reading in the limited child and the registration as a clue, shown apart. Floor: fetch the same mails, parse them
with the standard library, write attachments to files with fsync, insert one row a mail and one an attachment, commit,
\\Seen; nothing sealed, no dedupe, no audit. Floor and ours run turn by turn in one process against the same PostgreSQL
(durable settings); CPU is that of this process with its children and of the database server; the IMAP server is a
process of its own and not counted.

HTTP. Ours: the WeChat webhook of the real application (signature, decryption, sealing, keys, audit, work row). Floor: a
bare Flask view that inserts the decrypted body into one table and commits; the second floor checks the signature,
decrypts and answers sealed, as WeChat wants it.
"""

from __future__ import annotations

import email
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import psutil
from flask import Flask, request
from imapclient import IMAPClient
from sqlalchemy import Column, Engine, Integer, LargeBinary, MetaData, Table, Text, create_engine

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from channels.email import receive  # noqa: E402  the path above comes first
from channels.wechat.envelope import Account  # noqa: E402
from channels.wechat.message import parse  # noqa: E402
from channels.wechat.sandbox import Sandbox as WeChat  # noqa: E402
from hub import app, clock, db, worker  # noqa: E402
from hub.access import sealing  # noqa: E402
from hub.jurisdiction.units import ensure_units  # noqa: E402
from hub.models import Intake  # noqa: E402
from hub.ports import HubPorts  # noqa: E402
from hub.runtime import embedded, schema  # noqa: E402
from hub.settings import export  # noqa: E402
from tests.fault.kit import count, entrance, mail, waiting  # noqa: E402

WARM = 20  # requests before, until what is made once is made
META = MetaData()
MAIL = Table("floor_mail", META, Column("id", Integer, primary_key=True), Column("uid", Integer),
             Column("subject", Text), Column("body", Text))  # fmt: skip
FILE = Table("floor_file", META, Column("id", Integer, primary_key=True), Column("mail", Integer), Column("path", Text))
POST = Table("floor_post", META, Column("id", Integer, primary_key=True), Column("body", LargeBinary))

SERVER = """
import sys, time
from channels.email.sandbox import Sandbox
box = Sandbox(sys.argv[1], port=int(sys.argv[2])); box.start(); print("ready", flush=True); sys.stdin.read()
"""


class Meter:
    """CPU seconds of this process with its children and of the database server."""

    def __init__(self, server: int) -> None:
        self.server = psutil.Process(server)

    def cpu(self) -> float:
        own = psutil.Process().cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        skip = {p.pid for p in self.server.children(recursive=True)} | {self.server.pid}
        for process in psutil.Process().children(recursive=True):
            try:
                if process.pid in skip or process.name().startswith(("postgres", "valkey")):
                    continue
                times = process.cpu_times() if "bench-imap" not in process.environ() else None
            except psutil.Error:
                continue
            total += times.user + times.system if times else 0
        for process in (self.server, *self.server.children(recursive=True)):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system + times.children_user + times.children_system
        return total

    def run(self, what: Callable[[], object]) -> tuple[float, float]:
        cpu, wall = self.cpu(), time.monotonic()
        what()
        return self.cpu() - cpu, time.monotonic() - wall


def show(name: str, number: int, figures: tuple[float, float]) -> None:
    cpu, wall = figures
    print(f"{name:44} {number / wall:7.0f} /s {cpu / number * 1000:8.2f} ms CPU each")


def floor_mail(engine: Engine, port: int, folder: Path) -> None:
    with IMAPClient("127.0.0.1", port=port, ssl=False) as client, engine.connect() as connection:
        client.login("clue@example.cn", "sandbox")
        client.select_folder("INBOX")
        for uid in client.search():
            data = client.fetch([uid], ["BODY.PEEK[]"])[uid][b"BODY[]"]
            parsed, text, paths = email.message_from_bytes(data), "", []
            for number, part in enumerate(parsed.walk()):
                if part.get_filename():
                    path = folder / f"{uid}-{number}"
                    with path.open("wb") as file:
                        file.write(part.get_payload(decode=True) or b"")
                        file.flush()
                        os.fsync(file.fileno())
                    paths.append(str(path))
                elif part.get_content_type() == "text/plain":
                    text += (part.get_payload(decode=True) or b"").decode()
            made = connection.execute(MAIL.insert().values(uid=uid, subject=str(parsed["subject"]), body=text))
            for path in paths:
                connection.execute(FILE.insert().values(mail=made.inserted_primary_key[0], path=str(path)))
            connection.commit()
            client.add_flags([uid], [b"\\Seen"], silent=True)


def mails(engine: Engine, meter: Meter, var: Path, number: int) -> None:
    rng, ports = random.Random(12336), HubPorts()
    sizes = {"text only": [0], "mixed (a third with 20 KB to 200 KB)": [0, 300, 900, 20_000, 0, 200_000]}
    for kind, choice in sizes.items():
        from channels.email.sandbox import Sandbox

        folder = var / f"imap-{len(kind)}"
        box = Sandbox(folder)
        for n in range(number):
            box.append(mail(rng, f"{len(kind)}x{n}", choice[n % len(choice)]), datetime.now(UTC))
        port = free_port()
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(folder), str(port)], cwd=ROOT, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, env=os.environ | {"bench-imap": "1"},
        )  # fmt: skip
        assert server.stdout is not None
        server.stdout.readline()
        options = {"host": "127.0.0.1", "port": port, "tls": "none", "user": "clue@example.cn"}
        entrance(f"email:{len(kind)}", "email", options, {"password": "sandbox"})
        source = next(s for s in ports.sources("email") if s.id == f"email:{len(kind)}")
        files = var / "floor"
        files.mkdir(exist_ok=True)
        before = count(Intake)
        floor = meter.run(lambda port=port, files=files: floor_mail(engine, port, files))
        ours = meter.run(lambda source=source: receive.poll_once(ports, source))
        assert count(Intake) - before == number

        def read() -> None:
            while waiting("normalize"):
                worker.drain("light")

        reading = meter.run(read)
        print(f"e-mail, {kind}, {number} mails")
        show("  floor: fetch, parse, files, insert", number, floor)
        show("  ours: fetch to stored and acknowledged", number, ours)
        show("  ours: reading and registration", number, reading)
        both = (ours[0] + reading[0]) / floor[0]
        print(f"  CPU, ours to floor: {ours[0] / floor[0]:.2f} stored, {both:.2f} stored, read and registered")
        server.terminate()
        server.wait()


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def http(engine: Engine, meter: Meter, number: int) -> None:
    keys = {"token": "tok", "aes_key": "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG", "app_secret": "s"}
    entrance("wechat:1", "wechat", {"app_id": "wx0123456789abcdef"}, keys)
    server = WeChat("wx0123456789abcdef", *keys.values())
    plain = [
        server._xml(f"o{n:027d}", "text", {"Content": "红旗村有人占用耕地建厂房", "MsgId": str(n)})  # noqa: SLF001
        for n in range(WARM + number)
    ]
    sealed = [server.sealed(xml) for xml in plain]
    server.stop()
    bare = Flask("floor")

    @bare.post("/")
    def _store() -> str:
        with engine.begin() as connection:
            connection.execute(POST.insert().values(body=request.get_data()))
        return "success"

    @bare.post("/sealed")
    def _opened() -> bytes:
        account, args, now = Account("wx0123456789abcdef", keys["token"], keys["aes_key"]), request.args, clock.real()
        encrypted = parse(request.get_data()).get("Encrypt")
        account.check(args["msg_signature"], args["timestamp"], args["nonce"], encrypted, now=now)
        with engine.begin() as connection:
            connection.execute(POST.insert().values(body=account.open(encrypted)))
        return account.seal(plain[0], now=now)

    floor_client, client = bare.test_client(), app.create_app().test_client()

    def floor_run(some: slice) -> None:
        for xml in plain[some]:
            assert floor_client.post("/", data=xml).status_code == 200

    def opened_run(some: slice) -> None:
        for query, body in sealed[some]:
            assert floor_client.post("/sealed", query_string=query, data=body).status_code == 200

    def run(some: slice) -> None:
        for query, body in sealed[some]:
            assert client.post("/hooks/wechat/wechat:1", query_string=query, data=body).status_code == 200

    first, rest = slice(WARM), slice(WARM, None)
    floor_run(first)
    opened_run(first)
    run(first)
    before = count(Intake)
    floor, opened = meter.run(lambda: floor_run(rest)), meter.run(lambda: opened_run(rest))
    ours = meter.run(lambda: run(rest))
    assert count(Intake) - before == number
    print(f"HTTP, {number} WeChat messages")
    show("  floor: bare Flask, one insert", number, floor)
    show("  floor with signature, decryption, sealed answer", number, opened)
    show("  ours: webhook to stored and acknowledged", number, ours)
    print(f"  CPU, ours to floor: {ours[0] / floor[0]:.2f}, to the floor that speaks WeChat's protocol: "
          f"{ours[0] / opened[0]:.2f}")  # fmt: skip


def main() -> int:
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    warnings.simplefilter("ignore")
    var = Path(tempfile.mkdtemp(prefix="hubbench-"))
    postgres, valkey = embedded.start_postgres(var), embedded.start_valkey(var)
    assert postgres.process is not None
    try:
        sealing.make_key_file(var / "hub.key")
        export(HUB_VAR=str(var), HUB_KEY_FILE=str(var / "hub.key"), DATABASE_URL=postgres.url, REDIS_URL=valkey.url,
               HUB_LOG_LEVEL="ERROR")  # fmt: skip
        schema.upgrade(postgres.url)
        db.connect()
        with db.transaction() as session:
            ensure_units(session)
        engine = create_engine(db.normal(postgres.url))
        META.create_all(engine)
        meter = Meter(postgres.process.pid)
        mails(engine, meter, var, number)
        http(engine, meter, number)
        engine.dispose()
        db.engine().dispose()
    finally:
        valkey.stop()
        postgres.stop()
        shutil.rmtree(var, ignore_errors=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
