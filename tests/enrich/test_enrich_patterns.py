"""Every compiled pattern of the enrichers is linear on hostile strings."""

from __future__ import annotations

import re
import time

import pytest

from hub.enrich import (
    classify,
    concepts,
    elements,
    extract,
    extract_areas,
    extract_names,
    extract_numbers,
    extract_organisations,
    extract_reporters,
    extract_times,
    learned,
    likeness_lexicon,
    likeness_words,
    topics,
    words,
)
from hub.law import scope

MODULES = (
    classify,
    concepts,
    likeness_lexicon,
    likeness_words,
    elements,
    extract,
    extract_areas,
    extract_names,
    extract_numbers,
    extract_organisations,
    extract_reporters,
    extract_times,
    learned,
    scope,
    topics,
    words,
)
PATTERNS = (
    [
        pytest.param(value, id=f"{module.__name__.rpartition('.')[2]}.{name}")
        for module in MODULES
        for name, value in vars(module).items()
        if isinstance(value, re.Pattern)
    ]
    + [pytest.param(value, id=f"sides.{i}") for i, value in enumerate(extract_areas.SIDES)]
    + [
        pytest.param(value, id=f"thing.{name}")
        for name, value in (likeness_lexicon.THING | likeness_lexicon.ROLE).items()
    ]
    + [pytest.param(value, id=f"months.{months}") for value, months in likeness_lexicon.TIMES]
)
SEEDS = [
    "1",
    "一",
    "幺",
    "我是",
    "村民",
    "公司",
    "王",
    "某",
    "，",
    "\n",
    "十",
    "个",
    "二个一",
    "亩",
    "0",
    "1-",
    "平",
    "年",
    "月",
    "1.",
    "1,",
    "分之",
    "我叫",
    "举报人",
    "在",
    "晚上",
    "现在",
    "村",
    "镇",
    "厂",
    "长1米宽",
    "姓",
    "建",
    "有限",
    "1390000",
    "2023",
    "20230512",
    "三亩",
    "五分",
    "正在",
    "A",
    "中铁一",
    "村民王伟、",
    "王伟和",
    "(",
    "▇",
]
LENGTH = 2000


@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_stays_fast(pattern):
    for seed in SEEDS:
        text = (seed * LENGTH)[:LENGTH]
        for hostile in (text, "我是" + text, text + "！"):
            spent = _seconds(pattern, hostile)
            if spent >= 0.05:  # a busy machine gets a second chance
                spent = min(_seconds(pattern, hostile) for _ in range(3))
            assert spent < 0.05, (seed, spent)


def _seconds(pattern: re.Pattern[str], text: str) -> float:
    begin = time.process_time()
    for _ in pattern.finditer(text):
        pass
    return time.process_time() - begin


@pytest.mark.parametrize("seed", ["一", "20230512", "我叫王伟", "王某", "占地", "兴旺砖厂", "没有", "村民张三、"])
def test_work_grows_with_the_text_not_with_its_square(seed):
    def cost(length: int) -> float:
        text = (seed * length)[:length]
        begin = time.process_time()
        extract.extract(text)
        classify.classify(text)
        return time.process_time() - begin

    cost(100)
    small, large = min(cost(2_000) for _ in range(3)), min(cost(16_000) for _ in range(2))
    assert large < 0.05 + 24 * small  # 8 times the text
