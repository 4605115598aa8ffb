"""Synthetic clues with known acts: what the duplicate model is learned from and measured on.

`clues("train", n, seed)`, `clues("develop", …)` and `clues("test", …)` draw on wording banks that share nothing
(clue_words.toml) and on different counties: learned on the first, tuned on the second, only measured on the third. In
half of the pairs of one act neither the sentence nor the spelling of any name is shared. Each act has, with the
probability HARD, a twin that is not the same: the same village and kind of act with another respondent, or the same
respondent in another village. Names may be misheard (homophones) or shortened, sizes estimated, elements missing, as in
real calls. A firm's trade is told otherwise now and then (沙场, 砂石有限公司). An act keeps its ore: an earlier bank
had one and the same hole yield manganese to one caller and gold to the next. Everything is invented.
tests/enrich/test_clue_generator.py measures all of this.
"""

from __future__ import annotations

import random
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from pypinyin import Style, lazy_pinyin

from hub.jurisdiction.divisions import Division, table

HARD = 0.3  # acts with a twin that is not the same
REPEATED = 0.45  # acts reported more than once
SAME_REPORTER = 0.3  # repeats by a reporter of before
DIFFERENT = 0.55  # repeats that share neither sentence nor spelling of any name with an earlier report of the act
ESTIMATED = 0.15  # sizes told otherwise than by others
OTHER = "N5"  # kind of what is no matter of land
ELSEWHERE = 0.1  # reports that tell the place by another landmark, or the time by another word
START = datetime(2025, 1, 6, 8, 0)  # noqa: DTZ001 - compared as they stand
DAYS = 360
OMIT = {"city": 0.5, "town": 0.2, "village": 0.1, "respondent": 0.15, "size": 0.4, "time": 0.35, "detail": 0.45}
MISHEARD = 0.12  # of names
RENAMED = 0.1  # firms whose trade another caller tells otherwise: 沙场, 砂石有限公司
MU = 2000 / 3
_DIGITS = "零一二三四五六七八九"


