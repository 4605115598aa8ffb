"""Phrases and macros (C9), and what the command palette asks of the server."""

# ruff: noqa: F811  fixtures are imported by name
from __future__ import annotations

import pytest
from sqlalchemy import text

from hub import casework, db
from hub.supervision import phrases
from tests.integration.case_desk_cast import Cast, cast, read  # noqa: F401
from tests.integration.case_desk_cast import clue as registered
from tests.integration.casework.conftest import SIBLING, Desk, desk  # noqa: F401


def test_words_are_sealed_own_or_shared(desk: Desk) -> None:
    me, second, lead, far = desk.who(), desk.who(name="b"), desk.who(role="lead"), desk.who(SIBLING)
    with db.transaction() as session:
        mine = phrases.save(session, me, "无人接听", "于{今天}回拨，无人接听").id
        phrases.save(session, lead, "属农业部门", "请向农业农村主管部门反映", shared=True)
    with db.reading() as session:
        stored = b"".join(bytes(row) for row in session.execute(text("select kept from phrase")).scalars())
        names = {who.login: [one.name for one in phrases.of(session, who)] for who in (me, second, far)}
    assert "无人接听".encode() not in stored
    assert list(names.values()) == [["无人接听", "属农业部门"], ["属农业部门"], []]
    with db.transaction() as session, pytest.raises(casework.RefusedError, match="没有这个常用语"):
        phrases.change(session, second, mine, "x", "y", shared=False)
    with db.transaction() as session:
        phrases.change(session, me, mine, "没接", "没有人接", shared=False)
        assert next((one.name, one.text) for one in phrases.of(session, me)) == ("没接", "没有人接")
        phrases.delete(session, me, mine)
        assert [one.name for one in phrases.of(session, me)] == ["属农业部门"]


@pytest.mark.parametrize(("name", "words", "said"), [
    ("空", " ", "不能为空"), ("长", "长" * 1001, "1000"), ("", "话", "起名"),
])  # fmt: skip
def test_what_cannot_be_kept(desk: Desk, name: str, words: str, said: str) -> None:
    with db.transaction() as session, pytest.raises(casework.RefusedError, match=said):
        phrases.save(session, desk.who(), name, words)


def test_a_macro_keeps_boxes_of_its_act_and_nothing_of_one_clue(desk: Desk) -> None:
    lead = desk.who(role="lead")
    given = {"ground": "N5", "words": "属农业农村部门", "place": "430922", "at": "2026-03-02T09:00", "version": "3"}
    with db.transaction() as session:
        number = phrases.save_macro(session, lead, "不受理：农业", "determine.P3", given).id
        kept = phrases.of(session, lead)[0]
        assert (kept.act, kept.act_label, dict(kept.values)) == (
            "determine.P3", "不予受理", {"ground": "N5", "words": "属农业农村部门"},
        )  # fmt: skip
        phrases.change(session, lead, number, "农业", "", shared=True)
        assert [(one.name, one.values["ground"]) for one in phrases.of(session, desk.who())] == [("农业", "N5")]
        for act, values, said in (
            ("close.all", given, "没有这种"), ("determine.P3", {"at": "2026-03-02"}, "没有可以保存"),
        ):  # fmt: skip
            with pytest.raises(casework.RefusedError, match=said):
                phrases.save_macro(session, lead, "另一个", act, values)
        with pytest.raises(casework.RefusedError, match="没有这种"):
            phrases.save_macro(session, desk.who(role="operator"), "x", "determine.P3", given)


def test_by_the_page(cast: Cast) -> None:
    lead, handler = cast["lead"], cast["handler"]
    assert lead.post("/phrases", name="属农业部门", text="请向农业农村主管部门反映", shared="1").status_code == 303
    assert handler.get("/phrases/list").json == {
        "phrases": [{"name": "属农业部门", "text": "请向农业农村主管部门反映"}], "macros": [],
    }  # fmt: skip
    page = handler.get("/phrases").text
    assert "属农业部门" in page
    assert "/delete" not in page, "the lead's to change"
    refused = handler.post("/phrases", name="空", text="")
    assert (refused.status_code, "不能为空" in refused.text) == (422, True)
    macro = {"act": "determine.P3", "name": "农业", "value.ground": "N5", "value.words": "属农业部门"}
    assert handler.post("/phrases", **macro).status_code == 303
    found = handler.get("/phrases/list").json
    assert found is not None
    assert found["macros"] == [
        {"name": "农业", "act": "determine.P3", "values": {"ground": "N5", "words": "属农业部门"}}
    ]
    assert lead.post("/phrases/99999999999999999999", name="x", text="y").status_code == 404
    assert handler.post("/phrases/1/delete").status_code == 422
    assert lead.post("/phrases/1", name="改名", text="新的话").status_code == 303
    assert lead.post("/phrases/1/delete").status_code == 303
    assert "data-phrases" in handler.get(f"/clues/{registered()}?act=determine.P3").text


def test_the_palette_finds_visible_clues_by_the_beginning_of_their_number(cast: Cast) -> None:
    lead, no, other = cast["lead"], registered(), registered(unit=SIBLING)
    assert lead.post("/views", name="在办", state="open").status_code == 303
    found = lead.get(f"/palette?no={no[:12]}").json
    assert found is not None
    assert [one["name"] for one in found["views"]] == ["在办"]
    assert [(one["no"], one["state"]) for one in found["clues"]] == [(no, "待判定")]
    for typed in (other, "430", "张三丰", "430922%", ""):
        found = lead.client.get("/palette", query_string={"no": typed}).json
        assert found is not None
        assert found["clues"] == [], typed
    lead.post(f"/clues/{no}/acts/recuse", version=str(read(no).version), reason_text="亲属")
    found = lead.get(f"/palette?no={no}").json
    assert found is not None
    assert found["clues"] == [], "hidden means unseen"


def test_what_the_unit_shares_has_a_history_without_words_and_a_sample(desk: Desk) -> None:
    lead, second, far = desk.who(role="lead"), desk.who(), desk.who(SIBLING)
    with db.transaction() as session:
        kept = phrases.save(session, lead, "回拨", "{线索编号}于{今天}回拨", shared=True).id
        phrases.save(session, second, "自己的", "谁也看不到")
    with db.transaction() as session:
        phrases.change(session, lead, kept, "已回拨", "{线索编号}已回拨", shared=True)
    with db.reading() as session:
        told = [(one.by, one.what, one.name) for one in phrases.history(session, second)]
        assert phrases.history(session, far) == []
        samples = {one.name: one.sample for one in phrases.of(session, second)}
    assert told == [("leada", "更改", "已回拨"), ("leada", "新增", "已回拨")]
    assert samples == {"已回拨": "430922-20260302-01-735473已回拨", "自己的": ""}
    with db.transaction() as session:
        phrases.delete(session, lead, kept)
    with db.reading() as session:
        assert next((one.what, one.name) for one in phrases.history(session, second)) == ("删除", "")
