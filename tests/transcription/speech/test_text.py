"""What is done to recognised text."""

from __future__ import annotations

import pytest

from transcription.contract import Segment, Word
from transcription.speech.text import UNVERIFIED_NUMBERS, join_words, number_warnings, punctuate, without_circles


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["有人", "偷采", "砂石"], "有人偷采砂石"),
        (["车牌", "ABC", "12"], "车牌ABC 12"),
        (["안녕", "하세요"], "안녕 하세요"),
        ([], ""),
    ],
)
def test_spaces_go_between_chinese_words_only(words, text):
    assert join_words(words) == text


def test_marks_beside_chinese_are_full_width():
    assert punctuate("你好,请讲。 电话 1,234 吗?") == "你好，请讲。电话1,234吗？"
    assert punctuate("１２３３６热线") == "12336热线"


@pytest.mark.parametrize("text", ["二十亩", "占了3亩", "三亩地", "电话幺三九", "十几亩", "五月份"])
def test_numbers_are_flagged(text):
    assert number_warnings([Segment(text, 0.99)]) == (UNVERIFIED_NUMBERS,)


@pytest.mark.parametrize("text", ["", "有一个砂石厂", "我想反映一下", "他们一直在挖"])
def test_no_number_no_flag(text):
    assert number_warnings([Segment(text, 0.99)]) == ()


def words_of(text: str) -> list[Word]:
    return [Word(i, i + 1, sign, 0.9) for i, sign in enumerate(text)]


@pytest.mark.parametrize(
    ("said", "left"),
    [
        ("我叫刘建国" + "查询码我记不清楚了" * 3, "我叫刘建国查询码我记不清楚了"),
        ("好" * 9 + "再见", "好再见"),
        ("好好好", "好好好"),
        ("快来快来", "快来快来"),
        ("一二三三六", "一二三三六"),
    ],
)
def test_circles_are_cut_and_people_may_repeat_themselves(said, left):
    assert "".join(word.text for word in without_circles(words_of(said))) == left


def test_long_text_without_a_circle_is_quick():
    text = "".join(chr(0x4E00 + i) for i in range(20_000))
    assert len(without_circles(words_of(text))) == 20_000
