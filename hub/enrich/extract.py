"""What a text names: telephones, identity numbers, areas, times, reporters, respondents, organisations (B1, B5, B6).

Order of masking: id → phone → area → date → organisation → person, so that no later step reads an earlier one's
characters. Reporter data found here is sealed by the caller; nothing is logged.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

from hub.enrich import extract_names as names
from hub.enrich import extract_organisations as bodies
from hub.enrich import extract_reporters as reporting
from hub.enrich import extract_roles as roles
from hub.enrich.concepts import fold
from hub.enrich.extract_areas import Area, areas
from hub.enrich.extract_mentions import mentions
from hub.enrich.extract_numbers import Found, numbers
from hub.enrich.extract_times import When, dates
from hub.jurisdiction.place_text import INVISIBLE
from hub.terms import Passage, Span, Suggestion

VERSION = "extract-10"
PRODUCER = "extract"
MAX_TEXT = 200_000  # characters read; no report is longer, and what follows cannot hold a worker
MASK = "\u2587"
MAX_BODIES = 40  # of one kind shown; a report repeats itself long before
MINERALS = re.compile(
    "稀土|煤炭|原煤|煤矿|铁矿|金矿|铜矿|铝土矿|铅锌矿|锰矿|钨矿|锡矿|锑矿|钼矿|锂矿|萤石|石灰石|"
    "石灰岩|花岗岩|大理石|玄武岩|石英石|石英砂|石英|河砂|河沙|海砂|山砂|砂石|沙石|石料|石头|沙子|"
    "砂子|黏土|粘土|高岭土|瓷土|膨润土|页岩|玉石|玛瑙|磷矿|石膏|重晶石|矿泉水|地热|温泉|卵石|"
    "鹅卵石|片石|青石|黑土|泥炭|煤"
)
COUNTS = re.compile(
    r"(?P<n>[0-9]{1,6}|[一二两三四五六七八九十百千几]{1,6})(?P<more>多|余|来)?(?P<unit>栋|间|座|"
    r"户|套|车|台|辆|处|口|棵|层|米深|艘|条船)"
)


@dataclass(frozen=True, slots=True)
class ExtractResult:
    """Everything found, each with its place. Values of phones: "13900001111", "0478-5212345"."""

    phones: tuple[Found, ...]
    ids: tuple[Found, ...]
    areas: tuple[Area, ...]
    reporters: tuple[names.Name, ...]
    respondents: tuple[names.Name, ...]
    organisations: tuple[names.Name, ...]
    dates: tuple[When, ...]
    minerals: tuple[Found, ...]
    counts: tuple[Found, ...]

    def as_json(self) -> dict[str, Any]:
        """The answer of `hub try extract` (PRODUCT §11)."""

        def spans(rows: Sequence[Any]) -> list[list[int]]:
            return [[row.start, row.end] for row in rows]

        phones, ids = _standing(self.phones), _standing(self.ids)
        return {
            "phones": [phone.value for phone in phones],
            "ids": [number.value for number in ids],
            "areas": [{"m2": a.m2, "text": a.text, "span": [a.start, a.end], "approx": a.approx} for a in self.areas],
            "reporters": [name.value for name in self.reporters],
            "respondents": [{"name": name.value, "kind": name.kind} for name in self.respondents],
            "organisations": [name.value for name in self.organisations],
            "dates": [when.value for when in self.dates],
            "phone_spans": spans(phones),
            "id_spans": spans(ids),
            "reporter_spans": spans(self.reporters),
            "respondent_spans": spans(self.respondents),
            "organisation_spans": spans(self.organisations),
            "date_spans": spans(self.dates),
            "minerals": [row.value for row in self.minerals],
            "mineral_spans": spans(self.minerals),
            "counts": [row.value for row in self.counts],
            "count_spans": spans(self.counts),
        }


def _standing(found: Sequence[Found]) -> list[Found]:
    """Each number once, where it was first said; without those that were taken back."""
    seen: dict[str, Found] = {}
    for row in found:
        if not row.withdrawn:
            seen.setdefault(row.value, row)
    return list(seen.values())


def _mask(text: str, spans: Sequence[tuple[int, int]]) -> str:
    parts: list[str] = []
    place = 0
    for start, end in sorted(spans):
        if end <= place:
            continue
        begin = max(start, place)
        parts += [text[place:begin], MASK * (end - begin)]
        place = end
    return "".join([*parts, text[place:]])


_SPREAD = re.compile(r"(?<![^\s：:，。、；（(])(?:[^\sA-Za-z] ){2,400}[^\sA-Za-z](?![^\s，。、；）)])")
"""Characters with a blank after each, as scans of wide type are read."""


def extract(text: str, *, reporter: bool = True) -> ExtractResult:
    """Read one text. `reporter` False: it is not the reporter who speaks, so no reporter is looked for.

    Never raises; time is linear in the text; at most MAX_TEXT characters are read.
    """
    original = text[:MAX_TEXT]
    blanks = {at for match in _SPREAD.finditer(original) for at in range(match.start() + 1, match.end(), 2)}
    blanks.update(match.start() for match in INVISIBLE.finditer(original))
    if not blanks:
        return _extract(original, reporter=reporter)
    origin = [at for at in range(len(original)) if at not in blanks]
    found = _extract("".join(original[at] for at in origin), reporter=reporter)
    return replace(found, **{one.name: _moved(getattr(found, one.name), origin) for one in fields(found)})


def _moved(rows: Sequence[Any], origin: Sequence[int]) -> tuple[Any, ...]:
    """The rows with their places in the text as given."""
    return tuple(replace(row, start=origin[row.start], end=origin[row.end - 1] + 1) for row in rows)


def _extract(original: str, *, reporter: bool) -> ExtractResult:
    work = fold(original)
    ids, phones = numbers(work)
    work = _mask(work, [(row.start, row.end) for row in (*ids, *phones)])
    found_areas = areas(work)
    work = _mask(work, [(area.start, area.end) for area in found_areas])
    found_dates = dates(work)
    work = _mask(work, [(when.start, when.end) for when in found_dates])
    organisations = [_as_written(name, original) for name in bodies.organisations(work)]
    masked = _mask(work, [(name.start, name.end) for name in organisations])
    named = mentions(masked)
    told: list[names.Name] = []
    if reporter:
        told = [*reporting.reporters(masked, [row.end for row in (*ids, *phones)]), *roles.tellers(masked, named)]
    reporters = _in_order(told, original)
    cued = names.people(masked, reporters, [])
    persons = _in_order([*cued, *roles.accused(masked, named, reporters, cued)], original)
    called = {name.value[0] for name in persons if not _FORM.fullmatch(name.value)}
    persons = [name for name in persons if not (_FORM.fullmatch(name.value) and name.value[0] in called)]
    accused = [name for name in organisations if not _own(work, name) and _blamed(work, name)]
    return ExtractResult(
        phones=tuple(phones),
        ids=tuple(ids),
        areas=tuple(found_areas),
        reporters=tuple(reporters),
        respondents=tuple(sorted((*persons, *_distinct(accused)), key=lambda name: name.start)),
        organisations=_distinct(organisations),
        dates=tuple(found_dates),
        minerals=tuple(Found(original[m.start() : m.end()], m.start(), m.end()) for m in MINERALS.finditer(work)),
        counts=tuple(Found(m[0], m.start(), m.end()) for m in COUNTS.finditer(work)),
    )


_FORM = re.compile(".(?:老板|经理|总|师傅|书记|主任|队长|厂长|会计)")  # gives way to the name of the same family


def _in_order(found: Sequence[names.Name], original: str) -> list[names.Name]:
    return [_as_written(name, original) for name in names.unique(sorted(found, key=lambda name: name.start))]


def _as_written(name: names.Name, original: str) -> names.Name:
    if name.end - name.start > len(name.value) + 3:
        return name  # put together: 我姓张，单名一个伟
    return names.Name(original[name.start : name.end].replace(" ", ""), name.start, name.end, name.kind, name.cue)


def _distinct(found: Sequence[names.Name]) -> tuple[names.Name, ...]:
    seen: dict[str, names.Name] = {}
    for name in found:
        seen.setdefault(name.value, name)
    return tuple(seen.values())


_EMPLOYER = re.compile(
    r"(?:我|本人)(?:是|在|系)[^，。；！？,;\n]{0,8}$|(?<!被)(?<!被投诉)(?<!被控告)举报单位[:： ]{0,2}$"
)


def _own(text: str, name: names.Name) -> bool:
    """The reporter's own employer or company is no respondent."""
    return bool(_EMPLOYER.search(text[max(0, name.start - 16) : name.start]))


