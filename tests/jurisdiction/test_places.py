"""The place resolver: accuracy floors on own texts, traps one by one, bounds.

Figures of first runs on texts the rules had not seen (2026-11-22, `bench/place.py`; right / needlessly ambiguous /
wrong without a flag): 96 texts 96.9 / 1.0 / 2.1 %, 83 texts 97.6 / 0 / 2.4 % (both then joined places_own_dev.tsv and
their misses led to changes), 98 texts of places_heldout.tsv 95.9 / 4.1 / 0 % (misheard names 12 of 13; four general
gaps found there were closed afterwards, so the file now scores higher than new text would), 110 texts of
places_blind3.tsv 98.2 / 0 / 1.8 % (misheard names 14 of 14; two misses then mended), 57 texts of
places_blind4.tsv 94.7 / 3.5 / 1.8 % (misheard 7 of 7; homes beside the place, then mended), 56 texts of
places_blind5.tsv 98.2 / 1.8 / 0 % (misheard 8 of 8; short names of banners, then mended), 36 texts of
places_blind6.tsv 94.4 / 5.6 / 0 % (misheard 5 of 5; a firm's seat beside its mine, then mended), 32 texts of
places_blind7.tsv 100 % (misheard 4 of 4). What a text leaves open was flagged every time. These are written texts: real
reports score lower.
"""

import json
import time
from pathlib import Path

import pytest

from hub.jurisdiction.place_text import fold
from hub.jurisdiction.places import MAX_TEXT, PRODUCER, VERSION, Resolver, resolver, suggest
from hub.terms import Passage

DATA = Path(__file__).parent / "data"


def texts(name):
    lines = (DATA / name).read_text("utf-8").splitlines()
    return [[*line.split("\t"), ""][:3] for line in lines if line and not line.startswith("#")]


@pytest.fixture(scope="module")
def find():
    return resolver().resolve


def shares(find, rows):
    right = needless = silent = 0
    for _, text, gold in rows:
        result = find(text)
        if gold.startswith("?"):
            right += result.ambiguous
            silent += not result.ambiguous
        elif (result.name or "") == gold and not result.ambiguous:
            right += 1
        elif result.ambiguous:
            needless += 1
        else:
            silent += 1
    return right / len(rows), needless / len(rows), silent / len(rows)


@pytest.mark.parametrize(
    "name",
    [
        "places_dev.tsv",
        "places_own_dev.tsv",
        "places_heldout.tsv",
        "places_unseen.tsv",
        "places_blind2.tsv",
        "places_blind3.tsv",
        "places_blind4.tsv",
        "places_blind5.tsv",
        "places_blind6.tsv",
        "places_blind7.tsv",
    ],
)
def test_accuracy_floors(find, name):
    rows = texts(name)
    right, needless, silent = shares(find, rows)
    assert right >= 0.95
    assert needless <= 0.03
    assert silent <= 0.02


@pytest.mark.parametrize("name", ["places_dev.tsv", "places_own_dev.tsv", "places_heldout.tsv"])
def test_what_the_text_leaves_open_is_always_flagged(find, name):
    for _, text, gold in texts(name):
        if gold.startswith("?"):
            result = find(text)
            assert result.ambiguous, text
            shown = {c.name for c in result.candidates}
            assert set(gold[1:].split("|")) - {""} <= shown, text


@pytest.mark.parametrize("name", ["places_dev.tsv", "places_own_dev.tsv", "places_heldout.tsv", "places_blind3.tsv"])
def test_homophones(find, name):
    rows = [row for row in texts(name) if row[0] == "asr"]
    assert len(rows) >= 10
    assert shares(find, rows)[0] >= 0.85


