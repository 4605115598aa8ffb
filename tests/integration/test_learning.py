"""Learning from confirmed decisions: after 200, only where it beats the rules, versioned, explained, switched off."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from channels.contract import Blob
from channels.registry import channels
from hub import casework, clock, db, intake
from hub.access import audit, sealing
from hub.access.sealing import open_key
from hub.cli import main
from hub.enrich import classify, learned, learning, passages
from hub.enrich.learning import Decision
from hub.models import Clue, Event, IntakeClue, LearnedModel, SuggestionRow, Wall, Work
from hub.runtime import processes
from hub.settings import export, settings
from hub.terms import Passage
from hub.worker import drain

AT = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
UNIT = "430922"
HEADS = ("昨天看到", "村里人都晓得", "你们来看看", "我路过那里", "天天如此", "去年起")
WHERE = ("后山", "河边", "学校旁", "老屋场", "大路口", "水库下面")
ENDS = ("没人管", "大家意见大", "请来看", "影响出行", "已有些日子", "")
LOCAL = ("在起窝子", "又打窝子", "窝子越来越多", "窝子一个挨一个")
"""A word of the place that the rules do not know: 窝子, a hole from which sand is stolen."""


@pytest.fixture(autouse=True)
def key_file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key file of the test's own hub, else that of all: words are keyed by it."""
    if "hub" not in request.fixturenames:
        monkeypatch.setenv("HUB_KEY_FILE", str(request.getfixturevalue("seeded")[1]))
        settings.cache_clear()
        sealing.forget_keys()


def texts(count: int, deeds: tuple[str, ...], seed: int) -> list[str]:
    maker = random.Random(seed)
    made: dict[str, None] = {}
    while len(made) < count:
        made[f"{maker.choice(HEADS)}，{maker.choice(WHERE)}{maker.choice(deeds)}{maker.randint(1, 99)}天，"
             f"{maker.choice(ENDS)}"] = None  # fmt: skip
    return list(made)


BUILD = ("有人没批手续盖房子", "未批先建一栋楼", "占了耕地盖厂房", "违法占地建仓库")


@cache
def local() -> list[Decision]:
    """240 decisions that the rules miss, 240 that they know."""
    return [learning.decision("K2", text) for text in texts(240, LOCAL, 1)] + [
        learning.decision("T2", text) for text in texts(240, BUILD, 2)
    ]


def test_a_local_word_is_learned_and_beats_the_rules() -> None:
    outcomes = {one.label: one for one in learning.learn(local())}
    assert outcomes["K2"].state == "adopted"
    assert outcomes["K2"].positives == 240
    assert outcomes["K2"].learned_score > outcomes["K2"].rules_score + 0.3
    assert outcomes["K2"].gained > outcomes["K2"].lost
    assert outcomes["T1"].state == "few"
    assert set(outcomes) == set(learning.LABELS)
    assert not {"N2", "N4"} & set(outcomes)


def test_where_the_rules_are_right_nothing_is_adopted() -> None:
    rows = [learning.decision("T2", text) for text in texts(220, BUILD, 3)]
    rows += [learning.decision("T4", text) for text in texts(60, ("在基本农田里挖鱼塘", "把耕地的表土挖走卖了"), 4)]
    (one,) = [outcome for outcome in learning.learn(rows) if outcome.label == "T2"]
    assert one.state == "refused"
    assert one.rules_score > 0.9


def test_decisions_without_a_pattern_are_not_adopted() -> None:
    maker = random.Random(5)
    rows = [learning.decision(maker.choice(("T2", "K2")), text) for text in texts(460, BUILD, 6)]
    assert {one.state for one in learning.learn(rows)} <= {"few", "refused"}


def test_199_decisions_are_too_few() -> None:
    rows = local()
    assert learning.judge(rows[:199] + rows[240:], "K2").state == "few"
    assert learning.judge(rows[:200] + rows[240:], "K2").state == "adopted"


def test_the_same_decisions_teach_the_same() -> None:
    assert learning.judge(local(), "K2") == learning.judge(list(local()), "K2")


