"""Every kind of notice by every way of telling: what arrives are the words of the template (Art. 12, 14; G2, G3)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pypdfium2
import pytest

from hub import db, notify
from hub.law import notices
from hub.notify import tasks
from tests.integration.notify.conftest import OPENID, PHONE, County

CITIZEN = {"place": "桃江县武潭镇", "facts": "占用耕地建房", "reporter_name": "张三"}
SLOTS: dict[str, dict[str, Any]] = {
    "out_of_scope": {"department": "桃江县信访局"}, "duplicate": {"earlier_date": "2026-01-15"},
    "supplement": {"elements": ["place", "facts"]}, "correction": {"corrected": "accepted"},
}  # fmt: skip
SAID = {
    "receipt": "已经收到", "accepted": "属于受理范围", "out_of_scope": "桃江县信访局", "duplicate": "2026年1月15日",
    "supplement": "违法行为发生地", "no_violation": "不存在国土资源违法行为", "violation": "依法依规予以处理",
    "correction": "更正",
}  # fmt: skip
"""What of the wording only this kind says."""


def by_wechat(county: County) -> int:
    county.account(template_id="tmpl-1")
    return county.message()


def by_template(county: County) -> int:
    clue_id = by_wechat(county)
    county.wechat.api.shut_window(OPENID)
    return clue_id


def by_mail(county: County) -> int:
    county.mailbox()
    return county.mail()


def by_sms(county: County) -> int:
    county.line()
    clue_id = county.form("phone", CITIZEN | {"caller": PHONE})
    county.wish(clue_id, "sms")
    return clue_id


def by_letter(county: County) -> int:
    clue_id = county.form("letter", CITIZEN | {"reporter_address": "湖南省益阳市桃江县武潭镇红旗村一组"})
    county.wish(clue_id, "letter")
    return clue_id


def by_call(county: County) -> int:
    clue_id = county.form("phone", CITIZEN | {"caller": PHONE})
    county.wish(clue_id, "call")
    return clue_id


def _read_letter(county: County, clerk: Any) -> str:
    task = next(one for one in reversed(county.tasks()) if one.kind == "letter")
    with db.transaction() as session:
        document = pypdfium2.PdfDocument(io.BytesIO(tasks.document(session, clerk, task.id)))
    return "".join(page.get_textpage().get_text_range() for page in document)


def _read_call(county: County, clerk: Any, clue_id: int) -> str:
    """The history is what the page of the task shows."""
    del clerk
    with db.reading() as session:
        return str(notify.history(session, clue_id)[-1]["text"])


WAYS: dict[str, tuple[Callable[[County], int], Callable[[County, Any, int], str]]] = {
    "wechat": (by_wechat, lambda county, _who, _clue: str(county.wechat.sent[-1]["text"]["content"])),
    "wechat_template": (
        by_template, lambda county, _who, _clue: str(county.wechat.api.templates[-1]["data"]["content"]["value"]),
    ),
    "email": (by_mail, lambda county, _who, _clue: str(county.office.post.taken[-1].text)),
    "sms": (by_sms, lambda county, _who, _clue: str(county.twilio.messages.sent[-1].body)),
    "letter": (by_letter, lambda county, who, _clue: _read_letter(county, who)),
    "call": (by_call, _read_call),
}  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
def test_each_kind_arrives_in_its_own_words(county: County, clerk: Any, way: str) -> None:
    open_way, heard = WAYS[way]
    clue_id = open_way(county)
    assert set(SAID) == set(notices.KINDS)
    for count, kind in enumerate(notices.KINDS):
        asked = county.ask(clue_id, kind, once=f"act:{count + 10}", **SLOTS.get(kind, {}))
        if (way, kind) == ("call", "receipt"):
            assert not asked, "spoken while the person is on the line"
            continue
        (notice_id,) = asked
        county.work(2)
        assert county.attempts(notice_id)[-1][0] == way, kind
        words = "".join(heard(county, clerk, clue_id).split())
        assert SAID[kind] in words, kind
        assert "桃江县自然资源主管部门" in words, kind
        assert "武潭" not in words.replace("武潭镇红旗村一组", ""), "nothing of the place"
        assert "占用耕地" not in words, "nothing of the act (G11)"
