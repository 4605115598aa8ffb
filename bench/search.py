"""Search at size: newest 50 hits of a unit, opened and confirmed, as ministry, dense county and ordinary county.

    python bench/search.py [--rows 300000] [--keep FOLDER]

An embedded PostgreSQL in a temporary folder, filled by COPY with synthetic reports of 20 to 90 characters, one row of
the index each. Times include opening the texts; a busy machine shows in all but the CPU (client and database). The last
line asks the index for all that match at once, to show what asking span by span is worth. `--keep` leaves the filled
database in a folder, or measures the one that a run before left there.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

import psycopg
from sqlalchemy import select, text

from bench.access import ran
from hub import db, search
from hub.access import sealing
from hub.models import ClueUnit, Unit
from hub.models.text import SEARCH_TERMS
from hub.runtime import embedded, schema
from hub.search import spans
from hub.settings import export

MINISTRY, PROVINCE, DENSE, COUNTIES = 1, 2, 10, 300
START = datetime(2024, 1, 1, tzinfo=UTC)
ACTS = (
    "占用耕地",
    "偷挖稀土",
    "非法采砂",
    "盖了厂房",
    "倒卖宅基地",
    "越界开采铁矿",
    "倾倒建筑垃圾",
    "挖鱼塘",
    "取土烧砖",
    "建养殖场",
)
HEADS = ("我要举报", "你好，我反映一下", "举报", "有人反映", "请查处")
TAILS = (
    "没有手续",
    "一直没人管",
    "半夜干的",
    "已经两个月了",
    "希望调查",
    "污染很大",
    "拉走卖了",
    "村民意见很大",
    "",
    "",
)
COMMON = (
    "的一是了我不在人们有来他这上着个地到大里说就去子得也和那要下看天时过出小么起你都把好还多没为又可家学只以主会"
    "样年想生同老中十从自面前头道它后然走很像见两用她国动进成回什边作对开而己些现山民候经发工向事命给长水几义三声"
    "于高手知理眼志点心战二问但身方实吃做叫当住听革打呢真全才四已所敌之最光产情路分总条白话东席次亲如被花口放儿常"
    "气五第使写军吧文运再果怎定许快明行因别飞外树物活部门无往船望新带队先力完却站代员机更九您每风级跟笑啊孩万少直"
    "意夜比阶连车重便斗马哪化太指变社似士者干石满日决百原拿群究各六本思解立河村八难早论吗根共让相研今其书坐接应关"
    "信觉步反处记将千找争领或师结块跑谁草越字加脚紧爱等习阵怕月青半火法题建赶位唱海七女任件感准张团屋离色脸片科倒"
    "睛利世刚且由送切星导晚表够整认响雪流未场该并底深刻平伟忙提确近亮轻讲农古黑告界拉名呀土清阳照办史改历转画造嘴"
    "此治北必服雨穿内识验传业菜爬睡兴形量咱观苦体众通冲合破友度术饭公旁房极南枪读沙岁线野坚空收算至政城劳落钱特围"
    "弟胜教热展包歌类渐强数乡呼性音答哥际旧神座章帮啦受系令跳非何牛取入岸敢掉忽种装顶急林停息句区衣般报叶压慢叔背"
    "细"
)


def place(maker: random.Random) -> str:
    return (
        "".join(maker.choices(COMMON, k=2))
        + "县"
        + "".join(maker.choices(COMMON, k=2))
        + "镇"
        + "".join(maker.choices(COMMON, k=2))
        + "村"
    )


def report(maker: random.Random) -> str:
    return f"{maker.choice(HEADS)}，{place(maker)}{maker.choice(ACTS)}，{maker.choice(TAILS)}" + "".join(
        maker.choices(COMMON, k=maker.randint(0, 60))
    )


def fill(url: str, count: int) -> None:
    """Rows of part, clue_unit and search_row; keys and constraints between tables are left out (replica role)."""
    maker = random.Random(1)
    with db.transaction() as session:
        session.add(Unit(id=1, code="000000", name="部", level="ministry", path=[1]))
        session.flush()
        key = sealing.new_key(session, 1)
    host = url.split("host=")[1].replace("%2F", "/")
    with psycopg.connect(host=host, user="hub", dbname="hub") as to:
        to.execute("set session_replication_role = replica")
        to.execute("drop index ix_search_row_terms")
        to.execute(
            "insert into intake (id, source_id, channel, sub_channel, unit_id, at, kind_suggested, state, key_id, meta)"
            " overriding system value values (1, 'bench', 'email', '', 1, now(), 'clue', 'registered', %s, '')",
            (key.id,),
        )
        rows = []
        for number in range(1, count + 1):
            county = DENSE if maker.random() < 0.05 else DENSE + 1 + maker.randrange(COUNTIES)
            rows.append((number, START + timedelta(seconds=number * 80_000_000 / count), county, report(maker)))
            if len(rows) == 20_000 or number == count:
                copy(to, key, rows)
                rows = []
        to.execute(f"create index ix_search_row_terms on search_row using gin ({SEARCH_TERMS})")


def copy(to: psycopg.Connection, key: sealing.Key, rows: list[tuple[int, datetime, int, str]]) -> None:
    cursor = to.cursor()
    with cursor.copy("copy part (id, intake_id, clue_id, ord, kind, title, text, data) from stdin") as out:
        for number, _, _, words in rows:
            sealed = f"\\x{key.seal(words, 'part.text').hex()}"
            out.write_row((number, 1, number, number, "text", "\\x00", sealed, "\\x00"))
    columns = "unit_id, clue_id, role, state, open, channel, sort_at"
    with cursor.copy(f"copy clue_unit ({columns}) from stdin") as out:
        for number, at, county, _ in rows:
            for unit in (county, MINISTRY):
                out.write_row((unit, number, "owner", "to_determine", True, "email", at))
    with cursor.copy("copy search_row (received_at, id, clue_id, ref, tokens) from stdin") as out:
        for number, at, county, words in rows:
            made = search.vector(search.fold(words), (county, PROVINCE, MINISTRY))
            out.write_row((at, number, number, f"part:{number}", made))


def queries(maker: random.Random, size: int) -> list[str]:
    """Pieces of other reports, as people search them: most common, some rare, some absent."""
    found: list[str] = []
    while len(found) < size:
        words = search.fold(report(maker))
        length = maker.choice((1, 2, 2, 2, 3, 4, 4, 6))
        start = maker.randrange(len(words) - length)
        found.append(words[start : start + length])
    return found


def timed(unit: int, asked: list[str], *, as_list: bool = False) -> tuple[list[float], list[float], int]:
    """(wall ms of each query, CPU ms of client and database of each, both sorted; hits). `as_list`: a list of clues."""
    rows = select(ClueUnit).where(ClueUnit.unit_id == unit)
    times, cpu, hits = [], [], 0
    with db.reading() as session:
        pid = session.scalar(text("select pg_backend_pid()"))
        for query in asked:
            begun, spent = time.perf_counter(), time.process_time() * 1000 + ran(pid)
            hits += len(search.clues(session, rows, unit, query) if as_list else search.find(session, unit, query))
            times.append((time.perf_counter() - begun) * 1000)
            cpu.append(time.process_time() * 1000 + ran(pid) - spent)
            session.expunge_all()
    return sorted(times), sorted(cpu), hits


def show(name: str, times: list[float], cpu: list[float], hits: int) -> None:
    middle, high = len(times) // 2, int(len(times) * 0.95)
    print(
        f"{name:26} p50 {times[middle]:6.1f} ms  p95 {times[high]:6.1f} ms (target < 50)  max {times[-1]:6.1f} ms  "
        f"CPU p50 {cpu[middle]:5.1f}  p95 {cpu[high]:5.1f}  {hits} hits",
        flush=True,
    )


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--rows", type=int, default=300_000)
    options.add_argument("--queries", type=int, default=150)
    options.add_argument("--keep", type=Path)
    given = options.parse_args()
    var = given.keep or Path(tempfile.mkdtemp(prefix="hub-bench-"))
    var.mkdir(exist_ok=True)
    filled = (var / "filled").exists()
    server = None
    try:
        if not filled:
            sealing.make_key_file(var / "hub.key")
        server = embedded.start_postgres(var, name="hub", fast=True)
        export(HUB_VAR=str(var), HUB_KEY_FILE=str(var / "hub.key"), DATABASE_URL=server.url)
        sealing.forget_keys()
        schema.upgrade(server.url)
        db.connect(server.url)
        if not filled:
            begun = time.perf_counter()
            fill(server.url, given.rows)
            print(f"{given.rows} texts in {time.perf_counter() - begun:.0f} s, token index included")
            (var / "filled").touch()
        with db.engine().connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("vacuum analyze"))
            size = connection.scalar(text(
                "select sum(pg_relation_size(relid)) from pg_partition_tree('ix_search_row_terms') where isleaf"
            ))  # fmt: skip
        print(f"token index {float(size or 0) / 1e6:.0f} MB")
        maker = random.Random(2)
        for name, unit in (("ministry", MINISTRY), ("dense county (5 %)", DENSE), ("county", DENSE + 7)):
            asked = queries(maker, given.queries)
            timed(unit, asked[:20])
            show(name, *timed(unit, asked))
            show(f"{name}, list", *timed(unit, asked, as_list=True))
        spans.FEW = given.rows * 2
        show("ministry, without spans", *timed(MINISTRY, queries(random.Random(2), 12)))
    finally:
        db.forget()
        if server is not None:
            server.stop()
        if given.keep is None:
            shutil.rmtree(var, ignore_errors=True)


if __name__ == "__main__":
    os.nice(5)
    main()
