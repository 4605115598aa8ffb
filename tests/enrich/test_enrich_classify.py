"""The class suggestion: development figures as a floor, evidence, scope, conversations, bounds."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from hub.enrich import classify
from hub.terms import CLASS_LABELS, Passage

DATA = Path(__file__).parent / "data"


def rows(name: str) -> list[tuple[str, str]]:
    lines = (DATA / name).read_text(encoding="utf-8").splitlines()
    return [tuple(line.split("\t")[:2]) for line in lines if line and not line.startswith(("#", "MORE"))]


def figures(name: str) -> tuple[float, float, float, float]:
    top1 = top2 = scope = more = 0
    samples = rows(name)
    for gold, text in samples:
        result = classify.classify(text)
        codes = [code for code, _ in result.candidates]
        top1 += result.code == gold
        top2 += gold in codes[:2]
        scope += result.in_scope == (gold[0] != "N")
        more += result.needs_more
    count = len(samples)
    return top1 / count, top2 / count, scope / count, more / count


@pytest.mark.parametrize(
    "name", ["classes.tsv", "classes_dev2.tsv", "classes_look1.tsv", "classes_look2.tsv", "classes_blind3.tsv"]
)
def test_sentences_used_in_development_keep_their_class(name):
    top1, top2, scope, more = figures(name)
    assert top1 >= 0.97
    assert top2 >= 0.98
    assert scope >= 0.98
    assert more <= 0.03


@pytest.mark.parametrize(
    ("name", "first", "second", "inside", "asked"),
    [
        ("classes_held.tsv", 0.92, 0.96, 0.97, 0.05),
        # Used for the weights after its first look (.588 .775 .844 .069 there): a floor, no held-out figure.
        ("classes_blind4.tsv", 0.90, 0.97, 0.96, 0.05),
        # Never used for the weights. Plain wording: .968 1.0 1.0 .0 at first sight; the targets of QUALITY §3.
        ("classes_blind5.tsv", 0.92, 0.97, 0.97, 0.05),
        # Used for the weights after their first look (.667 .850 .933 .067, .949 .983 .983 .0, .907 .991 .963 .009).
        ("classes_blind6.tsv", 0.92, 0.96, 0.96, 0.05),
        ("classes_blind7.tsv", 0.92, 0.97, 0.97, 0.05),
        ("classes_blind9.tsv", 0.92, 0.97, 0.97, 0.05),
        # Used for the weights after its first look (.908 .967 .975 .008): six registers, mixed and denied acts.
        ("classes_blind11.tsv", 0.95, 0.98, 0.98, 0.03),
        # Never used for the weights: .991 1.0 1.0 .0 at first sight.
        ("classes_blind13.tsv", 0.97, 0.98, 0.98, 0.03),
        # Used for the weights after its first look (.775 .873 .951 .010): the deed never called by its name.
        ("classes_blind14.tsv", 0.92, 0.97, 0.97, 0.05),
        # Never used for the weights, direct and oblique: .977 .977 .989 .011 at first sight.
        ("classes_blind15.tsv", 0.97, 0.97, 0.98, 0.03),
        # Never used for the weights, the last fifteen oblique: .942 .965 .988 .0 at first sight.
        ("classes_blind16.tsv", 0.94, 0.97, 0.97, 0.03),
        # Never used for the weights, a third oblique: .960 .990 .990 .010 at first sight.
        ("classes_blind17.tsv", 0.95, 0.98, 0.98, 0.03),
        # Never used for the weights: .984 .984 .984 .0 at first sight.
        ("classes_blind18.tsv", 0.96, 0.97, 0.97, 0.03),
        # Used for the weights after its first look (.838 .943 .981 .0): mostly indirect.
        ("classes_blind12.tsv", 0.95, 0.98, 0.98, 0.03),
        # Never used for the weights, in the manner of the development data: .980 1.0 1.0 .0 at first sight.
        ("classes_blind10.tsv", 0.97, 0.98, 0.98, 0.03),
    ],
)
def test_sentences_written_blind(name, first, second, inside, asked):
    top1, top2, scope, more = figures(name)
    assert top1 >= first
    assert top2 >= second
    assert scope >= inside
    assert more <= asked


def test_texts_that_say_nothing_are_asked_about():
    samples = [
        line.split("\t")[1]
        for name in ("classes_blind3.tsv", "classes_blind4.tsv", "classes_blind5.tsv", "classes_blind6.tsv")
        for line in (DATA / name).read_text(encoding="utf-8").splitlines()
        if line.startswith("MORE")
    ]
    asked = sum(classify.classify(text).needs_more for text in samples)
    assert asked / len(samples) >= 0.9


def test_a_text_with_any_act_has_a_second_candidate_and_words_to_show():
    # No rule fires: the words alone speak, and show which.
    result = classify.classify("证上批的是找铜，他们在找锂")
    assert result.code == "K1"
    assert len(result.candidates) == classify.CANDIDATES
    assert [item for item in result.evidence if item.code == "K1"]
    shares = [share for _, share in result.candidates]
    assert shares == sorted(shares, reverse=True)


@pytest.mark.parametrize("text", ["我要举报，你们快来", "喂，听得到吗", "", "有情况", "。。。？", "😀" * 20])
def test_a_text_that_says_nothing_needs_more_and_has_no_class(text):
    result = classify.classify(text)
    assert result.code is None
    assert result.needs_more
    assert result.in_scope  # unclear is asked about, never refused
    assert result.as_json()["class"] is None


def test_every_class_shows_the_words_that_caused_it():
    for name in ("classes.tsv", "classes_dev2.tsv"):
        for _, text in rows(name):
            answer = classify.classify(text).as_json()
            mine = [item for item in answer["evidence"] if item["class"] == answer["class"]]
            if answer["class"] is not None:
                assert mine
            for item in answer["evidence"]:
                start, end = item["span"]
                assert text[start:end] == item["words"]


@pytest.mark.parametrize(
    ("heard", "code"),
    [
        ("有人在河里偷偷洼沙，没有采况许可证", "K2"),
        ("他们在更地上盖长房，没有手续", "T2"),
        ("老板在基本浓田里挖余塘", "T4"),
        ("公司没有踩矿许可证在山上放炮采石", "K2"),
        ("村里把宅机地卖给城里人", "T3"),
    ],
)
def test_machine_heard_words_still_count(heard, code):
    assert classify.classify(heard).code == code


def test_full_width_and_traditional_writing():
    assert classify.classify("有人違法佔用耕地建廠房，沒有審批手續").code == "T2"


def test_suggest_points_into_the_right_passage_and_ignores_the_operator():
    passages = [
        Passage("您好，一二三三六自然资源违法举报热线，请讲，是非法采矿吗？", "", "operator"),
        Passage("我要举报", "", "caller"),
        Passage("有人在基本农田里挖鱼塘", "", "caller"),
    ]
    (found,) = classify.suggest(passages)
    assert (found.field, found.value, found.producer, found.version) == ("class", "T4", "class", classify.VERSION)
    assert found.spans
    for span in found.spans:
        assert span.passage == 2
        assert passages[2].text[span.start : span.end] == span.text


def test_scope_is_suggested_beside_a_violation_where_both_are_told():
    text = "他们占了我家五亩耕地建厂房没有手续，征地补偿款也没给，村里还截留了。"
    found = {item.field: item for item in classify.suggest([Passage(text)])}
    assert found["class"].value in CLASS_LABELS
    assert found["scope"].value == "N3"
    assert any("补偿款" in span.text for span in found["scope"].spans)


def test_nothing_is_suggested_for_an_empty_clue():
    assert classify.suggest([]) == []
    assert classify.suggest([Passage("")]) == []


def test_rules_name_only_known_classes_and_words():
    book = classify.book()
    assert {rule.code for rule in book.rules} == set(CLASS_LABELS)


def test_a_megabyte_is_read_in_bounded_time():
    begin = time.process_time()
    classify.classify("有人在耕地里偷挖沙子没有采矿许可证，" * 55_000)
    assert time.process_time() - begin < 8


def test_same_text_same_answer():
    text = "老板把采石场的采矿权租给别人干"
    assert classify.classify(text) == classify.classify(text)
