"""Masked text has the length of the text, and no number of a person stays in it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access.masking import BLOCK, mask, mask_name, mask_phone


@pytest.mark.parametrize(
    "number",
    ["13800001234", "0478-5212345", "04785212345", "010-12345678", "430922197001011234", "43092219700101123X",
     "430922700101123", "zhang.san@example.org"],
)  # fmt: skip
def test_numbers_and_addresses_are_masked_wherever_they_stand(number) -> None:
    for text in (number, f"电话{number}。", f"({number})", f"我叫某某,{number},请回电"):
        shown = mask(text)
        assert number not in shown
        assert shown == text.replace(number, BLOCK * len(number))


@pytest.mark.parametrize("text", ["占用耕地8亩", "2026年11月20日", "面积1200平方米", "豫政〔2026〕12号", "430922"])
def test_what_is_no_number_of_a_person_stays(text) -> None:
    assert mask(text) == text


@pytest.mark.parametrize(
    ("text", "hidden"),
    [("我家住桃花江镇芙蓉路8号，看得见", "桃花江镇芙蓉路8号"), ("我住在红旗村三组，对面在挖砂", "红旗村三组"),
     ("您住在芙蓉路8号附3室对吗", "芙蓉路8号附3室"), ("联系地址：桃花江镇芙蓉路8号\n占地八亩", "桃花江镇芙蓉路8号"),
     ("家庭住址 芙蓉路8号。", "芙蓉路8号"), ("> 发件人: 李四 <", "李四 "), ("From: Li Si\nSubject: x", "Li Si"),
     ("李四 <li.si@example.org> 写道", "李四 <li.si@example.org>")],
)  # fmt: skip
def test_dwellings_and_quoted_heads_are_masked_after_words_that_say_so(text, hidden) -> None:
    shown = mask(text)
    assert hidden not in shown
    at = text.index(hidden)
    assert shown[:at] == text[:at]
    assert set(shown[at : at + min(len(hidden), 2)]) == {BLOCK}
    assert text.endswith(shown.rpartition(BLOCK)[2])


@pytest.mark.parametrize(
    "text", ["我们村的住房被拆", "住户反映占用耕地", "老板住在县城，工地在红旗村", "红旗村住着三十户", "a < b，c > d"]
)
def test_other_words_about_dwelling_stay(text) -> None:
    assert mask(text) == text


def test_spans_are_masked_and_cut_to_the_text() -> None:
    assert mask("我叫张三。", [(2, 4)]) == f"我叫{BLOCK * 2}。"
    assert mask("张三", [(-5, 1), (1, 99), (7, 9)]) == BLOCK * 2


@given(st.text(max_size=60), st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=4))
def test_length_never_changes(text, spans) -> None:
    shown = mask(text, spans)
    assert len(shown) == len(text)
    assert all(new in (BLOCK, old) for new, old in zip(shown, text, strict=True))


@given(st.text("0123456789", max_size=20))
def test_a_phone_shows_at_most_seven_of_its_digits_and_hides_four(phone) -> None:
    shown = mask_phone(phone)
    assert len(shown) == len(phone)
    assert sum(char != "*" for char in shown) <= 7
    assert shown.count("*") >= min(4, len(phone))


def test_phone_and_name_in_lists() -> None:
    assert mask_phone("13800001234") == "138****1234"
    assert mask_phone("5212345").count("*") >= 3
    assert mask_name("张三丰") == "张**"
    assert mask_name("张") == "张*"
    assert mask_name("") == ""
