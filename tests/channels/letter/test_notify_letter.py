"""The printed notice: one page that shows what it must, and nothing else outside."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pypdfium2
import pytest

from channels.contract import NotifyError, Outgoing, Sender, Source
from channels.letter import CHANNEL
from channels.letter.notify import page, send
from channels.testing import MemoryPorts

NOTICE = Outgoing(
    "k", "12336举报办理告知", "您好！您于2026年3月2日反映的问题经审核属于受理范围，现由五原县自然资源局依法核查。" * 3,
    Sender(name="张三", address="内蒙古自治区巴彦淖尔市五原县隆兴昌镇胜利路10号"),
    datetime(2026, 3, 31, 16, 30, tzinfo=UTC),
)  # fmt: skip


def words(data: bytes) -> str:
    document = pypdfium2.PdfDocument(data)
    assert len(document) == 1
    text = document[0].get_textpage().get_text_range()
    document.close()
    return text.replace("\r\n", "").replace("\n", "")


def test_a_letter_is_prepared_not_handed_over() -> None:
    source = Source("letter:1", "letter", "150821", {"return_address": "五原县001信箱 015100"})
    handed = send(MemoryPorts(), source, NOTICE)
    assert handed.document is not None
    shown = words(handed.document.data)
    for wanted in ("五原县001信箱", "胜利路10号", "张三 收", NOTICE.text, "2026年4月1日"):
        assert wanted in shown
    assert "12336" not in shown
    assert "举报" not in shown
    assert handed.document.data == send(MemoryPorts(), source, NOTICE).document.data


def test_the_page_has_no_title_and_names_nobody_outside_its_text() -> None:
    data = page(NOTICE, "")
    assert "张三".encode("utf-16-be") not in data.partition(b"stream")[0]
    document = pypdfium2.PdfDocument(data)
    assert "举报" not in str(document.get_metadata_dict())
    document.close()


def test_hostile_names_stay_on_the_page() -> None:
    odd = Sender(name="张\u202e三\x00\n" * 30, address="某路\t1号 \ud800" + "长" * 5000)
    assert len(page(replace(NOTICE, to=odd), "x" * 500)) < 100_000


def test_without_an_address_there_is_no_letter() -> None:
    (route,) = CHANNEL.notify or ()
    assert route.by_people
    assert not route.fits(Sender(name="张三"))
    with pytest.raises(NotifyError) as error:
        send(MemoryPorts(), Source("letter:1", "letter", "150821", {}), replace(NOTICE, to=Sender(name="张三")))
    assert error.value.permanent


def test_a_source_that_is_set_up_wrongly_still_prints() -> None:
    handed = send(MemoryPorts(), Source("letter:1", "letter", "150821", {"nonsense": 1}), NOTICE)
    assert handed.document is not None