def test_equal_texts_stand_in_one_fold() -> None:
    one, other = (learning.decision("K2", f"我叫{name}，电话{phone}，后山在打窝子") for name, phone in
                  (("王秀兰", "13947812345"), ("李桂花", "13900004567")))  # fmt: skip
    assert one.fold == other.fold
    assert one.words == other.words  # nothing of the names and numbers is read


def test_what_names_somebody_is_masked() -> None:
    text = "我叫王秀兰，电话13947812345，鑫隆建材有限公司在湖南省益阳市桃江县武潭镇红旗村占耕地，老板李海龙"
    hidden = learned.masked(text)
    assert len(hidden) == len(text)
    for name in ("王秀兰", "13947812345", "鑫隆", "桃江", "武潭", "红旗", "李海龙"):
        assert name not in hidden
    assert "占耕地" in hidden


def test_models_pack_and_unpack() -> None:
    bias, weights = learned.unpack(learned.pack(-0.5, {7: 1.25, 3: -2.0, (1 << 32) - 1: 0.5}))
    assert (bias, weights) == (-0.5, {7: 1.25, 3: -2.0, (1 << 32) - 1: 0.5})
    with pytest.raises(ValueError, match="not a learned model"):
        learned.unpack(b"12345")


def send(body: str, number: int) -> int:
    mail = EmailMessage()
    mail["From"], mail["To"] = "a@example.org", "clue@example.cn"
    mail["Message-ID"], mail["Subject"] = f"<{number}@example.org>", ""
    mail.set_content(body, cte="base64")
    (raw,) = channels()["email"].from_files(
        [Blob(f"{number}.eml", "", mail.as_bytes())], {}, source_id="cli:email", now=AT
    )
    return intake.accept(raw, unit=UNIT).intake_id


def work() -> None:
    while drain("light") + drain("text"):
        pass


def classes(session: Session, clue: Clue, *, current: bool = True) -> list[tuple[str, str, dict]]:
    key = open_key(session, clue.key_id)
    rows = session.scalars(
        select(SuggestionRow)
        .where(SuggestionRow.clue_id == clue.id, SuggestionRow.field == "class", SuggestionRow.current == current)
        .order_by(SuggestionRow.id)
    )
    return [(row.producer, row.version, key.json(row.value, "suggestion.value")) for row in rows]


def clue_of(session: Session, intake_id: int) -> Clue:
    return session.scalars(select(Clue).join(IntakeClue).where(IntakeClue.intake_id == intake_id)).one()


@cache
def lesson() -> learning.Outcome:
    return learning.judge(local(), "K2")


def taught() -> None:
    with db.transaction() as session:
        learning.keep(session, [lesson()])


def test_a_new_clue_shows_the_learned_class_with_its_words_and_older_rows_stay(hub: Path) -> None:
    body = "昨天看到河边又打窝子，窝子一个挨一个，村民盖的房子旁边也是窝子"
    first = send(body, 1)
    work()
    with db.reading() as session:
        before = classes(session, clue_of(session, first))
        assert [producer for producer, _, _ in before] == ["class"]
        assert before[0][2]["value"] == "T2"
    taught()
    with db.transaction() as session:
        casework.reenrich(session, clue_of(session, first))
    work()
    with db.reading() as session:
        clue = clue_of(session, first)
        now = {producer: (version, value) for producer, version, value in classes(session, clue)}
        assert now["class"] == before[0][1:]  # the rules' own, the row of before
        version, value = now["class.learned"]
        assert version.endswith("/K2-1")
        assert value["value"] == "K2"
        assert "窝子" in "".join(span["text"] for span in value["spans"])
        assert "240 件" in value["reason"]
        assert value["extra"]["learned"] == {"K2": 1}
        assert clue.class_code == "K2"
        assert classes(session, clue, current=False) == []


