"""A lower unit's table: each row one report, headings tolerant, nothing lost, limits told."""

import datetime as dt
import io
import zipfile

import pytest
from openpyxl import Workbook

from channels import subordinate
from channels import tables as table
from channels.contract import Blob, InputRefusedError, NormalizeError, form_intake
from channels.subordinate.headings import HEADINGS, field_of, header_columns, unit_of
from channels.testing import NOW, check_from_files, check_normalize

CHANNEL = subordinate.CHANNEL
OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(504)


def upload(*files, **values):
    raw = form_intake("subordinate", CHANNEL.forms[1], values, files, key="k", at=NOW)
    outcomes = check_normalize(CHANNEL, raw)
    assert outcomes is not None, "refused"
    return [outcome.report for outcome in outcomes]


def refused(*files):
    raw = form_intake("subordinate", CHANNEL.forms[1], {}, files, key="k", at=NOW)
    with pytest.raises(NormalizeError) as caught:
        CHANNEL.normalize(raw)
    return str(caught.value)


def csv(text, encoding="utf-8", name="t.csv"):
    return Blob(name, "text/csv", text.encode(encoding))


def book(*sheets, hidden=()):
    made = Workbook()
    made.remove(made.active)
    for title, rows in sheets:
        sheet = made.create_sheet(title)
        for row in rows:
            sheet.append(row)
        if title in hidden:
            sheet.sheet_state = "hidden"
    packed = io.BytesIO()
    made.save(packed)
    return Blob("t.xlsx", "", packed.getvalue())


ROWS = "违法地点,被举报单位,问题描述\n五原县义丰村,某养殖场,占地建棚\n新公中镇,张某,取土\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_a_csv_in_any_common_encoding(encoding):
    reports = upload(csv(ROWS, encoding), from_unit="五原县局", received="2026-03-02")
    assert [report.fields["place"] for report in reports] == ["五原县义丰村", "新公中镇"]
    assert reports[0].parts[0].text == "违法行为发生地：五原县义丰村\n违法主体：某养殖场\n主要违法事实：占地建棚"
    assert reports[0].fields["from_unit"] == "五原县局"
    assert reports[0].fields["received"] == "2026-03-02"
    assert [report.parts[0].data["row"] for report in reports] == [2, 3]


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_separators(separator):
    assert len(upload(csv(ROWS.replace(",", separator)))) == 2


def test_title_lines_unknown_columns_blank_rows_and_units():
    text = (
        "五原县线索日报表,,,,\n序号,*违法行为发生地：,主要违法事实（必填）,占地面积（亩）,电话,经办科室\n"
        "1,五原县甲村,占地建房,3.5,13900003333,执法科\n,,,,,\n2,五原县乙村,取土,约2亩,,\n"
    )
    first, second = upload(csv(text))
    assert first.fields["area"] == "3.5亩"
    assert second.fields["area"] == "约2亩"
    assert first.parts[0].text.endswith("经办科室：执法科")
    assert first.sender.phone == "13900003333"
    assert "13900003333" not in first.parts[0].text
    assert "row_no" not in first.fields
    assert "五原县线索日报表" not in first.parts[0].text


def test_a_row_that_says_nothing_usable_is_kept_with_a_hint():
    reports = upload(csv("地点,违法事实,备注\n甲村,占地,\n,,只有备注\n"))
    assert [report.kind for report in reports] == ["", "other"]
    assert reports[1].parts[0].text == "备注：只有备注"
    assert reports[1].warnings == ("第 3 行：没有“违法行为发生地”", "第 3 行：没有“主要违法事实”")


def test_repeated_headings_are_no_report_and_may_change_order():
    reports = upload(csv("地点,违法事实\n甲村,占地\n违法事实,地点\n取土,乙村\n"))
    assert [report.fields["place"] for report in reports] == ["甲村", "乙村"]


