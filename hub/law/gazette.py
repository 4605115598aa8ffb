"""Reads a State Council notice on holidays, in the layouts published for 2019-2026 and their changes inside a year.

Every weekday, every number of days and the balance of the year are checked against what was read. Whatever is doubtful
becomes a warning; a notice with a warning is never imported without a person (PRODUCT §6).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise

from hub.law.workdays import WEEKDAYS, Calendar

MAX_TEXT = 20_000  # characters; a notice has about 700
MAX_SPAN = 15  # days of one holiday; the longest so far had 10
HOLIDAYS = ("元旦", "春节", "清明节", "劳动节", "端午节", "中秋节", "国庆节")
STATUTORY_DAYS = {2008: 11, 2025: 13}
"""Statutory holidays a year since 2008 and since 2025 (全国年节及纪念日放假办法): weekday off minus made up."""

_DATE = (
    r"(?:(?P<{0}y>\d{{4}})年|(?P<{0}n>次年))?(?:(?P<{0}m>\d{{1,2}})月)?(?P<{0}d>\d{{1,2}})日"
    r"(?:\((?P<{0}w>[^()]{{0,40}})\))?"
)
_TOKEN = re.compile(
    rf"(?P<span>{_DATE.format('a')}(?:至|到|-|—|–){_DATE.format('b')})"
    rf"|(?P<date>{_DATE.format('c')})"
    r"|延长.{0,12}?(?P<extend>假期)至"
    r"|(?P<usual>(?:正常|照常|恢复)上班)|(?P<work>上班)"
    r"|放假(?:调休)?(?!日期|安排|期间|时间|通知)(?P<off>)(?:,?共?(?P<offdays>\d{1,2})天)?"
    r"|共(?P<total>\d{1,2})天"
    r"|(?P<rest>休息|补休)"
    rf"|(?P<name>{'|'.join(HOLIDAYS)}|[\u4e00-\u9fff]{{0,20}}纪念日)"
    r"|(?P<stop>[。;\n])"
)
_YEAR = re.compile(r"(?:关于|将|调整|延长)\s*(\d{4})\s*年")
_WEEKDAY = re.compile(r"(?:星期|周|礼拜)([一二三四五六日天])")


@dataclass(frozen=True, slots=True)
class Notice:
    """What a notice says: days off and weekend days worked, each with its holiday; doubts as Chinese sentences."""

    year: int | None
    off: Mapping[date, str]
    work: Mapping[date, str]
    warnings: tuple[str, ...]


@dataclass
class _Reader:
    text: str
    year: int | None
    known: Calendar
    whole: bool  # a year's notice, not a change inside the year
    off: dict[date, str] = field(default_factory=dict)
    work: dict[date, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    pending: list[date] = field(default_factory=list)  # dates whose verb has not come yet
    last: date | None = None  # the date a bare "8日" continues
    group: list[date] = field(default_factory=list)  # the days of the last 放假, for "共N天"
    name: str = ""
    name_end: int = -1
    own_date: bool = False  # the last date told its year and stands alone, as the date of a document does
    extending: bool = False

    def warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)

    def _date(self, found: re.Match[str], key: str, after: date | None = None, back: int = 0) -> date | None:
        """The date of one match; `after` is the first day of its span, `back` years are taken off an untold year.

        None where there is no such date, with a warning unless it is no date of a holiday ("于10日内").
        """
        year_told, month_told = found[f"{key}y"], found[f"{key}m"]
        before = after or self.last
        month = int(month_told) if month_told else before.month if before else None
        if month is None:
            return None
        if year_told:
            year: int | None = int(year_told)
        elif found[f"{key}n"]:
            year = before.year + 1 if before else None
        elif after is not None:
            year = after.year + (1 if month < after.month else 0)
        elif not month_told and before:
            year = before.year
        else:
            year = None if self.year is None else self.year - back
        if year is None:
            self.warn(f"“{found[0]}”没有年份，无法确定")
            return None
        try:
            day = date(year, month, int(found[f"{key}d"]))
        except ValueError:
            self.warn(f"“{found[0]}”不是有效日期")
            return None
        return self._checked(day, found[f"{key}w"], own_year=bool(year_told or found[f"{key}n"] or after or back))

    def _learn_year(self, day: date) -> None:
        if self.year is None:
            self.year = day.year + (1 if self.name == "元旦" and day.month == 12 else 0)

    def _checked(self, day: date, brackets: str | None, *, own_year: bool) -> date:
        weekday = _WEEKDAY.search(brackets or "")
        if weekday is None:
            return day
        told = "一二三四五六日".index(weekday[1].replace("天", "日"))
        if told == day.weekday():
            return day
        # New Year: "12月31日（周六）至1月2日" of a 2023 notice means the December before.
        if not own_year and self.name == "元旦" and day.month == 12:
            earlier = day.replace(year=day.year - 1)
            if earlier.weekday() == told:
                return earlier
        self.warn(f"{day.isoformat()} 是{WEEKDAYS[day.weekday()]}，通知写的是{WEEKDAYS[told]}")
        return day

    def read(self) -> None:
        for found in _TOKEN.finditer(self.text):
            if found["span"]:
                self._span(found)
            elif found["date"]:
                self._one(found)
            elif found["extend"]:
                self.extending = True
            elif found["usual"] or found["rest"]:
                self.pending.clear()  # an ordinary working day; or advice to take leave: no day off
            elif found["work"]:
                self._take(self.work)
            elif found["off"] is not None:
                self._take(self.off)
                if found["offdays"]:
                    self._total(int(found["offdays"]))
            elif found["total"]:
                self._total(int(found["total"]))
            elif found["name"]:
                self._named(found)
            else:
                self._stop(found)
        self._stop(None)

    def _named(self, found: re.Match[str]) -> None:
        if self.pending or self.extending:
            return  # stands beside a date: names a day, opens no paragraph
        joined = self.text[self.name_end : found.start()] in ("、", "和")  # 国庆节、中秋节
        self.name = f"{self.name}、{found['name']}" if joined and self.name else found["name"]
        self.name_end = found.end()

    def _span(self, found: re.Match[str]) -> None:
        told = found["ay"] or found["by"] or found["bn"]
        # New Year without years: the January is the notice's, the December the one before.
        back = int(not told and self.name == "元旦" and found["am"] == "12" and found["bm"] in ("1", "01"))
        first = self._date(found, "a", back=back)
        last = None if first is None else self._date(found, "b", first)
        if first is None or last is None:
            return
        self.own_date = False
        if not first <= last <= first + timedelta(days=MAX_SPAN - 1):
            self.warn(f"“{found[0]}”不是合理的放假区间")
            return
        self._learn_year(last)
        self.pending += [first + timedelta(days=n) for n in range((last - first).days + 1)]
        self.last = last

    def _one(self, found: re.Match[str]) -> None:
        day = self._date(found, "c")
        if day is None:
            return
        self._learn_year(day)
        self.last = day
        if self.extending:
            self.extending = False
            self._extend(day)
            return
        self.own_date = bool(found["cy"]) and not self.pending
        self.pending.append(day)

    def _extend(self, last: date) -> None:
        """延长春节假期至2月2日: the days after the end of the known holiday, up to the day told."""
        named = self.name or next((name for name in HOLIDAYS if name in self.text), "")
        ends = [
            day
            for layer in self.known.layers
            if layer.issued is None
            for day, name in layer.off.items()
            if name == named and day.year == last.year
        ]
        start = max(ends, default=last) + timedelta(days=1)
        if not ends or not start <= last <= start + timedelta(days=MAX_SPAN - 1):
            self.warn(f"延长到 {last.isoformat()}，但不知道原来的假期在哪天结束")
            return
        self.name = named
        self.pending = [start + timedelta(days=n) for n in range((last - start).days + 1)]
        self._take(self.off)

    def _take(self, into: dict[date, str]) -> None:
        if into is self.off and self.pending:
            self.group = list(self.pending)
        other = self.work if into is self.off else self.off
        for day in self.pending:
            if day in other:
                self.warn(f"{day.isoformat()} 既是放假又是上班")
            if into is self.work and day.weekday() < 5:
                self.warn(f"{day.isoformat()} 是{WEEKDAYS[day.weekday()]}，不应是调休上班日")
            into[day] = self.name or "节假日"
        self.pending.clear()

    def _total(self, told: int) -> None:
        if self.group and len(self.group) != told:
            first, last = self.group[0].isoformat(), self.group[-1].isoformat()
            self.warn(f"{first} 至 {last} 是 {len(self.group)} 天，通知写的是 {told} 天")
        self.group = []

    def _stop(self, found: re.Match[str] | None) -> None:
        document_date = found is None and self.own_date and len(self.pending) == 1
        if self.pending and not document_date:
            self.warn(f"{self.pending[0].isoformat()} 没有说明是放假还是上班")
        self.pending.clear()
        self.group = []
        self.extending = False

    def judge(self) -> None:
        """The checks on the whole: gaps, missing holidays, balance of days off and days made up."""
        if not self.off and not self.work:
            self.warn("没有读到放假或上班的日期")
            return
        if self.year is not None and any(abs(day.year - self.year) > 1 for day in (*self.off, *self.work)):
            self.warn("日期与通知的年份不符")
        for name in sorted({*self.off.values()}):
            days = sorted(day for day, which in self.off.items() if which == name)
            if any((later - earlier).days > 1 for earlier, later in pairwise(days)):
                self.warn(f"{name}的放假日期不连续")
        if not self.whole:
            return
        read = {part for name in self.off.values() for part in name.split("、")}
        missing = [name for name in HOLIDAYS if name not in read]
        if missing:
            self.warn(f"没有读到：{'、'.join(missing)}")
            return
        since = max((year for year in STATUTORY_DAYS if year <= (self.year or 0)), default=None)
        due = None if since is None else STATUTORY_DAYS[since]
        balance = sum(day.weekday() < 5 for day in self.off) - len(self.work)
        if due is not None and balance != due:
            self.warn(f"工作日放假天数减去调休上班天数是 {balance}，应为 {due}：可能漏读或有误")


def read_notice(text: str, known: Calendar) -> Notice:
    """The notice in `text`. Never raises on foreign text; what cannot be is told in `warnings`."""
    if len(text) > MAX_TEXT:
        return Notice(None, {}, {}, (f"超过 {MAX_TEXT} 字，不是放假通知",))
    plain = unicodedata.normalize("NFKC", text)
    plain = re.sub(r"[ \t\u3000\u00a0\u200b]+", "", plain).replace("\r", "\n").replace("~", "至")
    title = _YEAR.search(plain)
    body = plain.rpartition("通知如下")[2]  # before it stand title, number and date of the document
    # A pasted page breaks its lines anywhere: only a new paragraph of the notice begins a new line.
    body = re.sub(r"(?<![。;:])\n+(?![一二三四五六七八九十]{1,3}、)", "", body)
    reader = _Reader(body, int(title[1]) if title else None, known, whole="部分节假日安排" in plain)
    reader.read()
    reader.judge()
    return Notice(reader.year, reader.off, reader.work, tuple(reader.warnings))
