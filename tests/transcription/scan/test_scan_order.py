"""Reading order on boxes alone."""

import pytest

from transcription.contract import Segment
from transcription.scan.order import is_vertical, reading_order


def line(text: str, x: float, y: float, width: float, height: float = 0.02, source: str = "ocr") -> Segment:
    return Segment(text, 0.99, box=(x, y, x + width, y + height), source=source)


def read(*lines: Segment, aspect: float = 0.7, skew: float = 0.0) -> list[str]:
    forward = reading_order(list(lines), aspect, skew)
    backward = reading_order(list(reversed(lines)), aspect, skew)
    assert [item.text for item in forward] == [item.text for item in backward], "the order of detection must not matter"
    assert [item.order for item in forward] == list(range(len(forward)))
    return [item.text for item in forward]


def column(name: str, x: float, rows: int, top: float = 0.2, width: float = 0.35) -> list[Segment]:
    return [line(f"{name}{row}", x, top + row * 0.04, width) for row in range(rows)]


def test_rows_from_top_to_bottom() -> None:
    assert read(*column("a", 0.1, 4, width=0.8)) == ["a0", "a1", "a2", "a3"]


def test_two_columns_below_a_title_and_above_a_foot() -> None:
    title, foot = line("题", 0.2, 0.1, 0.6, 0.03), line("尾", 0.1, 0.6, 0.8)
    found = read(title, *column("a", 0.1, 5), *column("b", 0.55, 5), foot)
    assert found == ["题", *(f"a{n}" for n in range(5)), *(f"b{n}" for n in range(5)), "尾"]


def test_three_columns() -> None:
    lines = [*column("a", 0.05, 4, width=0.25), *column("b", 0.37, 4, width=0.25), *column("c", 0.69, 4, width=0.25)]
    assert read(*lines) == [f"{name}{row}" for name in "abc" for row in range(4)]


def test_uneven_columns() -> None:
    assert read(*column("a", 0.1, 8), *column("b", 0.55, 4, top=0.21)) == [
        *(f"a{n}" for n in range(8)),
        *(f"b{n}" for n in range(4)),
    ]


def test_a_form_is_read_row_by_row() -> None:
    cells = [
        line(f"{name}{row}", x, 0.2 + row * 0.05, 0.1) for row in range(4) for name, x in (("标", 0.1), ("值", 0.5))
    ]
    assert read(*cells) == [f"{name}{row}" for row in range(4) for name in "标值"]


def test_near_boxes_of_a_row_are_one_line_and_far_ones_are_not() -> None:
    near = [line("电话", 0.1, 0.2, 0.1), line("139", 0.22, 0.201, 0.2)]
    assert read(*near) == ["电话 139"]
    [joined] = reading_order(near, 0.7)
    assert joined.box == pytest.approx((0.1, 0.2, 0.42, 0.221))
    assert read(line("左", 0.1, 0.2, 0.1), line("右", 0.6, 0.2, 0.1)) == ["左", "右"]


def test_vertical_text_from_right_to_left() -> None:
    columns = [line(f"竖排{n}", 0.8 - n * 0.1, 0.1, 0.04, 0.6) for n in range(5)]
    split = [line("竖排上", 0.2, 0.1, 0.04, 0.3), line("竖排下", 0.2, 0.45, 0.04, 0.3)]
    assert is_vertical(columns, 1.0)
    assert read(*columns, *split, aspect=1.0) == [*(f"竖排{n}" for n in range(5)), "竖排上", "竖排下"]


def test_skewed_rows_do_not_interleave() -> None:
    """Two columns on a page that falls by 5 degrees: the right column lies lower by more than a line."""
    fall = 0.0875 * 0.7
    left = [line(f"左{row}", 0.1, 0.2 + row * 0.03, 0.35, 0.02 + 0.35 * fall) for row in range(5)]
    right = [line(f"右{row}", 0.55, 0.2 + row * 0.03 + 0.45 * fall, 0.35, 0.02 + 0.35 * fall) for row in range(5)]
    assert read(*left, *right, skew=5.0) == [*(f"左{n}" for n in range(5)), *(f"右{n}" for n in range(5))]


def test_stamp_ink_across_written_lines_comes_last_a_red_heading_stays() -> None:
    heading = line("某局文件", 0.3, 0.05, 0.4, 0.04, "stamp")
    written = column("字", 0.1, 4, width=0.8)
    seal = line("印章", 0.4, 0.245, 0.2, 0.02, "stamp")
    assert read(heading, *written, seal) == ["某局文件", "字0", "字1", "字2", "字3", "印章"]


def test_nothing_and_lines_without_places() -> None:
    assert reading_order([], 1.0) == []
    assert reading_order([Segment("无框", 1.0)], 1.0) == []


def test_a_page_full_of_boxes_is_ordered_soon() -> None:
    lines = [line(f"{n}", (n % 40) / 40, n / 2000, 0.02, 0.004) for n in range(1900)]
    assert len(reading_order(lines, 0.7)) > 100