def test_switched_off_or_withdrawn_the_rules_speak_alone(hub: Path) -> None:
    taught()
    body = "昨天看到河边又打窝子，窝子一个挨一个，村民盖的房子旁边也是窝子"
    number = send(body, 2)
    work()
    try:
        export(HUB_LEARNED_CLASSES="false")
        with db.reading() as session:
            assert learned.adopted(session) == ()
        with db.transaction() as session:
            casework.reenrich(session, clue_of(session, number))
        work()
    finally:
        export(HUB_LEARNED_CLASSES="true")
    with db.reading() as session:
        clue = clue_of(session, number)
        assert [producer for producer, _, _ in classes(session, clue)] == ["class"]
        assert [producer for producer, _, _ in classes(session, clue, current=False)] == ["class.learned"]
        assert learned.adopted(session)
    with db.transaction() as session:
        assert learning.withdraw(session, "K2")
        assert not learning.withdraw(session, "K2")
    with db.reading() as session:
        assert learned.adopted(session) == ()
        assert audit.verify(session, settings().folder("audit") / "seals.jsonl").ok


def test_versions_follow_one_another_and_a_refused_one_ends_the_adopted(hub: Path) -> None:
    taught()
    taught()
    with db.transaction() as session:
        refused = learning.Outcome("K2", 240, 480, "refused", 0.9, 0.8, 1, 9, lesson().data)
        learning.keep(session, [refused])
    with db.reading() as session:
        rows = session.execute(
            select(LearnedModel.version, LearnedModel.state)
            .where(LearnedModel.label == "K2").order_by(LearnedModel.version)
        ).all()  # fmt: skip
        assert [tuple(row) for row in rows] == [(1, "replaced"), (2, "replaced"), (3, "refused")]
        assert learned.adopted(session) == ()
        events = session.scalars(select(Event.act).where(Event.object == "learning")).all()
        assert len(events) == session.scalar(select(func.count()).select_from(LearnedModel))


