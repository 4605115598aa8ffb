"""Those who sign a report are its reporters, never the accused: their names would stand open in every list."""

import pytest

from hub.enrich.extract import extract

SIGNED = [
    ("盘州市兴源煤矿采完不治理，请查处。 柏果镇红旗村村民 罗廷贵 电话 13985800000 2026年11月2日", ["罗廷贵"]),
    ("请查处。\n柏果镇红旗村村民\n罗廷贵\n电话 13985800000", ["罗廷贵"]),
    ("请查处。\n村民罗廷贵 13985800000", ["罗廷贵"]),
    ("请查处。 村民：罗廷贵", ["罗廷贵"]),
    ("请领导查处。此致敬礼！ 红旗村二组 罗廷贵 2026年3月1日", ["罗廷贵"]),
    ("请领导查处。此致敬礼！ 罗廷贵", ["罗廷贵"]),
    ("有人占地。知情人罗廷贵，手机13985800000", ["罗廷贵"]),
    ("请查处。红旗村二组罗廷贵，13985800000，家住村口。", ["罗廷贵"]),
    ("请查处！王小二敬上", ["王小二"]),
    ("盼复。桃江县武潭镇善溪村村民代表 周国强、李明 13985800000", ["周国强", "李明"]),
    ("请处理，谢谢！张先生 13985800000", ["张"]),
    ("罗廷贵向贵局反映：我村煤矿越界开采", ["罗廷贵"]),
    ("请保密！罗廷贵 红旗村三组", ["罗廷贵"]),
    ("以上情况属实 罗廷贵（手印）", ["罗廷贵"]),
    ("举报人（签名）：罗廷贵   李秀英   王大富", ["罗廷贵", "李秀英", "王大富"]),
    ("寄件人 罗廷贵 贵州省盘州市柏果镇红旗村三组", ["罗廷贵"]),
    ("您贵姓？我姓罗，罗廷贵。", ["罗廷贵"]),
]
NOBODY = ["现场照片六张，保存在举报人家中。", "他们扬言报复举报人全家"]
ACCUSED = [
    ("砂场无证开采。老板电话如下。张建国 13985800000", []),
    ("违法占地的人：红旗村村民 罗廷贵 电话 13985800000", ["罗廷贵"]),
    ("占地的有三户。红旗村村民罗廷贵占了三亩。红旗村村民张三占了两亩。", ["罗廷贵", "张三"]),
    ("鱼塘是村主任挖的。主任 张大山", ["张大山"]),
]


@pytest.mark.parametrize(("text", "names"), SIGNED)
def test_who_signs_is_the_reporter_and_not_accused(text, names):
    found = extract(text)
    assert [name.value for name in found.reporters] == names
    assert not {name.value for name in found.respondents} & set(names)


@pytest.mark.parametrize("text", NOBODY)
def test_what_belongs_to_the_reporter_is_no_name(text):
    assert extract(text).reporters == ()


def test_a_name_ends_before_what_was_done_to_its_bearer():
    assert [name.value for name in extract("上次举报人李大山被打了").reporters] == ["李大山"]


@pytest.mark.parametrize(("text", "names"), ACCUSED)
def test_who_did_it_has_not_signed(text, names):
    found = extract(text)
    assert [name.value for name in found.reporters] == []
    assert [name.value for name in found.respondents] == names


def test_a_text_of_nothing_but_signatures_is_read_in_bounded_time():
    found = extract("。红旗村村民 罗廷贵 电话" * 12_000)
    assert len(found.reporters) <= 200
