"""Filing a change of the scope lists: only city-level units, in force from the day of filing (Art. 8-9)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from sqlalchemy.orm import Session

from hub import clock
from hub.access import audit
from hub.access.people import Actor
from hub.casework.errors import RefusedError
from hub.jurisdiction import scopes
from hub.law.scope import ScopeError
from hub.models import ScopeChange, Unit
from hub.terms import Role

ARTICLE = "第八条、第九条"


def _refused(reason: str, name: str, kind: str = "guard") -> RefusedError:
    return RefusedError(reason, rule="scope.change", article=ARTICLE, kind=kind, name=name)


def file_scope_change(  # noqa: PLR0913  the facts of one filing
    session: Session,
    who: Actor,
    *,
    class_code: str,
    filing_no: str,
    filed_on: date,
    add_text: str = "",
    remove: str = "",
    law: str = "",
    words: Sequence[str] = (),
) -> ScopeChange:
    """Adds or removes one listed matter of a class (T1-T5, K1-K5), or one refused ground (remove: its code N1-N5; add:
    a further matter of it), in force from the filing date. Raises RefusedError.
    """
    unit = session.get_one(Unit, who.unit_id)
    if Role.LEAD not in who.roles:
        raise _refused("只有负责人可以登记受理范围备案", "lead", "role")
    if unit.level != "city":
        raise _refused("只有市级主管部门可以扩大或缩小受理范围", "city")
    if not filing_no.strip():
        raise _refused("请填写备案号", "filing_no", "missing")
    if not add_text.strip() and not remove:
        raise _refused("请写明扩大或缩小的事项", "add_text", "missing")
    if filed_on > clock.today():
        raise _refused("备案日期不能晚于今天", "filed_on", "time")
    row = ScopeChange(
        unit_id=unit.id, class_code=class_code, add_text=add_text.strip()[:300], law=law.strip()[:200], remove=remove,
        words=[word.strip()[:30] for word in words if word.strip()][:50], filing_no=filing_no.strip()[:100],
        filed_on=filed_on, valid_to=None, by_user=who.user_id,
    )  # fmt: skip
    try:
        lists = scopes.scope_of(session, unit, filed_on)
        known = lists.in_scope(class_code) or class_code == (remove or class_code)
        listed = {b.id for c in lists.classes if c.code == class_code for b in c.behaviours} | {class_code}
        if not known or (remove and (remove not in listed or (remove == class_code and class_code[0] != "N"))):
            raise ScopeError("not listed")
    except ScopeError:
        raise _refused("受理范围清单中没有这一项", "remove", "value") from None
    session.add(row)
    session.flush()
    audit.record(
        session, f"unit:{unit.id}", "scope.change", actor=who.label,
        data={"change": row.id, "class": class_code, "filing_no": row.filing_no, "filed_on": filed_on.isoformat(),
              "remove": remove, "article": ARTICLE},
    )  # fmt: skip
    return row


def end_scope_change(session: Session, who: Actor, change_id: int, on: date, filing_no: str) -> ScopeChange:
    """The change no longer holds from `on` (exclusive end of its days), by a filing of its own. Raises RefusedError."""
    row = session.get(ScopeChange, change_id, with_for_update=True)
    if row is None or row.unit_id != who.unit_id or Role.LEAD not in who.roles:
        raise _refused("没有这项备案", "change", "value")
    if row.valid_to is not None:
        raise _refused("该项备案已失效", "change")
    if on <= row.filed_on:
        raise _refused("失效日期应晚于备案日期", "valid_to", "time")
    row.valid_to = on
    session.flush()
    data = {"change": row.id, "to": on.isoformat(), "filing_no": filing_no.strip()[:100], "article": ARTICLE}
    audit.record(session, f"unit:{row.unit_id}", "scope.change", actor=who.label, data=data)
    return row