@pytest.mark.parametrize(
    "text",
    [
        "南京大排档旁边有个坑", "我叫王东方，地被占了", "举报人张海南", "村民王长春举报村霸占地", "就在河南边有个坑",
        "沙县小吃后面占地", "新华书店后面的地", "永安砖厂占了我们村的地", "我们新华村的地被占了", "大车要上高速公路",
        "从江边拉沙子卖", "领导会同意吗", "开着湖北牌照的车来偷挖", "有个湖南人在我们村里挖沙", "这是民族乡的事",
        "他开着长安汽车把土拉走了", "四川师傅带人来挖的", "永久基本农田示范区里挖沙", "桐梓坡西路向阳小区",
    ],
)  # fmt: skip
def test_what_only_looks_like_a_place_is_none(find, text):
    result = find(text)
    assert result.code is None
    assert not result.candidates


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("张家口市宣化区河子西乡", "河北省/张家口市/宣化区"),
        ("安康镇坪的砖厂", "陕西省/安康市/镇坪县"),
        ("苏州工业园区娄葑街道", "江苏省/苏州市"),
        ("新华区赵陵铺镇的菜地", "河北省/石家庄市/新华区"),
        ("偃师市诸葛镇", "河南省/洛阳市/偃师区"),
        ("武按市西寺庄乡", "河北省/邯郸市/武安市"),
        ("福州市临川区", "江西省/抚州市/临川区"),
        ("乾县的果园", "陕西省/咸阳市/乾县"),
        ("玉林市玉州区", "广西壮族自治区/玉林市/玉州区"),
        ("吉林省吉林市龙潭区", "吉林省/吉林市/龙潭区"),
        ("海南海口的地", "海南省/海口市"),
        ("湖南县城里", "湖南省"),
        ("我家住长沙市雨花区，老家桃江县武潭镇，老家那边有人采砂", "湖南省/益阳市/桃江县"),
        ("从临河区拉到杭锦后旗陕坝镇倾倒", "内蒙古自治区/巴彦淖尔市/杭锦后旗"),
        ("呼和浩特市赛罕区某某矿业有限公司在乌拉特中旗海流图镇开采", "内蒙古自治区/巴彦淖尔市/乌拉特中旗"),
        ("内蒙古物园线龙星常见有个砖厂", "内蒙古自治区/巴彦淖尔市/五原县"),
        ("益阳市鑫隆建材有限责任公司占用长春镇紫薇村耕地", "湖南省/益阳市/资阳区"),
        ("威宁县草海镇", "贵州省/毕节市/威宁彝族回族苗族自治县"),
        ("第八师一二一团", "新疆维吾尔自治区//石河子市"),
        ("巴盟临河那边", "内蒙古自治区/巴彦淖尔市/临河区"),
        ("重庆市江北区鱼嘴镇", "重庆市//两江新区"),
        ("襄樊市襄阳区", "湖北省/襄阳市/襄州区"),
    ],
)  # fmt: skip
def test_traps_where_a_place_is_meant(find, text, name):
    result = find(text)
    assert result.name == name
    assert not result.ambiguous


@pytest.mark.parametrize(
    ("text", "county"),
    [
        ("我在广州市天河区上班，老家湖南桃江县灰山港镇有人占田建房", "430922"),
        ("本人在深圳市南山区工作，老家是江西省寻乌县南桥镇，那里偷采稀土", "360734"),
        ("我老家是郸城县的，五原县这边有人占地", "150821"),
        ("地在五原县塔尔湖镇，我人在呼和浩特市新城区", "150821"),
        ("我儿子在上海市浦东新区买了房，我住在桃江县，桃江县武潭镇有人挖砂", "430922"),
        ("有人在五原县挖砂", "150821"),
        ("公司注册在北京市海淀区，矿在灵丘县落水河乡，越界开采", "140224"),
        ("我住在太原市小店区，举报的是临县三交镇的黑煤窑", "141124"),
    ],
)
def test_where_one_lives_is_not_where_it_happens(find, text, county):
    result = find(text)
    assert (result.code, result.ambiguous) == (county, False)


def test_two_counties_with_one_sound_are_both_shown(find):
    result = find("杨新县有人采石")
    assert result.ambiguous
    assert {"湖北省/黄石市/阳新县", "山东省/滨州市/阳信县"} <= {c.name for c in result.candidates}
    assert "河南省/信阳市/新县" not in {c.name for c in result.candidates}


def test_an_open_namesake_names_no_county_but_lists_all(find):
    result = find("鼓楼区有人违法占地")
    assert result.ambiguous
    assert result.code is None
    assert result.name is None
    assert {c.code for c in result.candidates} == {"320106", "320302", "350102", "410204"}
    assert result.spans == ((0, 3, "鼓楼区"),)


