"""Names without a cue word before them: who reports, who is accused, who is neither; and words that are no names."""

from __future__ import annotations

import time

import pytest

from hub.enrich.extract import extract
from hub.enrich.extract_mentions import MAX_MENTIONS, mentions

ACCUSED = [
    ("我要举报桃江县灰山港镇的丁国华，在水田里打了地基", ["丁国华"]),
    ("富强村的韩满仓，韩满囤两兄弟，在耕地上盖了六间房", ["韩满仓", "韩满囤"]),
    ("徐家组，徐正刚家的新房子超面积了", ["徐正刚"]),
    ("农户秦建国、秦建军、白玉柱三家联手，把荒地翻耕了", ["秦建国", "秦建军", "白玉柱"]),
    ("我要举报我的前夫贺斌，他在宅基地以外又圈了两分地", ["贺斌"]),
    ("舒良才，农民，在未取得用地手续的情况下占用农田建房", ["舒良才"]),
    ("我们队上的包立军他把公家的晒谷场占了起了三间房子", ["包立军"]),
    ("我举报我们村会计，叫吕长林，他把操场卖了", ["吕长林"]),
    ("领头的人叫夏国良，外号夏胖子", ["夏国良"]),
    ("举报我村砖瓦厂厂长栗有才毁田取土", ["栗有才"]),
    ("国庆村的方送年，男，45岁左右，在自家门前耕地挖塘", ["方送年"]),
    ("村干部包庇鄢德喜在河道边堆砂", ["鄢德喜"]),
    ("举报 武川县可镇的 丁玉柱 搞土豆基地 把地盖了库房", ["丁玉柱"]),
    ("有三户在大堤脚下盖房，一户是彭建新，一户是彭建华", ["彭建新", "彭建华"]),
    ("投诉对象：宜章县梅田镇龙村瑶族村，盘正华。占用耕地", ["盘正华"]),
    ("南县华阁镇的颜家，就是颜志明，趁着过年把鱼塘填了", ["颜志明"]),
]
REPORTS = [
    ("推选代表马得福（18795302218）、海国宝（13995401126），反映村干部占地", ["马得福", "海国宝"]),
    ("我单位收到群众邹明亮（电话：0737-2612883）来访反映：码头占用滩涂", ["邹明亮"]),
    ("磴口县巴音宝力格嘎查牧民斯琴高娃反映，公司毁坏草场", ["斯琴高娃"]),
    ("举报人：蒙古族，女，乌日娜，15149780063", ["乌日娜"]),
    ("老板是河北人，全是好地。联系15374786640姬女士", ["姬"]),
    ("本人廖某，手机199 7370 3316。", ["廖"]),
    ("我留个电话，15247418836，叫我老赵就行。", ["赵"]),
    ("就叫我陈姐吧", ["陈"]),
    ("我是一名退伍军人，名叫雷振华，反映有人占地", ["雷振华"]),
    ("村民粟多锦、杨再武、龙配林三户联合向我单位来信，请求查处", ["粟多锦", "杨再武", "龙配林"]),
    ("我是上回打电话那个老秦啊，石料场还在炸", ["秦"]),
    ("邻居建房把我家通道堵了，应该找哪个部门？15211190237 周", ["周"]),
    ("凤凰村村民刘炳文等十七户，因村委会强行流转土地一事，特向贵局反映", ["刘炳文"]),
    ("南洲镇张公塘村村民：徐长青。电话13762720188。", ["徐长青"]),
    ("电话那头说他姓佘，举报一个码头", ["佘"]),
    ("村民刘翠英来信反映其宅基地被侵占", ["刘翠英"]),
]
NEITHER = [
    "砂场租用村民黄立新家的山地采石",
    "李大明家的稻田被砂场的尾砂压了三亩",
    "我老公叫刘波，他家的山让人卖了",
    "镇上的罗家湾有个煤窑，又开了",
    "容县石寨镇高岭土无证开采",
    "湛江市徐闻和安镇有人占地盖房",
    "铁矿的尾砂把我们下面的田全盖住了",
    "承包的林子砍了一片，盖起农家乐",
    "孙子还没上学又占一块",
    "张家口市高速路边的石料堆占了林地",
    "我儿子吴海去年在工地上摔伤了",
    "黔城镇的金桥汽修，三亩水田变成修车场了",
    "印江土家族苗族自治县沙子坡镇的林地被占",
    "建了个塑料颗粒厂，用的是村民刘占元的承包地",
    "举报丘家山采石场的事有结果没有",
    "姓什么不知道，联系电话就这个号",
]


@pytest.mark.parametrize(("text", "names"), ACCUSED)
def test_who_did_it(text, names):
    found = extract(text)
    assert [name.value for name in found.respondents if name.kind == "natural_person"] == names
    assert found.reporters == ()


@pytest.mark.parametrize(("text", "names"), REPORTS)
def test_who_reports_is_not_accused(text, names):
    found = extract(text)
    assert [name.value for name in found.reporters] == names
    assert [name for name in found.respondents if name.kind == "natural_person"] == []
    for name in found.reporters:
        assert text[name.start : name.end] == name.value


@pytest.mark.parametrize("text", NEITHER)
def test_owners_kin_places_and_words_are_neither(text):
    found = extract(text)
    assert found.reporters == ()
    assert [name for name in found.respondents if name.kind == "natural_person"] == []


def test_a_county_belongs_to_the_name_of_its_works():
    assert extract("举报乌兰察布市兴和县永盛石料厂无证开采").as_json()["organisations"] == [
        "乌兰察布市兴和县永盛石料厂"
    ]
    assert extract("湖南天问山庄旅游开发有限公司占地").as_json()["organisations"] == ["湖南天问山庄旅游开发有限公司"]
    assert extract("我村砖瓦厂取土").organisations == ()


@pytest.mark.parametrize("piece", ["王", "、王建国", "，王建国", "村王建国占", "举报王建国", "那顺", "王建国（"])
def test_a_text_of_nothing_but_names_is_bounded(piece):
    begun = time.process_time()
    text = piece * (200_000 // len(piece))
    assert len(mentions(text)) <= MAX_MENTIONS
    assert len(extract(text).respondents) <= 200
    assert time.process_time() - begun < 6