_BLAME = re.compile(r"(?:举报|投诉|控告|检举|揭发|查处|被举报(?:人|单位)|被反映人)[:： ]{0,3}$")
_DEED = re.compile(
    r"[^，。；！？,;\n]{0,6}(?:违规|违法|非法|越权|无权|私自|擅自|强行|强占|占用|占|把|将|批给|批准|批地|未经|没有|未批|卖|征|出租)"
)


def _blamed(text: str, name: names.Name) -> bool:
    """A government or committee is accused where a deed or a word of report stands beside it, not where it is named."""
    if name.kind != "other_organisation":
        return True
    return bool(_BLAME.search(text[max(0, name.start - 10) : name.start]) or _DEED.match(text, name.end))


LAND_KINDS = {
    "permanent_basic_farmland": re.compile("基本农田|永农"),
    "other_arable": re.compile(
        "耕地|水田|旱地|旱田|水浇地|农田|麦田|麦地|稻田|玉米地|苞米地|菜地|棉田|豆子地|花生地|良田|口粮田|责任田|承包地"
    ),
    "other_agricultural": re.compile("林地|山林|树林|草地|草原|草场|牧场|果园|茶园|园地|鱼塘|农用地|坑塘"),
    "construction": re.compile("宅基地|建设用地|工业用地|商业用地|划拨用地|厂区"),
    "unused": re.compile("荒地|荒山|滩涂|河滩|未利用地|荒坡|戈壁|盐碱地"),
}
BODY = re.compile(
    r"(?:[镇乡县区市旗]政府|人民政府|街道办事处?|管委会|村委会|居委会|生产队|国土(?:资源)?[局所]|"
    r"自然资源(?:和规划)?[局所]|规划局)"
    r"(?=[^，。；！？,;\n]{0,6}(?:违规|违法|非法|越权|无权|私自|擅自|强行|强占|占用|把|将|批给|"
    r"批准|未经|没有|未批|卖|征))"
)
_OTHER_OWNER = re.compile(
    r"(?:老板|对方|他的|他们|被举报人|厂里|矿上|公司)(?:的)?(?:电话|手机|号码|联系方式)[^，。；]{0,6}$"
)
_ASKS_PHONE = re.compile(r"电话|号码|联系方式|手机")
SURE, CHECKED, LIKELY, WEAK = 0.99, 0.95, 0.85, 0.5


