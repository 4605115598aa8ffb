"""What county.py and strain.py put into a hub: the longest there can be (walk), or a county as it is (album)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Load:
    """Names and numbers. `facts` says what happened, without who and where."""

    who: str
    firm: str
    place: str
    link: str
    """An address on the web that cannot be broken; empty: none is named."""
    facts: str
    office: str
    account: str
    group: int
    """Clues of one group, its main clue among them."""
    notices: int
    pages: int
    """Pages of the scanned letter."""
    more: int
    """Clues beside those that stand for something."""
    times: int
    """How many times longer than needed a reason is."""

    @property
    def text(self) -> str:
        link = f"网上也有报道：{self.link}。" if self.link else ""
        return (
            f"{self.place}，{self.firm}{self.facts}我叫{self.who}，电话13800001234，"
            f"住址湖南省益阳市桃江县武潭镇红旗村一组7号。{link}"
        )

    def much(self, words: str, times: int) -> str:
        """The words so many times over, where this load strains."""
        return words * (times if self.times > 1 else 1)


STRAINED = Load(
    who="阿卜杜热依木·买买提吐尔逊·阿不力克木·艾合买提江",
    firm="湖南省益阳市桃江县武潭镇鑫隆达远新型环保建筑材料与矿产品综合开发利用有限责任公司第三分公司",
    place="湖南省益阳市桃江县武潭镇红旗村第十二村民小组老粮站后面靠近水库溢洪道的基本农田保护区",
    link="http://news.example.cn/" + "a" * 160,
    facts="未经批准占用永久基本农田二十八亩堆放砂石并建设三栋彩钢厂房，从今年三月开始施工，现在仍在浇筑地面。",
    office="桃江县农业农村局" * 4,
    account="公众号" * 12,
    group=30,
    notices=40,
    pages=200,
    more=24,
    times=12,
)
PLAIN = Load(
    who="刘满堂",
    firm="鑫隆建材有限公司",
    place="湖南省益阳市桃江县武潭镇红旗村",
    link="",
    facts="未经批准占用基本农田28亩，堆放砂石，建了三栋厂房，从三月开始，现在还在浇地面。",
    office="桃江县农业农村局",
    account="桃江县自然资源局公众号",
    group=4,
    notices=3,
    pages=3,
    more=3,
    times=1,
)