def test_equal_candidates_of_one_area_name_the_area(find):
    result = find("五原县和临河区都有人在挖沙")
    assert result.ambiguous
    assert (result.code, result.level) == ("150800", "city")
    assert [s[2] for s in result.spans] == ["五原县", "临河区"]


@pytest.mark.parametrize(
    ("prior", "code"), [("320106", "320106"), ("320100", "320106"), ("320102", "320106"), ("350000", "350102")]
)
def test_the_receiving_unit_decides_between_namesakes(find, prior, code):
    result = find("鼓楼区有人违法占地", prior)
    assert not result.ambiguous
    assert result.code == code


def test_the_receiving_unit_makes_no_place_of_nothing_and_beats_no_plain_word(find):
    assert find("有人在村里挖沙", "150802").code is None
    assert find("桃江县武潭镇有人挖沙", "150802").code == "430922"
    assert find("鼓楼区有人占地", "320000").ambiguous  # two of them in the province
    assert find("临河区有人挖沙", "no such code").code == "150802"


def test_town_village_and_group_are_read(find):
    result = find("举报：临河区干召庙镇民主村三组东边的鱼塘")
    assert (result.town, result.village, result.group) == ("干召庙镇", "民主村", "三组")
    assert result.town_code.startswith("150802")
    assert find("乌拉特中旗海流图镇巴彦嘎查").village == "巴彦嘎查"
    assert find("桃江县武潭镇罗家坪村陈家湾组").group == "陈家湾组"
    assert find("新乡县七里营镇刘庄村第三村民小组").group == "第三村民小组"
    assert find("安化县烟溪镇双烟社区居委会").village == "双烟社区"
    assert find("民主村三组有人挖塘").village == "民主村"
    again = find("发生地：湖南省益阳市桃江县武潭镇，事实：武潭镇湘山村石溪组推平水田")
    assert (again.town, again.village, again.group) == ("武潭镇", "湘山村", "石溪组"), "the town said twice"
    assert find("桃江县武潭，武潭湘山村石溪组的水田").village == "湘山村"
    assert find("桃江县武潭镇武潭村").village == "武潭村", "a village called like its town"
    assert find("我们村三组有人挖塘").village == ""


def test_spans_point_into_the_text_as_given(find):
    text = "舉報：\u200b臨\u200b河 區，干　召廟鎮"
    result = find(text)
    assert result.code == "150802"
    for start, end, part in result.spans:
        assert text[start:end] == part
    assert [s[2] for s in result.spans] == ["臨\u200b河 區", "干　召廟鎮"]


def test_the_json_has_the_fields_of_hub_try(find):
    value = find("内蒙古五原县隆兴昌镇").as_json()
    assert json.loads(json.dumps(value, ensure_ascii=False)) == value
    assert value["code"] == "150821"
    assert value["name"] == "内蒙古自治区/巴彦淖尔市/五原县"
    assert value["level"] == "county"
    assert value["ambiguous"] is False
    assert 0.5 < value["confidence"] <= 1
    assert value["candidates"][0] == {"code": "150821", "name": value["name"], "score": value["candidates"][0]["score"]}
    assert value["spans"] == [[0, 3, "内蒙古"], [3, 6, "五原县"], [6, 10, "隆兴昌镇"]]
    empty = find("没有地名").as_json()
    assert (empty["code"], empty["name"], empty["level"], empty["candidates"]) == (None, None, None, [])


CALLS = {
    "call01.wav": ("内蒙古自治区/巴彦淖尔市/五原县", "隆兴昌镇", "荣义村"),
    "call02.wav": ("湖南省/益阳市/桃江县", "武潭镇", ""),
    "call03.wav": ("浙江省/杭州市/萧山区", "瓜沥镇", ""),
    "call04.wav": ("四川省/成都市/金堂县", "淮口街道", ""),
    "call05.wav": ("江西省/赣州市/会昌县", "周田镇", ""),
    "call06.wav": ("山东省/临沂市/兰陵县", "向城镇", ""),
    "call07.wav": ("广东省/清远市/佛冈县", "汤塘镇", "围镇村"),
    "call08.wav": ("河北省/廊坊市/三河市", "燕郊镇", ""),
}