def suggest(passages: Sequence[Passage]) -> list[Suggestion]:
    """Suggestions phone, id_number, reporter_name, respondent, organisation, area, land_kind, occurred, mineral, count.

    In a conversation the operator's turns give nothing of their own; what they ask tells what the answer is.
    """
    if any(passage.speaker for passage in passages):
        found: list[Suggestion] = []
        asked = ""
        for index, passage in enumerate(passages):
            found += _dictated(passages, index)
            if passage.speaker == "operator":
                asked = passage.text
                continue
            found += _of_turn(passage.text, index, asked)
            asked = ""
        return _merged(found)
    joined = "\n".join(passage.text for passage in passages)
    starts = [0]
    for passage in passages:
        starts.append(starts[-1] + len(passage.text) + 1)

    def spans(start: int, end: int) -> tuple[Span, ...]:
        rows = []
        for index in range(bisect_right(starts, start) - 1, len(passages)):
            low, high = max(start - starts[index], 0), min(end - starts[index], len(passages[index].text))
            if low < high:
                rows.append(Span(index, low, high, passages[index].text[low:high]))
            if starts[index + 1] >= end:
                break
        return tuple(rows)

    return _merged(_suggestions(joined, extract(joined), spans))


_SAID = "[0-9零〇洞幺么一拐勾二两三四五六七八九，,。 ]"
_HUMS = "[嗯呃哦对是好的，,。 ]{0,6}"
_GROUP = re.compile(rf"{_HUMS}(?:我的)?(?:电话|手机|号码)?[是：:，, ]{{0,2}}({_SAID}{{2,16}})[吧啊]?[，,。 ]?")
_PATIENCE = re.compile(rf"[^，。？?]{{0,6}}[，,。！!]?|{_HUMS}{_SAID}{{2,12}}{_HUMS}")


def _dictated(passages: Sequence[Passage], first: int) -> list[Suggestion]:
    """A number said in several turns, the operator saying 嗯 or the digits again between them; starts at `first`."""
    turns: list[tuple[int, int, str]] = []  # passage, offset, digits as said
    index = first
    while index < len(passages) and len(turns) < 6:
        match = _GROUP.fullmatch(passages[index].text) if passages[index].speaker != "operator" else None
        if match is None:
            break
        turns.append((index, match.start(1), match[1].rstrip("，,。 ")))
        index += 1
        if (
            index + 1 < len(passages)
            and passages[index].speaker == "operator"
            and _PATIENCE.fullmatch(passages[index].text)
        ):
            index += 1
    if len(turns) < 2 or (first > 1 and passages[first - 2 : first - 1] and _GROUP.fullmatch(passages[first - 2].text)):
        return []  # the turns before this one have been read together with it
    phones = _standing(numbers(fold("，".join(words for _, _, words in turns)))[1])
    if len(phones) != 1:
        return []
    spans = tuple(Span(at, low, low + len(words), words) for at, low, words in turns)
    return [Suggestion("phone", phones[0].value, PRODUCER, VERSION, LIKELY, spans)]


