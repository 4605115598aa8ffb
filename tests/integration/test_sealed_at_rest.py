"""Nothing of ten reports can be found on disk, in a dump or in Redis: no name, phone, openid or word of theirs."""

from __future__ import annotations

import base64
import io
import json
import os
import subprocess
import time
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
import redis
from sqlalchemy import func, select, text

from channels.contract import Blob
from channels.registry import channels
from hub import db, intake
from hub.models import Blob as BlobRow
from hub.models import Clue, Intake, Reporter
from hub.runtime import embedded
from hub.settings import settings
from hub.worker import drain
from tests.access.canary import forms

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
NAME, PHONE, OTHER, MAIL, OPENID = (
    "欧阳澄泓",
    "13990817263",
    "0737-8847261",
    "ouyang.chenghong@example.org",
    "oQ7sealedAtRest01",
)
PLACE = "湖南省益阳市桃江县武潭镇红旗村"
FACTS = f"我叫{NAME}，电话{PHONE}，也可打{OTHER}。{PLACE}，鑫隆建材有限公司占用耕地八亩建厂房。"
WORDS = (NAME, PHONE, OTHER, MAIL, OPENID, "鑫隆建材有限公司")


def sound() -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(os.urandom(100) * 400)
    return out.getvalue()


def mail(charset: str, padding: str = "") -> bytes:
    name = base64.b64encode(NAME.encode(charset)).decode()
    head = f"From: =?{charset}?B?{name}?= <{MAIL}>\r\nMessage-ID: <{charset}.{len(padding)}@example.org>\r\n"
    head += f"Subject: =?{charset}?B?{name}?=\r\nContent-Type: text/plain; charset={charset}\r\n"
    return (head + "Content-Transfer-Encoding: 8bit\r\n\r\n").encode() + (FACTS + padding).encode(charset)


def table(charset: str) -> bytes:
    return f"违法地点,主要违法事实,举报人,联系电话\n{PLACE},{FACTS},{NAME},{PHONE}\n".encode(charset)


MESSAGE = (
    f"<xml><ToUserName>gh_1</ToUserName><FromUserName>{OPENID}</FromUserName><CreateTime>1795139000</CreateTime>"
    f"<MsgType>text</MsgType><Content>{FACTS}</Content><MsgId>99887766</MsgId></xml>"
).encode()
INPUTS = [  # channel, file name, bytes, meta
    ("email", f"{NAME}.eml", mail("utf-8"), {}),
    ("email", "gbk.eml", mail("gbk"), {}),
    ("email", "large.eml", mail("gbk", FACTS * 2000), {}),  # beyond 64 KiB: in the evidence store
    ("phone", f"{PHONE}.wav", sound(), {"caller": PHONE, "agent": "8003"}),
    ("letter", f"{NAME}来信.txt", FACTS.encode("gbk"), {"reporter_name": NAME, "reporter_phone": PHONE}),
    ("wechat", "message.xml", MESSAGE, {}),
    ("referral", "批示.txt", FACTS.encode(), {"leader": NAME, "instruction": FACTS}),
    ("subordinate", "日报.csv", table("gbk"), {"from_unit": "桃江县"}),
    ("media", "报道.txt", FACTS.encode(), {"outlet": "某某日报", "headline": FACTS}),
    ("other", "来访.txt", FACTS.encode("gbk"), {"sub_channel": "0802", "reporter_name": NAME}),
]


NEEDLES = {needle: word for word in WORDS for needle in forms(word) if len(needle) >= 6}


def found(data: bytes) -> set[str]:
    return {word for needle, word in NEEDLES.items() if needle in data}


def found_in_files(root: Path, since: float = 0) -> dict[str, set[str]]:
    """Words by file below `root` that changed after `since`; files are read in overlapping stretches."""
    hits: dict[str, set[str]] = {}
    for path in (p for p in root.rglob("*") if p.is_file() and p.stat().st_mtime >= since):
        with path.open("rb") as file:
            tail = b""
            while block := file.read(8 << 20):
                if words := found(tail + block.strip(b"\0")):
                    hits.setdefault(str(path.relative_to(root)), set()).update(words)
                tail = block[-400:].lstrip(b"\0")
    return hits


def server_folder() -> Path:
    """The data folder of the test's PostgreSQL and Valkey."""
    with db.reading() as session:
        return Path(session.scalar(text("show data_directory"))).parent


def dump() -> bytes:
    binary = embedded.pg_bin() / "pg_dump"
    url = settings().database_url.replace("+psycopg", "")
    return subprocess.run([binary, "--dbname", url], check=True, capture_output=True).stdout


@pytest.fixture
def begun() -> float:
    return time.time() - 1


@pytest.fixture
def taken(begun: float, hub: Path) -> Path:
    for code, name, data, meta in INPUTS:
        for raw in channels()[code].from_files([Blob(name, "", data)], meta, source_id=f"cli:{code}", now=AT):
            assert intake.accept(raw, unit="430922").new
    while drain("light") or drain("text"):
        pass
    with db.reading() as session:
        assert session.scalar(select(func.count()).select_from(Intake)) == 10
        assert session.scalar(select(func.count()).select_from(Intake).where(Intake.state == "registered")) == 10
        assert session.scalar(select(func.count()).select_from(Clue)) == 10
        assert session.scalar(select(func.count()).select_from(Clue).where(Clue.division == "430922")) >= 8
        assert session.scalar(select(func.count()).select_from(Reporter)) >= 6
        assert session.scalar(select(func.count()).select_from(BlobRow).where(BlobRow.address.is_not(None))) >= 1
        session.execute(text("checkpoint"))
    return hub


def test_nothing_of_a_reporter_or_a_report_lies_open(taken: Path, begun: float) -> None:
    assert found_in_files(taken) == {}, "data folder"
    with redis.Redis.from_url(settings().redis_url) as client:
        values = b"".join(key + b"\n" + (client.dump(key) or b"") for key in client.scan_iter())
    assert found(values) == set(), "Redis"
    made = dump()
    assert b"COPY public.blob" in made
    assert found(made) == set(), "database dump"
    assert found_in_files(server_folder(), begun) == {}, "files of database (tables, log ahead) and queue"


def test_what_lies_open_would_be_found(taken: Path) -> None:
    """The search itself can fail: each way a word might leak is seen."""
    (taken / "log.txt").write_text(f"von {NAME}")
    (taken / "spool").write_bytes(mail("gbk"))
    (taken / "b64").write_bytes(base64.encodebytes(mail("utf-8")).replace(b"\n", b""))
    seen = found_in_files(taken)
    assert NAME in seen["log.txt"]
    assert {NAME, PHONE, MAIL} <= seen["spool"]
    assert {NAME, PHONE, MAIL} <= seen["b64"]
    with db.engine().begin() as connection:
        connection.execute(
            text("insert into beat values ('x', now(), cast(:d as jsonb))"), {"d": json.dumps({"a": PHONE})}
        )
        connection.execute(text("update blob set sealed = :b where sealed is not null"), {"b": FACTS.encode("gbk")})
    assert {PHONE, NAME} <= found(dump())