def test_calls_by_their_turns():
    for call in json.loads((DATA / "calls.json").read_text("utf-8")):
        passages = [Passage(turn["text"], str(i), turn["speaker"]) for i, turn in enumerate(call["turns"])]
        (found,) = suggest(passages)
        assert (found.field, found.producer, found.version) == ("place", PRODUCER, VERSION)
        value = found.value
        assert (value["name"], value["town"], value["village"]) == CALLS[call["file"]]
        assert not value["ambiguous"]
        for span in found.spans:
            assert passages[span.passage].text[span.start : span.end] == span.text
        assert {passages[s.passage].speaker for s in found.spans} == {"caller"}


def test_calls_as_a_recogniser_wrote_them():
    """Whisper base, the callers' channels: "湖南陶江线武弹镇", "杭州小山七瓜历镇". One keeps nothing to go by."""
    for call in json.loads((DATA / "calls_heard.json").read_text("utf-8")):
        found = suggest([Passage(text, speaker="caller") for text in call["texts"]])
        assert (found[0].value["name"] if found else "") == call["name"]


def test_the_caller_counts_more_than_the_operator():
    turns = [Passage("请问是临河区的吗", speaker="operator"), Passage("不是，是五原县的", speaker="caller")]
    (found,) = suggest(turns)
    assert found.value["name"] == "内蒙古自治区/巴彦淖尔市/五原县"
    assert not found.value["ambiguous"]


def test_an_answer_in_another_turn_settles_a_namesake():
    turns = [Passage("鼓楼区有个工地"), Passage("哪个城市的", speaker="operator"), Passage("南京的", speaker="caller")]
    (found,) = suggest(turns)
    assert found.value["code"] == "320106"
    assert not found.value["ambiguous"]


def test_no_place_no_suggestion():
    assert suggest([Passage("有人在村里挖沙")]) == []
    assert suggest([]) == []
    assert suggest([Passage("")]) == []


@pytest.mark.parametrize(
    "text",
    [
        "", " ", "\n", "\x00", "\ufeff", "🏭" * 1000, "，。！" * 100_000, "a" * 1_000_000, "\u202e" * 500_000,
        "村里有人挖沙" * 170_000, "临河区干召庙镇" * 140_000, "临\u200b河\u200b区" * 150_000, "临 河 区 " * 150_000,
        "鼓楼区、朝阳区、新华区、城关镇、太平镇" * 20_000, "林和去赶召苗阵" * 100_000, " " * 1_000_000 + "临河区",
        "一二三" * 300_000, "\ud800临河区", "村" * 300_000, "在" * 500_000,
    ],
    ids=range(20),
)  # fmt: skip
def test_any_text_ends_soon(find, text):
    started = time.process_time()
    result = find(text)
    assert time.process_time() - started < 10  # about 2 s at most on an idle machine
    assert all(text[start:end] == part for start, end, part in result.spans[:50])


def test_two_hundred_places_in_one_text(find):
    counties = [row.name for row in Resolver()._names.divisions if row.level == "county"][:200]
    result = find("、".join(counties))
    assert result.ambiguous
    assert len(result.candidates) <= 12


def test_text_beyond_the_bound_is_not_read(find):
    assert find("，" * MAX_TEXT + "临河区").code is None


def test_many_passages_are_bounded():
    many = [Passage("临河区干召庙镇")] * 2000
    (found,) = suggest(many)
    assert found.value["code"] == "150802"


def test_fold_keeps_offsets():
    folded = fold("臨\u200b河 區 A B")
    assert folded.text == "临河区 A B"
    assert folded.span(0, 3) == (0, 5)
    assert fold("临河区").origin is None
    assert fold("ＡＢ１").text == "AB1"


@pytest.mark.parametrize("text", ["村里的大理石矿还在采", "偷挖和田玉料", "开采青田石，老板是外地人"])
def test_a_stone_called_after_a_place_is_no_place(find, text):
    assert find(text).code is None


def test_a_town_said_away_from_its_county_is_read(find):
    found = find("加义镇献钟村江里有三台淘金船，半夜开工，平江县这边没人管吗？")
    assert (found.code, found.town, found.village) == ("430626", "加义镇", "献钟村")
