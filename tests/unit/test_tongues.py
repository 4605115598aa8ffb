"""Segments of templates and strings of scripts: what is found is what is replaced; the English catalogue is whole."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from flask import Flask

from hub.web.tongues import COOKIE, PAPERS, TONGUES, catalogue, english, extract, script_text, scripts, segments, tongue
from hub.web.tongues.segments import CHINESE, PLACE

REFRESH = "run `make english`, then translate what hub/web/catalogue/en.po has empty"
KEPT = 17
"""Segments that stay Chinese on English pages: words to be read to a caller, examples of what to type."""
TEMPLATES = {path.relative_to(extract.TEMPLATES).as_posix(): path for path in extract.TEMPLATES.rglob("*.html")}
TABLE = {
    "共 {0} 条": "{0} in all", "保存": "Save", "姓名": 'Name "now" & then', "（暂定）": " (provisional)",
    "条": "rows", "{0} 年 {1} 月": "{0}-{1:02}", "第 {0} 步 {1}": "{1}, step {0}",
}  # fmt: skip


def told(source: str) -> str:
    return segments.rewrite(source, TABLE.get)


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ("<p>共 {{ rows|length }} 条</p>", "<p>{{ rows|length }} in all</p>"),
        ("<p>第 {{ a }} 步 {{ b }}</p>", "<p>{{ b }}, step {{ a }}</p>"),
        ("<p>{{ d.year }} 年 {{ d.month }} 月</p>", "<p>{{ d.year }}-{{ '%02d' % (d.month) }}</p>"),
        ('<input placeholder="姓名" name="姓名">', '<input placeholder="Name &quot;now&quot; &amp; then" name="姓名">'),
        ('<input type=hidden value="保存"><button value="保存">保存</button>',
         '<input type=hidden value="保存"><button value="Save">Save</button>'),
        ("{{ day }}{{ '（暂定）' if one.open }}", "{{ day }}{{ ' (provisional)' if one.open }}"),
        ("{% if one.label == '保存' %}保存{% endif %}", "{% if one.label == '保存' %} Save{% endif %}"),
        ("{% if '保存' == one.label %}x{% endif %}", "{% if '保存' == one.label %}x{% endif %}"),
        ("{% if '保存' not in one.help %}x{% endif %}", "{% if '保存' not in one.help %}x{% endif %}"),
        ("<b>3</b>条", "<b>3</b> rows"),
        ("条{% if x %}{{ x }}{% endif %}）", "rows{% if x %} {{ x }}{% endif %}）"),
        ("<td>条</td>", "<td>rows</td>"),
        ("{# 保存 #}<!-- 保存 --><p>没有译文</p>", "{# 保存 #}<!-- 保存 --><p>没有译文</p>"),
        ("<a {% if x %}id='y'{% endif %} title='保存'>条</a>", "<a {% if x %}id='y'{% endif %} title='Save'>rows</a>"),
    ],
)  # fmt: skip
def test_a_segment_is_replaced_where_people_read_it(source: str, wanted: str) -> None:
    assert told(source) == wanted


def test_scripts_keep_what_they_compare_and_what_they_explain() -> None:
    source = 'a.title = "保存"; // 保存\nif (b === "保存") c = `第 ${one("保存")} 步 ${x ? `条` : ""}`; d = /保存/;'
    wanted = 'a.title = "Save"; // 保存\nif (b === "保存") c = `${x ? `rows` : ""}, step ${one("Save")}`; d = /保存/;'
    assert scripts.rewrite(source, TABLE.get) == wanted


@pytest.mark.parametrize("name", sorted(TEMPLATES))
def test_nothing_changes_where_nothing_is_known(name: str) -> None:
    source = TEMPLATES[name].read_text("utf-8")
    assert segments.rewrite(source, lambda segment: None) == source
    assert segments.rewrite(source, lambda segment: segment).count("{%") == source.count("{%")


def test_every_segment_of_templates_and_scripts_is_translated() -> None:
    stored = {message.id: message.string for message in catalogue.stored() if message.context is None}
    here = {**extract.script_strings(), **extract.templates()}
    missing = [f"{places[0]}: {text}" for text, places in here.items() if not stored.get(text)]
    assert missing == [], REFRESH


def test_a_translation_keeps_the_places_and_holds_no_markup() -> None:
    kept = []
    for message in catalogue.stored():
        if not message.id or not message.string:
            continue
        chinese, english_text = str(message.id), str(message.string)
        where = f"{message.locations[:1]}: {chinese}"
        numbers = [match[1] for match in PLACE.finditer(chinese)]
        assert sorted(match[1] for match in PLACE.finditer(english_text)) == sorted(numbers), where
        assert not re.search(r"<|>|\{\{|\{%|%\}", english_text.replace("→", "")), where
        if chinese == english_text:
            kept.append(chinese)
        elif not any(str(name).endswith(".py") for name, _ in message.locations):
            assert "。" not in english_text, where
    assert len(kept) <= KEPT, kept


def test_the_names_of_the_tongues_stand_in_their_own_tongue() -> None:
    assert not set(TONGUES.values()) & set(catalogue.translations().words)


def test_papers_are_no_part_of_the_catalogue() -> None:
    assert set(TEMPLATES) >= PAPERS
    only_there = segments.segments(TEMPLATES["handover_sheet.html"].read_text("utf-8"))
    assert "接收人签字、日期" in only_there
    assert "接收人签字、日期" not in extract.templates()


@pytest.mark.parametrize("name", sorted(path.name for path in extract.STATIC.glob("*.js")))
def test_an_english_script_is_a_script(name: str, tmp_path: Path) -> None:
    text = script_text(name)
    assert text is not None
    strings: list[str] = []

    def note(string: str) -> None:
        strings.append(string)

    scripts.rewrite(text, note)
    known = catalogue.translations().words
    assert [one for one in strings if CHINESE.search(one) and one not in known] == []
    node = shutil.which("node")
    if node:
        (tmp_path / name).write_text(text, "utf-8")
        subprocess.run([node, "--check", str(tmp_path / name)], check=True, capture_output=True)


def test_english_pages_say_so() -> None:
    source = TEMPLATES["base.html"].read_text("utf-8")
    assert '<html lang="zh-CN"' in source
    assert '<html lang="en"' in english(source, "base.html")


@pytest.mark.parametrize(("cookie", "wanted"), [("", "zh"), ("en", "en"), ("zh", "zh"), ("fr", "zh")])
def test_who_has_not_chosen_gets_chinese_whatever_the_browser_asks_for(cookie: str, wanted: str) -> None:
    headers = {"Accept-Language": "en-US,en;q=0.9", "Cookie": f"{COOKIE}={cookie}"}
    with Flask("hub").test_request_context("/", headers=headers):
        assert tongue() == wanted


@pytest.mark.parametrize("name", ["none.js", "hub.css", f"{'a' * 5000}.js", "\0.js", "..", ""])
def test_no_name_but_that_of_a_script_is_looked_for(name: str) -> None:
    assert script_text(name) is None