def test_a_model_of_other_rules_is_not_asked(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    taught()
    monkeypatch.setattr(classify, "VERSION", "class-next")
    with db.reading() as session:
        assert learned.adopted(session) == ()


def test_the_database_refuses_what_was_not_earned(hub: Path) -> None:
    row = {"label": "K2", "version": 1, "reader": "x", "decisions": 400, "positives": 200, "rules_score": 0.5,
           "learned_score": 0.6, "gained": 9, "lost": 1, "weights": b""}  # fmt: skip
    for wrong in ({"positives": 199}, {"learned_score": 0.4}, {"lost": 9}, {"label": "N4"}, {"label": "N2"}):
        with pytest.raises(IntegrityError), db.transaction() as session:
            session.add(LearnedModel(**(row | wrong), state="adopted"))
    with pytest.raises(IntegrityError, match="adopted"), db.transaction() as session:
        session.add_all([LearnedModel(**row, state="adopted"), LearnedModel(**(row | {"version": 2}), state="adopted")])


def confirmed(count: int) -> None:
    """That many clues with a decided class, without the work of people."""
    for number, body in enumerate(texts(count, LOCAL, 8)):
        send(body, 100 + number)
    while drain("light"):
        pass
    with db.transaction() as session:
        session.execute(update(Clue).values(class_code="K2", class_confirmed=True))


def test_decisions_are_read_from_the_clues_and_never_from_behind_a_wall(hub: Path) -> None:
    confirmed(6)
    with db.transaction() as session:
        clues = session.scalars(select(Clue).order_by(Clue.id)).all()
        clues[0].class_confirmed = False
        clues[1].refused_ground, clues[1].determination = "N4", "P3"
        clues[2].refused_ground, clues[2].determination = "N5", "P3"
        session.add(Wall(clue_id=clues[3].id, reason="N2", state="held", since=AT, unit_id=clues[3].owner_unit_id))
    with db.reading() as session:
        found = learning.decisions(session)
        assert sorted(one.label for one in found) == ["K2", "K2", "N5"]
        sources = passages.of_clue(session, session.get_one(Clue, clues[4].id))
        text = "\n".join(source.passage.text for source in sources)
        assert learning.decision("K2", text) in found


def test_the_command_learns_lists_and_withdraws(hub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "decisions", lambda session: local())
    run = CliRunner().invoke(main, ["learn", "--dry-run"])
    assert run.exit_code == 0, run.output
    assert "adopted" in next(line for line in run.stdout.splitlines() if line.startswith("K2"))
    assert "few" in next(line for line in run.stdout.splitlines() if line.startswith("T1"))
    with db.reading() as session:
        assert session.scalars(select(LearnedModel)).all() == []
    assert CliRunner().invoke(main, ["learn"]).exit_code == 0
    listed = CliRunner().invoke(main, ["learn", "--list"])
    assert "adopted" in next(line for line in listed.stdout.splitlines() if line.startswith("K2"))
    assert CliRunner().invoke(main, ["learn", "--withdraw", "K2"]).exit_code == 0
    again = CliRunner().invoke(main, ["learn", "--withdraw", "K2"])
    assert again.exit_code == 1
    assert "no adopted version" in again.stderr


def test_rules_that_are_pushed_away_say_so() -> None:
    against = learned.Lesson("T2", 3, -9.0, {}, 300, 0.4, 0.9)
    other = [Passage("有人在山上偷挖稀土，旁边盖了房子")]
    assert learned.widened(classify.suggest(other), other, [against]) == classify.suggest(other)  # T2 did not lead
    asked = [Passage("有人没批手续盖房子，占了地，好像还在挖沙")]
    plain = classify.suggest(asked)
    assert plain[0].value == "T2"
    moved = learned.widened(plain, asked, [against])
    assert moved[0].producer == learned.PRODUCER
    assert moved[0].value != "T2"
    assert "不像违法占地" in moved[0].reason
    assert moved[1:] == plain


def versions() -> list[tuple[str, int, str]]:
    with db.reading() as session:
        query = select(LearnedModel.label, LearnedModel.version, LearnedModel.state).order_by(LearnedModel.id)
        return [tuple(row) for row in session.execute(query).all()]


def test_by_night_the_beat_has_it_learned_once_and_what_was_withdrawn_stays_so(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learning, "decisions", lambda session: local())
    asked: list[str] = []
    night = datetime(2026, 11, 20, 19, 10, tzinfo=UTC)  # 03:10 in China
    monkeypatch.setattr(clock, "real", lambda: night)
    monkeypatch.setitem(processes._swept, "learned", None)
    for _ in range(3):
        processes._learn_by_night()
    with db.reading() as session:
        asked = list(session.scalars(select(Work.handler).where(Work.queue == "text")))
    assert asked == ["learn"]
    work()
    assert ("K2", 1, "adopted") in versions()
    first = versions()
    monkeypatch.setattr(clock, "real", lambda: night + timedelta(hours=5))
    processes._learn_by_night()  # eight in the morning
    assert not drain("text")
    monkeypatch.setattr(clock, "real", lambda: night + timedelta(days=1))
    processes._learn_by_night()  # the next night: the same decisions, nothing new
    assert drain("text") == 1
    assert versions() == first
    with db.transaction() as session:
        assert learning.withdraw(session, "K2")
    monkeypatch.setattr(clock, "real", lambda: night + timedelta(days=2))
    processes._learn_by_night()
    assert drain("text") == 1
    assert ("K2", 1, "withdrawn") in versions()
    assert not [row for row in versions() if row[0] == "K2" and row[2] == "adopted"]


@pytest.mark.parametrize("off", [{"HUB_LEARN_HOUR": "-1"}, {"HUB_LEARNED_CLASSES": "false"}])
def test_learning_by_night_can_be_switched_off(hub: Path, monkeypatch: pytest.MonkeyPatch, off: dict[str, str]) -> None:
    monkeypatch.setattr(clock, "real", lambda: datetime(2026, 11, 20, 19, 10, tzinfo=UTC))
    monkeypatch.setitem(processes._swept, "learned", None)
    for name, value in off.items():
        monkeypatch.setenv(name, value)
    settings.cache_clear()
    processes._learn_by_night()
    settings.cache_clear()
    assert not drain("text")
