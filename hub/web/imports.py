"""Lists of units and people from Excel or CSV: template, dry run line by line, taking over (E12, I9; PRODUCT §10).

The file is read in the limited child. What the dry run showed comes back from the browser as JSON and is judged anew.
"""

from __future__ import annotations

import io
from threading import Lock
from typing import cast

from flask import Blueprint, Response, abort, make_response, render_template, request
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.worksheet import Worksheet

from hub import clock, db
from hub.access.grants import GrantError
from hub.enrich import decoding
from hub.supervision import importing
from hub.supervision.importing import COLUMNS, MOST, NEEDED, ListError, Plan, Taken
from hub.terms import ROLE_LABELS, Role
from hub.web import people
from hub.web.directory import settle
from hub.web.security import me, signed_in
from hub.work.child import ChildDiedError, RefusedError

bp = Blueprint("imports", __name__)

KINDS = {"units": "单位", "people": "人员"}
STATUS = {"new": "新增", "change": "变更", "same": "不变", "error": "有误"}
MAX_SENT = 1_900_000  # bytes of the lines as they come back, below what a form may hold
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
HELP = {
    "units": "一行一个单位。代码为六位行政区划代码；派出机构、开发区和其他部门加后缀，如 430922-kfq。层级填省、市、县；"
    "类别空着即主管部门，其他部门填“其他部门”；启用日期空着即今天。代码已有的行改名或改变隶属。",
    "people": "一行一人。登录名用小写字母、数字或 . _ -；角色可填多个，用顿号隔开："
    + "、".join(ROLE_LABELS.values())
    + "。执法证号连同有效期填写，没有就空着。角色须由安全管理员确认后生效。",
}
_READER = Lock()  # one child at a time in this process


def _kind(kind: str) -> str:
    return kind if kind in KINDS else abort(404)


@bp.get("/import")
@signed_in(Role.SYSADMIN)
def start() -> str:
    return _start()


def _start(kind: str = "", problem: str = "") -> str:
    with db.reading() as session:
        return render_template(
            "import_start.html", kinds=KINDS, help=HELP, columns=COLUMNS, needed=NEEDED, most=MOST, wrong=kind,
            problem=problem, taken=importing.imports(session, me()),
        )  # fmt: skip


@bp.get("/import/<kind>/template")
@signed_in(Role.SYSADMIN)
def template(kind: str) -> Response:
    """An empty list to fill in."""
    answer = make_response(_workbook(_kind(kind)))
    answer.headers["Content-Type"] = XLSX
    answer.headers["Content-Disposition"] = f'attachment; filename="{kind}.xlsx"'
    return answer


def _workbook(kind: str) -> bytes:
    """Explanation, then headings, then cells that Excel keeps as text (codes, dates); choices for the fixed columns."""
    book = Workbook()
    sheet = cast("Worksheet", book.active)
    sheet.title = f"{KINDS[kind]}名单"
    heads = [(name, words[0]) for name, words in COLUMNS[kind].items()]
    sheet.append([HELP[kind]])
    sheet.append([f"{word}*" if name in NEEDED[kind] else word for name, word in heads])
    last = get_column_letter(len(heads))
    sheet.merge_cells(f"A1:{last}1")
    sheet["A1"].alignment = Alignment(wrap_text=True, vertical="top")
    sheet.row_dimensions[1].height = 66
    choices = {"level": ("省", "市", "县"), "kind": ("主管部门", "其他部门")}
    for number, (name, _) in enumerate(heads, 1):
        letter = get_column_letter(number)
        sheet.column_dimensions[letter].width = 18
        sheet.column_dimensions[letter].number_format = "@"
        sheet[f"{letter}2"].font = Font(bold=True)
        sheet[f"{letter}2"].fill = PatternFill("solid", fgColor="E3F1EC")
        if name in choices:
            fixed = DataValidation(type="list", formula1=f'"{",".join(choices[name])}"', allow_blank=True)
            sheet.add_data_validation(fixed)
            fixed.add(f"{letter}3:{letter}{MOST[kind]}")
    sheet.freeze_panes = "A3"
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


@bp.post("/import/<kind>")
@signed_in(Role.SYSADMIN)
def look(kind: str) -> str | tuple[str, int]:
    """The dry run: what each line of the uploaded file would do. Changes nothing."""
    sent = request.files.get("file")
    name = (sent.filename or "")[-200:] if sent else ""
    if sent is None or not name:
        return _start(_kind(kind), "请选择 Excel（.xlsx）或 CSV 文件"), 422
    try:
        plan = importing.read(_kind(kind), _rows(sent.stream.read(), name))
    except (RefusedError, ChildDiedError, ListError) as error:
        return _start(kind, str(error)), 422
    if len(importing.dump(plan).encode()) > MAX_SENT:
        return _start(kind, "名单内容过多，请拆分后上传"), 422
    with db.reading() as session:
        importing.check(session, me(), plan)
    return _shown(plan)


def _rows(data: bytes, name: str) -> list[tuple[int, list[str]]]:
    """The rows as a child of its own read them: foreign bytes are never parsed in the web process."""
    with _READER:
        try:
            return decoding.table(data, name)
        finally:
            decoding.forget_children()


def _shown(plan: Plan, problem: str = "") -> str:
    return render_template(
        "import_look.html", plan=plan, what=KINDS[plan.kind], kind=plan.kind, status=STATUS, problem=problem,
        columns={name: words[0] for name, words in COLUMNS[plan.kind].items()}, sent=importing.dump(plan),
    )  # fmt: skip


@bp.post("/import/<kind>/take")
@signed_in(Role.SYSADMIN)
def take(kind: str) -> str | tuple[str, int]:
    """Takes over what was shown, whole or not at all; first passwords stand on this answer only."""
    try:
        plan = importing.load(_kind(kind), request.form.get("lines", ""))
    except ListError as error:
        return _start(kind, str(error)), 422
    try:
        with db.transaction() as session:
            if kind == "people":
                people.fresh(session)
            taken = importing.take_over(session, me(), plan, clock.today())
    except (ListError, GrantError) as error:
        with db.reading() as session:
            importing.check(session, me(), plan)
        return _shown(plan, str(error)), 422
    settle(taken.moved)
    return _done(plan, taken)


def _done(plan: Plan, taken: Taken) -> str:
    names = {line.values.get("login", ""): line.values for line in plan.lines}
    first = [(names[login], login, password) for login, password in taken.passwords.items()]
    return render_template(
        "import_done.html", plan=plan, what=KINDS[plan.kind], kind=plan.kind, changed=taken.changed, first=first,
        at=clock.china(clock.now()),
    )  # fmt: skip
