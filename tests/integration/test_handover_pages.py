"""Documents that leave the hub, through Flask's client: transfers (Art. 20), the N2 list (J12), N4 quarantine (J6)."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pypdfium2
import pytest
from sqlalchemy import select

from hub import casework, db
from hub.access import people, sealing, tokens
from hub.access.people import Actor
from hub.app import create_app
from hub.models import Clue, Event, Transfer
from hub.terms import Role
from tests.integration.browsers import Page
from tests.integration.casework.conftest import CITY, COUNTY, PROVINCE, SIBLING, Desk
from tests.integration.casework.test_walls import first_intake, received

FARM = "农业农村主管部门"
SECRET = "红旗村后山的设施涉密，有人在里面挖沙。"


class Hand(Page):
    """Whose pages must be there."""

    def page(self, path: str) -> str:
        answer = self.client.get(path)
        assert answer.status_code == 200, (path, answer.status_code)
        return answer.text

    def status(self, path: str) -> int:
        return self.client.get(path).status_code

    def send(self, path: str, **data: str) -> tuple[int, str]:
        answer = self.post(path, **data)
        return answer.status_code, answer.text


Open = Callable[[Actor], Hand]


@pytest.fixture
def desk(hub: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    del hub
    return Desk(monkeypatch)


@pytest.fixture
def signed(desk: Desk) -> Open:
    del desk
    return partial(Hand, create_app())


def events(clue_id: int, act: str) -> list[dict[str, object]]:
    with db.reading() as session:
        rows = session.scalars(select(Event).where(Event.object == f"clue:{clue_id}", Event.act == act))
        return [dict(row.data) for row in rows]


def test_slip_and_package_from_the_page_of_the_clue(desk: Desk, signed: Open) -> None:
    clue = desk.clue()
    no = desk.read(clue).no
    mine = signed(desk.who())
    assert "文书、转交与评价" not in mine.page(f"/clues/{no}")
    desk.act(clue, "transfer", department=FARM, stage="verify")
    with db.reading() as session:
        number = session.scalars(select(Transfer.id)).one()
    page = mine.page(f"/clues/{no}")
    assert "文书、转交与评价" in page
    assert "待回执" in page
    links = re.findall(r'href="(/clues/[^"]+/transfers/\d+/\w+)"', page)
    assert [link.rsplit("/", 1)[1] for link in links] == ["slip", "package"]
    for link, words in zip(links, ("线索转交单", "线索转交材料"), strict=True):
        answer = mine.client.get(link)
        assert (answer.status_code, answer.mimetype) == (200, "application/pdf")
        with pypdfium2.PdfDocument(io.BytesIO(answer.data)) as pages:
            text = "".join(one.get_textpage().get_text_bounded() for one in pages)
        assert words in text
        assert "张三" not in text
    assert [one["part"] for one in events(clue, "transfer_read")] == ["slip", "package"]
    city = signed(desk.who(CITY, Role.LEAD))
    assert "待回执" in city.page(f"/clues/{no}")
    assert "/transfers/" not in city.page(f"/clues/{no}"), "only who sent it opens it"
    strangers = [desk.who(CITY, Role.LEAD), desk.who(COUNTY, Role.SUPERVISOR), desk.who(SIBLING), desk.who(PROVINCE)]
    assert [signed(who).status(links[0]) for who in strangers] == [404] * 4
    other = desk.read(desk.clue()).no
    for path in (f"/clues/{no}/transfers/{number}/letter", f"/clues/{no}/transfers/999/slip",
                 f"/clues/{other}/transfers/{number}/slip", f"/clues/{no}/transfers/{2**70}/slip"):  # fmt: skip
        assert mine.status(path) == 404, path
    desk.act(clue, "transfer.receipt", receipt_no="农执〔2026〕5号")
    page = mine.page(f"/clues/{no}")
    assert "已收回执，待结果" in page
    assert "农执〔2026〕5号" in page
    desk.tell(clue)
    desk.act(clue, "transfer.result", result="R1", answer_no="农执函9号")
    page = mine.page(f"/clues/{no}")
    assert "已答复" in page
    assert "农执函9号" in page


def test_a_package_that_names_the_reporter_is_for_handler_and_lead(desk: Desk, signed: Open) -> None:
    clue = desk.clue()
    desk.act(clue, "transfer", department=FARM, stage="verify", with_identity=True, consent="3月2日电话同意")
    with db.reading() as session:
        number = session.scalars(select(Transfer.id)).one()
    no, lead = desk.read(clue).no, desk.who(COUNTY, Role.LEAD)
    path = f"/clues/{no}/transfers/{number}"
    other = signed(desk.who())
    assert (other.status(f"{path}/slip"), other.status(f"{path}/package")) == (200, 404)
    assert f"{path}/package" not in other.page(f"/clues/{no}")
    assert signed(lead).status(f"{path}/package") == 200
    assert events(clue, "transfer_read")[-1]["identity"] is True


def test_n2_goes_to_discipline_inspection_with_a_list_and_its_number(desk: Desk, signed: Open) -> None:
    clue = desk.clue(CITY)
    no, boss = desk.read(clue).no, desk.who(CITY, Role.LEAD)
    lead = signed(boss)
    assert lead.status(f"/clues/{no}/discipline") == 404, "not N2 yet"
    desk.act(clue, "determine.P3", boss, ground="N2", named_unit=COUNTY)
    assert f"/clues/{no}/discipline" in lead.page(f"/clues/{no}")
    sheet = lead.page(f"/clues/{no}/discipline")
    assert "移送纪检监察线索清单" in sheet
    assert "占地" not in sheet, "no content"
    assert events(clue, "print") == [{"sheet": "discipline"}]
    strangers = [desk.who(COUNTY, Role.LEAD), desk.who(PROVINCE, Role.LEAD), desk.who(CITY, Role.HANDLER)]
    assert [signed(who).status(f"/clues/{no}/discipline") for who in strangers] == [404] * 3
    desk.act(clue, "discipline.hand_over", boss, number="纪移〔2026〕3号", receiver="驻厅纪检监察组")
    page = lead.page(f"/clues/{no}")
    assert "纪移〔2026〕3号" in page
    assert "驻厅纪检监察组" in page
    assert "（与本清单一致）" in lead.page(f"/clues/{no}/discipline")
    assert signed(desk.who(COUNTY, Role.LEAD)).status(f"/clues/{no}") == 404


def test_n4_is_handed_over_on_paper_and_shredded(desk: Desk, signed: Open) -> None:
    clue = received(desk, SECRET)
    with db.transaction() as session:
        row = session.get_one(Clue, clue)
        casework.add_reporter(session, row, first_intake(session, clue), {"phone": "13800000009"})
    boss = desk.who(COUNTY, Role.LEAD)
    lead = signed(boss)
    assert "没有隔离的线索" in lead.page("/quarantine")
    no = desk.read(clue).no
    desk.act(clue, "determine.P3", boss, ground="N4")
    assert lead.status(f"/clues/{no}") == 404
    assert "/quarantine" in lead.page("/supervise")
    assert f"/quarantine/{no}" in lead.page("/quarantine")
    assert "待告知举报人" in lead.page("/quarantine")
    sheet = lead.page(f"/quarantine/{no}/sheet")
    digest = re.search(r"SHA-256 ([0-9a-f]{64})", sheet)
    assert digest is not None
    for page in (sheet, lead.page(f"/quarantine/{no}"), lead.page("/quarantine")):
        assert "涉密，有人" not in page
        assert "挖沙" not in page
    assert events(clue, "print") == [{"sheet": "secrecy"}]
    others = [desk.who(CITY, Role.LEAD), desk.who(SIBLING, Role.LEAD), desk.who(COUNTY, Role.SUPERVISOR), desk.who()]
    for who in others:
        hand = signed(who)
        assert [hand.status(f"/quarantine/{no}{end}") for end in ("", "/sheet")] == [404, 404], who.login
        assert hand.send(f"/quarantine/{no}/hand-over", number="1", receiver="x")[0] == 404
    assert "没有隔离的线索" in signed(desk.who(CITY, Role.LEAD)).page("/quarantine")
    status, page = lead.send(f"/quarantine/{no}/hand-over", number="保移1号", receiver="市国家安全局")
    assert status == 422, "told first"
    assert 'value="保移1号"' in page, "what was typed stays"
    desk.tell(clue)
    assert lead.send(f"/quarantine/{no}/hand-over", number="", receiver="x")[0] == 422
    assert lead.send(f"/quarantine/{no}/hand-over", number="保移1号", receiver="x", version="1")[0] == 409
    assert lead.send(f"/quarantine/{no}/hand-over", number="保移1号", receiver="市国家安全局")[0] == 303
    page = lead.page(f"/quarantine/{no}")
    assert "内容已销毁" in page
    assert digest.group(1) in page, "number and hash remain"
    assert "登记移交并销毁" not in page
    assert lead.send(f"/quarantine/{no}/hand-over", number="2", receiver="x")[0] == 422
    assert "已移交" in lead.page("/quarantine")
    assert "（与本清单一致）" in lead.page(f"/quarantine/{no}/sheet")
    with db.reading() as session, pytest.raises(sealing.SealError):
        sealing.open_key(session, session.get_one(Clue, clue).key_id)


def test_n4_lifted_on_screen(desk: Desk, signed: Open) -> None:
    clue = received(desk, SECRET)
    boss = desk.who(COUNTY, Role.LEAD)
    desk.act(clue, "determine.P3", boss, ground="N4")
    lead, no = signed(boss), desk.read(clue).no
    assert lead.send(f"/quarantine/{no}/release", reason_text="")[0] == 422
    assert lead.send(f"/quarantine/{no}/release", reason_text="经核不涉密")[0] == 303
    assert lead.status(f"/clues/{no}") == 200
    assert lead.status(f"/quarantine/{no}") == 404
    with db.reading() as session:
        assert people.find(session, boss, no) is not None
        assert casework.quarantined(session, boss) == []
        assert first_intake(session, clue)


def test_n4_by_the_api_for_a_lead_who_has_signed_in(desk: Desk, signed: Open) -> None:
    clue = received(desk, SECRET)
    boss = desk.who(COUNTY, Role.LEAD)
    desk.act(clue, "determine.P3", boss, ground="N4")
    lead, no = signed(boss), desk.read(clue).no

    def post(hand: Hand, act: str, **body: object) -> tuple[int, dict[str, object]]:
        answer = hand.client.post(f"/api/v1/quarantine/{no}/{act}", json=body, headers={"X-CSRF-Token": hand.csrf})
        return answer.status_code, answer.get_json(silent=True) or {}

    (row,) = lead.client.get("/api/v1/quarantine").get_json()["rows"]
    assert (row["no"], row["handed_over"], row["originals"]) == (no, None, [])
    assert "红旗村" not in str(row)
    handler = signed(desk.who())
    assert handler.client.get("/api/v1/quarantine").status_code == 404
    assert post(handler, "quarantine.release", version=row["version"], reason_text="x")[0] == 404
    assert post(lead, "determine.P1", version=row["version"])[0] == 404
    status, told = post(lead, "quarantine.hand_over", version=row["version"])
    assert (status, told["kind"]) == (422, "missing")
    assert post(lead, "quarantine.hand_over", version=row["version"] - 1, number="1", receiver="x")[0] == 409
    signed_sheet = {"number": "移〔2026〕1号", "receiver": "县保密局"}
    status, told = post(lead, "quarantine.hand_over", version=row["version"], **signed_sheet)
    assert (status, told["handed_over"] is not None) == (200, True)
    with db.reading() as session, pytest.raises(sealing.SealError):
        sealing.open_key(session, session.get_one(Clue, clue).key_id)
    assert not tokens.allows(frozenset({"clues:read", "acts:write"}), "GET", "/api/v1/quarantine")
    assert not tokens.allows(frozenset({"acts:write"}), "POST", f"/api/v1/quarantine/{no}/quarantine.hand_over")