def _of_turn(text: str, index: int, asked: str) -> list[Suggestion]:
    """One turn of a caller; a bare name or a local number counts as the answer to the operator's question."""
    lead = "电话" if _ASKS_PHONE.search(asked) else ""
    result = extract(lead + text)

    def spans(start: int, end: int) -> tuple[Span, ...]:
        low, high = max(start - len(lead), 0), end - len(lead)
        return (Span(index, low, high, text[low:high]),) if low < high else ()

    found = _suggestions(lead + text, result, spans)
    if reporting.ASKS_NAME.search(asked) and not result.reporters:
        answers = reporting.answered(
            _mask(text, [(o.start - len(lead), o.end - len(lead)) for o in result.organisations])
        )
        values = {name.value for name in answers}
        found = [s for s in found if not (s.field == "respondent" and s.value["name"] in values)]
        found += [
            Suggestion(
                "reporter_name", n.value, PRODUCER, VERSION, LIKELY, (Span(index, n.start, n.end, n.value),), "答"
            )
            for n in answers
        ]
    return found


def _suggestions(text: str, result: ExtractResult, spans: Callable[[int, int], tuple[Span, ...]]) -> list[Suggestion]:
    def make(
        field: str, value: Any, confidence: float, start: int, end: int, reason: str = "", **extra: Any
    ) -> Suggestion:
        return Suggestion(field, value, PRODUCER, VERSION, confidence, spans(start, end), reason, extra)

    found: list[Suggestion] = []
    for phone in result.phones:
        if phone.withdrawn:
            continue
        other = bool(_OTHER_OWNER.search(text[max(0, phone.start - 20) : phone.start]))
        owner = {"owner": "respondent"} if other else {}
        found.append(make("phone", phone.value, SURE, phone.start, phone.end, **owner))
    found += [
        make("id_number", n.value, SURE if n.sure else LIKELY, n.start, n.end) for n in result.ids if not n.withdrawn
    ]
    found += [make("reporter_name", n.value, CHECKED, n.start, n.end, n.cue) for n in result.reporters]
    for name in result.respondents:
        value = {"name": name.value, "kind": name.kind}
        found.append(make("respondent", value, LIKELY, name.start, name.end, name.cue))
    for body in list(BODY.finditer(text))[:MAX_BODIES]:
        value = {"name": body[0], "kind": "other_organisation"}
        found.append(make("respondent", value, WEAK, body.start(), body.end(), "机关"))
    found += [make("organisation", n.value, LIKELY, n.start, n.end) for n in result.organisations]
    for area in result.areas:
        size: dict[str, Any] = {"m2": area.m2, "text": area.text, "approx": area.approx}
        land = text[max(0, area.start - 16) : area.end + 12]
        kinds = [kind for kind, words in LAND_KINDS.items() if words.search(land)]
        found.append(make("area", size, CHECKED, area.start, area.end, land_kind=kinds[0] if kinds else "unknown"))
    found += _land(text, make)
    for when in result.dates:
        line = text[text.rfind("\n", 0, when.start) + 1 : when.start] + text[when.end :].partition("\n")[0]
        if when.absolute and "\n" in text and not line.strip():
            continue  # a date alone on its line is when the letter was signed
        value = {"value": when.value, "text": when.text}
        found.append(make("occurred", value, LIKELY if when.absolute else WEAK, when.start, when.end))
    for key, rows in (("mineral", result.minerals), ("count", result.counts)):
        found += [make(key, row.value, LIKELY, row.start, row.end) for row in rows[:MAX_BODIES]]
    return found


def _land(text: str, make: Callable[..., Suggestion]) -> list[Suggestion]:
    """The kind of land that is named, the best protected first: basic farmland stays so where 耕地 is said as well."""
    for kind, words in LAND_KINDS.items():
        match = words.search(text)
        if match:
            return [make("land_kind", kind, WEAK, match.start(), match.end())]
    return []


def _merged(found: Sequence[Suggestion]) -> list[Suggestion]:
    """One suggestion per field and value, with all its spans; a surname gives way to the full name."""
    merged: dict[tuple[str, str], Suggestion] = {}
    for item in found:
        key = (item.field, repr(item.value))
        old = merged.get(key)
        merged[key] = item if old is None else replace(old, spans=(*old.spans, *item.spans)[:MAX_BODIES])
    full = [str(item.value) for item in merged.values() if item.field == "reporter_name"]
    reporters = set(full)
    return [
        item
        for item in merged.values()
        if not (item.field == "reporter_name" and any(v != item.value and v.startswith(item.value) for v in full))
        and not (item.field == "respondent" and item.value["name"] in reporters)
    ]