def test_rows_have_keys_of_their_own():
    raw = form_intake(
        "subordinate", CHANNEL.forms[1], {"from_unit": "甲局"},
        [csv("编号,地点,违法事实\nA1,甲村,占地\n,乙村,占地\n,乙村,占地\n")], key="k", at=NOW,
    )  # fmt: skip
    keys = [outcome.correlation_keys for outcome in CHANNEL.normalize(raw)]
    assert keys[0] == ("甲局#A1",)
    assert len(set(keys)) == 3


def test_a_workbook_with_types_sheets_and_hidden_sheets():
    head = ["地点", "违法事实", "登记日期", "联系电话", "面积(平方米)"]
    blob = book(
        ("一月", [["一月线索"], head, ["甲村", "占地", dt.datetime(2026, 1, 5), 13900001111, 350.0]]),  # noqa: DTZ001
        ("空", []),
        ("二月", [head, ["乙村", "取土", "2026年2月3日", 13900002222.0, True]]),
        ("藏", [head, ["丙村", "占地", None, None, None]]),
        ("说明", [["填表说明"], ["请勿改动列名"]]),
        hidden=("藏",),
    )
    reports = upload(blob)
    assert [report.fields.get("place") for report in reports] == ["甲村", "乙村", None, None]
    assert reports[0].fields["received"] == "2026-01-05"
    assert reports[0].sender.phone == "13900001111"
    assert reports[0].fields["area"] == "350平方米"
    assert reports[1].fields["received"] == "2026-02-03"
    assert reports[1].sender.phone == "13900002222"
    assert reports[1].parts[0].data == {"sheet": 3, "row": 2}
    assert [report.kind for report in reports[2:]] == ["other", "other"]
    assert reports[2].warnings == ("第 5 张工作表第 1 行：工作表没有列名，按原文保留",)


def test_a_phone_in_scientific_notation_is_warned_about():
    (report,) = upload(csv("地点,违法事实,电话\n甲村,占地,1.39E+10\n"))
    assert any("科学计数" in text for text in report.warnings)


def test_table_and_papers_together_lose_nothing():
    reports = upload(csv(ROWS), Blob("函.pdf", "", b"%PDF-1.4"), from_unit="甲局")
    assert [part.kind for part in reports[0].parts] == ["scan"]
    assert len(reports) == 3


@pytest.mark.parametrize(
    ("blob", "why"),
    [
        (Blob("t.xls", "", OLE), "另存为"),
        (csv("甲,乙\n丙,丁\n"), "找不到列名"),
        (csv("地点,违法事实\n"), "只有列名"),
        (csv('地点,违法事实\n甲村,"' + "x" * 140_000 + "\n"), "引号"),
        (csv("地点,违法事实\n" + "甲,乙\n" * 2_100), "超过 2000 行"),
        (csv("\n" * 20_001), "超过 2000 行"),
        (Blob("t.csv", "", b"a" * (20 * 1024 * 1024 + 1)), "超过 20 MB"),
    ],
    ids=["xls", "no-heading", "heading-only", "open-quote", "rows", "blank-rows", "bytes"],
)
def test_what_cannot_be_read_is_told(blob, why):
    assert why in refused(blob)


def packed(entries):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in entries.items():
            archive.writestr(name, body)
    return Blob("t.xlsx", "", made.getvalue())