@cache
def bank(name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(Path(__file__).with_name("clue_words.toml").read_text("utf-8"))[name]
    return found


@cache
def homophones() -> dict[str, str]:
    """Toneless syllable → the characters of all banks and of towns that sound so."""
    text = Path(__file__).with_name("clue_words.toml").read_text("utf-8")
    text += "".join(row.name for row in table())
    found: dict[str, set[str]] = defaultdict(set)
    for char in set(text):
        if "\u4e00" <= char <= "\u9fff":
            found[lazy_pinyin(char, style=Style.NORMAL)[0]].add(char)
    return {sound: "".join(sorted(chars)) for sound, chars in found.items()}


@cache
def counties(name: str) -> tuple[Division, ...]:
    """Counties with at least three towns: two thirds for training, one sixth each for development and testing."""
    rows = [row for row in table() if row.level == "county" and len(table().children(row.code)) >= 3]
    rows = [row for row in rows if row.name[-1] in "县市旗区" and len(row.name) >= 3 and not row.code.startswith("46")]
    kept = {"train": (1, 2, 4, 5), "develop": (0,), "test": (3,)}[name]
    return tuple(row for i, row in enumerate(rows) if i % 6 in kept)


@dataclass
class Act:
    """One act and the reports made of it."""

    id: str
    county: Division
    town: Division
    village: str
    group: str
    detail: str
    kind: str
    respondent: tuple[str, ...]  # kind and words of it
    m2: int
    time: str
    begun: float  # days since START
    keys: list[str] = field(default_factory=list)
    said: set[str] = field(default_factory=set)  # spellings and sentences of earlier reports
    told: dict[str, str] = field(default_factory=dict)  # of the latest report: sentence, deed and names as spelled


def misheard(maker: random.Random, word: str) -> str:
    """One character of a word becomes another of the same sound."""
    place = maker.randrange(len(word))
    others = homophones().get(lazy_pinyin(word[place], style=Style.NORMAL)[0], word[place]).replace(word[place], "")
    return word[:place] + maker.choice(others) + word[place + 1 :] if others else word


def chinese(number: int) -> str:
    """1–99 as spoken."""
    tens, ones = divmod(number, 10)
    head = "" if not tens else ("十" if tens == 1 else _DIGITS[tens] + "十")
    return head + (_DIGITS[ones] if ones else "")


class Writer:
    """Writes the reports of acts with one bank."""

    def __init__(self, name: str, maker: random.Random) -> None:
        self.name, self.bank, self.maker = name, bank(name), maker

    def act(self, number: int, county: Division | None = None) -> Act:
        maker, words = self.maker, self.bank
        county = county or maker.choice(counties(self.name))
        town = maker.choice(table().children(county.code))
        group = maker.choice("一二三四五六七八九") if maker.random() < 0.35 else ""
        kind = maker.choice(list(words["acts"]))
        return Act(
            f"{self.name}{number}", county, town, self.village(), group,
            maker.choice(words["details"]), kind, self.respondent(kind), int(maker.randint(1, 99) * MU),
            maker.choice(words["times"]), maker.random() * DAYS,
        )  # fmt: skip

    def village(self) -> str:
        """A name of the bank, half of them told apart as villages are: 东…, 小…, 新…."""
        head = self.maker.choice("东西南北上下大小新老") if self.maker.random() < 0.5 else ""
        return head + str(self.maker.choice(self.bank["villages"].split()))

    def stem(self) -> str:
        """The own word of a company: one of the bank, or two characters of it."""
        words = self.bank["stems"].split()
        return self.maker.choice(words) if self.maker.random() < 0.4 else "".join(self.maker.sample("".join(words), 2))

    def respondent(self, kind: str) -> tuple[str, ...]:
        maker, words = self.maker, self.bank
        what = maker.random()
        name = maker.choice(words["surnames"]) + "".join(maker.sample(words["given"], maker.choice((1, 2, 2))))
        if what < 0.42:
            return ("company", self.stem(), maker.choice(words["trades"][kind.split("/")[1]]))
        if what < 0.8:
            return ("person", name)
        return ("role", maker.choice(words["roles"]), name)

    def twin(self, act: Act, number: int) -> Act:
        """Another act that looks alike."""
        maker = self.maker
        other = Act(**{**act.__dict__, "id": f"{self.name}{number}", "keys": [], "said": set(), "told": {}})
        other.begun = act.begun + maker.random() * 40
        other.m2 = int(maker.randint(1, 99) * MU)
        other.detail, other.time = maker.choice(self.bank["details"]), maker.choice(self.bank["times"])
        if maker.random() < 0.5:
            while other.respondent[1:] == act.respondent[1:]:
                other.respondent = self.respondent(act.kind)
            other.group = maker.choice("一二三四五六七八九") if act.group and maker.random() < 0.7 else act.group
        else:
            while other.village == act.village:
                other.village = self.village()
            if maker.random() < 0.5:
                other.town = maker.choice(table().children(act.county.code))
        return other

    def neighbour(self, act: Act, number: int) -> Act:
        """Another deed of the same accused in the same village, half of them no matter of land at all."""
        other = self.twin(act, number)
        other.village, other.town, other.respondent, other.group = act.village, act.town, act.respondent, act.group
        others = self.bank["others"]
        what = self.maker.choice([kind for kind in self.bank["acts"] if kind.split("/")[0] != act.kind.split("/")[0]])
        other.kind = what if self.maker.random() < 0.5 else f"{OTHER}/{self.maker.randrange(len(others))}"
        return other

    def report(self, act: Act, *, first: bool, different: bool) -> str:
        maker = self.maker
        gone = {name for name, share in OMIT.items() if maker.random() < share}
        if "respondent" in gone and "village" in gone:
            gone.discard("village")
        if "respondent" in gone:
            gone.discard("detail")
        fresh = different and not first
        act.told = {}

        def pick(what: str, forms: list[str]) -> str:
            new = [form for form in dict.fromkeys(forms) if form not in act.said] if fresh else []
            act.told[what] = form = maker.choice(new or forms)
            act.said.add(form)
            return form

        place = pick("county", self.counties(act.county, city="city" not in gone))
        if "town" not in gone and (forms := self.towns(act, fresh=fresh)):
            place += pick("town", forms)
        if "village" not in gone:
            place += pick("village", self.names(act, act.village, fresh=fresh)) + maker.choice(
                ("村", "村", "行政村", "村那边")
            )
            if act.group and maker.random() < 0.6:
                place += act.group + maker.choice(("组", "组", "社"))
        if "detail" not in gone:
            place += maker.choice(self.bank["details"]) if maker.random() < ELSEWHERE else act.detail
        respondent = "有人" if "respondent" in gone else self.respondent_told(act, pick, fresh=fresh)
        told = act.m2 * (maker.uniform(0.6, 1.5) if maker.random() < ESTIMATED else 1)
        size = pick("size", self.sizes(int(min(max(told, MU), 99 * MU)))) if "size" not in gone else ""
        time = maker.choice(self.bank["times"]) if maker.random() < ELSEWHERE else act.time
        time = time if "time" not in gone and maker.random() < 0.6 else ""
        group, what = act.kind.split("/")
        deed = pick("deed", [self.bank["others"][int(what)]] if group == OTHER else list(self.bank["acts"][act.kind]))
        sentence = pick("sentence", list(self.bank["sentences"]))
        text = sentence.format(p=place, r=respondent, a=deed, s=size or "不少", t=time or "前段时间")
        return maker.choice(self.bank["heads"]) + text + maker.choice(self.bank["tails"])

    def counties(self, county: Division, *, city: bool) -> list[str]:
        full = county.name
        short = full[:-1] if len(full) == 3 and full[-1] in "县市" and table().parent(county.code) else full
        above = table().parent(county.code)
        head = above.name if above and above.level == "city" and city else ""
        top = next((row.name for row in table().ancestors(county.code) if row.level == "province"), "")
        if full.endswith("区"):
            return [
                f"{head or (above.name if above else '')}{full}",
                f"{top}{head or (above.name if above else '')}{full}",
            ]
        return [f"{head}{full}", f"{top}{head}{full}", f"{head or (above.name if above else '')}{short}"]

    def names(self, act: Act, name: str, *, fresh: bool, share: float = MISHEARD) -> list[str]:
        """A name, sometimes misheard; `fresh`: as no earlier report of the act spells it."""
        if not fresh:
            return [misheard(self.maker, name)] if self.maker.random() < share else [name]
        forms = [name, *(misheard(self.maker, name) for _ in range(4))]
        return [form for form in forms if form not in act.said] or [misheard(self.maker, misheard(self.maker, name))]

    def towns(self, act: Act, *, fresh: bool) -> list[str]:
        """The town in full, short or misheard; none where `fresh` and every spelling was used."""
        full = act.town.name
        short = full[:-1] if full[-1] in "镇乡" and len(full) > 2 else full
        if not fresh:
            return [misheard(self.maker, full)] if self.maker.random() < 0.05 else [full, full, full, short]
        forms = [full, short, *(misheard(self.maker, full[:-1]) + full[-1] for _ in range(2))]
        return [form for form in forms if form not in act.said]

    def respondent_told(self, act: Act, pick: Callable[[str, list[str]], str], *, fresh: bool) -> str:
        """The accused as one calls them: by full name, surname, role, with or without the legal form."""
        maker, (kind, *rest) = self.maker, act.respondent
        if kind == "company":
            stem = pick("respondent", self.names(act, rest[0], fresh=fresh))
            others = self.bank["trades"].get(act.kind.split("/")[1], [rest[1]])
            trade = maker.choice(others) if maker.random() < RENAMED else rest[1]
            trade = trade.replace("有限公司", maker.choice(("公司", "有限公司")))
            trade = trade.replace("专业合作社", maker.choice(("合作社", "专业合作社")))
            return maker.choice((f"{stem}{trade}", f"{stem}{trade}", f"一家叫{stem}{trade}的"))
        *role, name = rest
        title = name[0] + maker.choice(self.bank["titles"])
        short = [form for form in (f"姓{name[0]}的", title) if not fresh or form not in act.said]
        if short and maker.random() < 0.3:
            said = pick("respondent", short)
            return said + (role[0] if role and said[0] == "姓" else "")
        if role and maker.random() < 0.35:
            return role[0]
        one = pick("respondent", self.names(act, name, fresh=fresh))
        if role:
            return role[0] + one
        return maker.choice((one, one, f"村民{one}", f"老板{one}", f"一个叫{one}的人"))

    def sizes(self, m2: int) -> list[str]:
        mu = round(m2 / MU)
        return [f"{mu}亩", f"{chinese(mu)}亩", f"{chinese(mu)}亩地", f"约{m2 // 10 * 10}平方米", f"{chinese(mu)}亩左右"]


def gap(maker: random.Random) -> float:
    """Days from the first report to a repeat: most soon, some when nothing has happened for months."""
    return maker.expovariate(1 / 12) if maker.random() < 0.6 else maker.uniform(0, 150)


def clues(
    name: str, count: int, seed: int, *, dense: bool = False, neighbours: bool = False
) -> Iterator[dict[str, Any]]:
    """`count` rows {"id", "act", "text", "received_at", "reporter_key", "hard", "different", "county", "turn",
    "told"} in time order.

    `dense`: all in one of the twelve counties with most towns, by the seed. "hard": the act has a twin that is not the
    same; "different": shares neither sentence nor spelling of a name with a report of the act of a lower "turn";
    "told": sentence, deed and names as this report has them. `neighbours`: the twins are other deeds of the same
    accused in the same village instead.
    """
    maker = random.Random(f"{name}{seed}")
    writer = Writer(name, maker)
    large = sorted(counties(name), key=lambda row: (-len(table().children(row.code)), row.code)) if dense else []
    home = large[seed % 12] if dense else None
    made: list[tuple[float, dict[str, Any]]] = []
    number = 0
    while len(made) < count:
        number += 1
        family = [writer.act(number, home)]
        if maker.random() < HARD:
            number += 1
            family.append((writer.neighbour if neighbours else writer.twin)(family[0], number))
        for act in family:
            reports = maker.choice((2, 2, 2, 3, 4)) if maker.random() < REPEATED else 1
            for turn in range(reports):
                key = (
                    maker.choice(act.keys)
                    if turn and maker.random() < SAME_REPORTER and act.keys
                    else f"k{maker.random()}"
                )
                key = "" if maker.random() < 0.2 and key not in act.keys else key
                different = bool(turn) and maker.random() < DIFFERENT
                text = writer.report(act, first=not turn, different=different)
                other = not key or key not in act.keys
                if key:
                    act.keys.append(key)
                at = act.begun + (gap(maker) if turn else 0.0)
                row = {"act": act.id, "text": text, "reporter_key": key, "hard": len(family) > 1,
                       "different": different, "other": bool(turn) and other, "county": act.county.code, "turn": turn,
                       "told": act.told}  # fmt: skip
                made.append((at, row))
    made.sort(key=lambda pair: pair[0])
    for place, (days, row) in enumerate(made[:count]):
        at = (START + timedelta(days=days)).isoformat(timespec="seconds")
        yield {"id": f"{name}-{place}", "received_at": at, **row}