def unpacked(blob):
    with zipfile.ZipFile(io.BytesIO(blob.data)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_bombs_and_damaged_workbooks():
    good = unpacked(book(("一", [["地点", "违法事实"], ["甲村", "占地"]])))
    sheet = "xl/worksheets/sheet1.xml"
    assert "解压后过大" in refused(packed({"xl/workbook.xml": b" " * (65 * 1024 * 1024)}))
    assert "损坏" in refused(packed({"xl/workbook.xml": b"<a"}))
    assert "损坏" in refused(packed({**good, sheet: good[sheet][:200]}))
    entity = b'<!DOCTYPE a [<!ENTITY b "cccc">]>' + good[sheet]
    assert "损坏" in refused(packed({**good, sheet: entity}))
    far = good[sheet].replace(b'r="2"', b'r="999999999"').replace(b'r="A2"', b'r="A999999999"')
    assert "超过 2000 行" in refused(packed({**good, sheet: far}))
    wide = good[sheet].replace(b'<c r="A2"', b"<c/>" * 1_000_000 + b'<c r="A2"')
    assert "单元格过多" in refused(packed({**good, sheet: wide}))
    data = packed(good).data
    for cut in range(0, len(data), 211):
        raw = form_intake("subordinate", CHANNEL.forms[1], {}, [Blob("t.xlsx", "", data[:cut])], key="k", at=NOW)
        check_normalize(CHANNEL, raw)


def test_wide_sheets_are_read_up_to_the_last_allowed_column():
    (report,) = upload(book(("一", [["地点", "违法事实"], ["甲村", "占地", *["x"] * 300]])))
    assert report.parts[0].text.count("x") == table.MAX_COLUMNS - 2


def test_old_excel_is_refused_at_the_door_with_the_way_out():
    for name in ("t.xls", "t.xlsx"):
        with pytest.raises(InputRefusedError, match="另存为"):
            CHANNEL.from_files([Blob(name, "", OLE)], {}, source_id="s", now=NOW)


def test_files_of_the_command_become_a_batch_or_one_report():
    (raw,) = check_from_files(CHANNEL, [csv(ROWS)], {"from_unit": "甲局"})
    assert len(check_normalize(CHANNEL, raw)) == 2
    (raw,) = check_from_files(CHANNEL, [Blob("a.txt", "", "甲村占地".encode())], {"from_unit": "甲局"})
    (outcome,) = check_normalize(CHANNEL, raw)
    assert outcome.report.fields["facts"] == "甲村占地"


def test_headings():
    known = [heading for headings in HEADINGS.values() for heading in headings]
    assert len(known) == len(set(known)), "one heading, one field"
    assert field_of(" * 违法 地点（乡镇村）：") == "place"
    assert field_of("地" * 100) is None
    assert field_of("天气") is None
    assert unit_of("面积（公顷）") == "公顷"
    assert unit_of("面积") == ""
    assert header_columns(["地点", "天气"]) is None
    assert header_columns(["举报人", "电话"]) is None
    assert header_columns(["地点", "位置", "违法事实"]) == {0: "place", 2: "facts"}


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, ""), (3.0, "3"), (3.25, "3.25"), (1e300, "1e+300"), (float("nan"), "nan"), (True, "是"), (7, "7"),
     (dt.date(2026, 3, 2), "2026-03-02"), (dt.time(9, 5), "09:05:00"), ("a\x00b", "ab"),
     (dt.datetime(2026, 3, 2, 9, 5), "2026-03-02 09:05")],  # noqa: DTZ001
)  # fmt: skip
def test_cells_as_people_read_them(value, text):
    assert table.cell_text(value) == text


def test_batch_words_and_identity_columns():
    (report,) = upload(
        csv("地点,违法事实,举报人,举报人姓名,举报方式,收到日期\n甲村,占地,王小明,王大明,匿名举报,大前天\n"),
        sub_source="informant",
    )
    assert report.fields["sub_source"] == "村级信息员"
    assert report.mode == "anonymous"
    assert report.sender.name == "王小明"
    assert "王" not in report.parts[0].text, "a second column of identity stays in the original"
    assert report.warnings == ("第 2 行：收到日期不是日期，按原文保留",)


def test_too_many_reports_of_two_pages_with_headings():
    page = "地点,违法事实\n" + "甲,乙\n" * 1_001
    assert "超过 2000 行" in refused(csv(page + page))


def test_a_table_over_the_limit_is_refused_at_the_door():
    with pytest.raises(InputRefusedError, match="超过 20 MB"):
        CHANNEL.from_files([Blob("t.csv", "", b"a" * (20 * 1024 * 1024 + 1))], {}, source_id="s", now=NOW)
