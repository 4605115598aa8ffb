"""Putting pages in order: split, join, move, turn, mark, and say which line of the register a stack is.

Every change names the version of the batch the person saw; the order of a stack is fixed once taking in began.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access import audit
from hub.access.people import Actor
from hub.mailroom import register, uploads
from hub.mailroom.errors import MailroomError, StaleError
from hub.mailroom.pages import drop_empty
from hub.models import Letter, ScanBatch, ScanFile, ScanPage, ScanStack

ROLES = {"page": "信件", "envelope": "信封", "postmark": "邮戳", "cover": "登记号页", "left_out": "不收"}
TURN = 90


def change(session: Session, who: Actor, number: int, version: int, what: str, given: Mapping[str, Any]) -> ScanBatch:
    """One change of a batch. Raises StaleError where the person saw another version, MailroomError."""
    row = uploads.batch(session, who, number, lock=True)
    if row.version != version:
        raise StaleError
    act = _ACTS.get(what)
    if act is None:
        raise MailroomError("没有这种操作")
    act(session, who, row, given)
    session.flush()
    drop_empty(session, row)
    row.version += 1
    audit.record(session, f"batch:{row.id}", f"scan_{what}", actor=who.label)
    return row


def _ids(given: Mapping[str, Any], name: str = "pages") -> list[int]:
    told = given.get(name)
    told = told if isinstance(told, list) else [told]
    ids = [one for one in told if isinstance(one, int) and not isinstance(one, bool) and 0 < one < 1 << 62]
    if not ids:
        raise MailroomError("请先选择页面")
    return list(dict.fromkeys(ids))[:2000]


def _pages(session: Session, row: ScanBatch, given: Mapping[str, Any]) -> list[ScanPage]:
    """The chosen pages in their order. Raises MailroomError where one is not of this batch or fixed already."""
    ids = _ids(given)
    found = session.execute(
        select(ScanPage, ScanStack)
        .join(ScanStack, ScanStack.id == ScanPage.stack_id)
        .where(ScanPage.id.in_(ids), ScanStack.batch_id == row.id)
        .order_by(ScanStack.ord, ScanStack.id, ScanPage.ord)
    ).all()
    if len(found) != len(ids):
        raise MailroomError("没有这些页面", status=404)
    for _, stack in found:
        _free(stack)
        stack.by_hand = True
    return [page for page, _ in found]


def _free(stack: ScanStack) -> None:
    if stack.taking_at is not None:
        raise MailroomError("这封信已经收件，页面不能再调整")


def _stack(session: Session, row: ScanBatch, number: Any) -> ScanStack:
    stack = session.get(ScanStack, number) if isinstance(number, int) and 0 < number < 1 << 62 else None
    if stack is None or stack.batch_id != row.id:
        raise MailroomError("没有这一份", status=404)
    _free(stack)
    return stack


def _of(session: Session, stack: ScanStack) -> list[ScanPage]:
    query = select(ScanPage).where(ScanPage.stack_id == stack.id).order_by(ScanPage.ord, ScanPage.id)
    return list(session.scalars(query))


def _number(pages: Sequence[ScanPage], stack: ScanStack) -> None:
    stack.by_hand = True
    for place, page in enumerate(pages):
        page.stack_id, page.ord = stack.id, place


def _stacks(session: Session, row: ScanBatch) -> list[ScanStack]:
    query = select(ScanStack).where(ScanStack.batch_id == row.id).order_by(ScanStack.ord, ScanStack.id)
    return list(session.scalars(query))


def _after(session: Session, row: ScanBatch, stack: ScanStack) -> float:
    """A place between this stack and the next one."""
    stacks = _stacks(session, row)
    place = stacks.index(stack)
    following = stacks[place + 1].ord if place + 1 < len(stacks) else stack.ord + 1
    return (stack.ord + following) / 2


def _split(session: Session, _who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """From the first chosen page on, a letter of its own."""
    first = _pages(session, row, given)[0]
    stack = session.get_one(ScanStack, first.stack_id)
    pages = _of(session, stack)
    cut = pages.index(first)
    if cut == 0:
        raise MailroomError("这是第一页，前面没有可以分开的页面")
    made = ScanStack(batch_id=row.id, ord=_after(session, row, stack), by_hand=True)
    session.add(made)
    session.flush()
    _number(pages[:cut], stack)
    _number(pages[cut:], made)


def _join(session: Session, _who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Joins a stack to the one before it."""
    stack = _stack(session, row, given.get("stack"))
    stacks = [one for one in _stacks(session, row) if one.taking_at is None]
    place = stacks.index(stack)
    if place == 0:
        raise MailroomError("前面没有可以合并的一份")
    before = stacks[place - 1]
    if before.letter_id and stack.letter_id and before.letter_id != stack.letter_id:
        raise MailroomError("两份已是不同的登记号，请先去掉其中一个登记号")
    before.letter_id = before.letter_id or stack.letter_id
    stack.letter_id = None
    _number([*_of(session, before), *_of(session, stack)], before)


def _move(session: Session, _who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Moves the chosen pages before the page `before`, to the end of `stack`, or (with neither) into a new stack."""
    chosen = _pages(session, row, given)
    if isinstance(given.get("before"), int):
        (target,) = _pages(session, row, {"pages": [given["before"]]})
        stack = session.get_one(ScanStack, target.stack_id)
        rest = [page for page in _of(session, stack) if page not in chosen]
        place = rest.index(target) if target in rest else len(rest)
        _number([*rest[:place], *chosen, *rest[place:]], stack)
        return
    if given.get("stack"):
        stack = _stack(session, row, given["stack"])
        _number([*(page for page in _of(session, stack) if page not in chosen), *chosen], stack)
        return
    last = session.get_one(ScanStack, chosen[-1].stack_id)
    made = ScanStack(batch_id=row.id, ord=_after(session, row, last), by_hand=True)
    session.add(made)
    session.flush()
    _number(chosen, made)


def _shift(session: Session, _who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Moves one page a place forward (`by` -1) or back (1) inside its stack."""
    (page, *_) = _pages(session, row, given)
    stack = session.get_one(ScanStack, page.stack_id)
    pages = _of(session, stack)
    place = pages.index(page) + (-1 if given.get("by") == -1 else 1)
    if not 0 <= place < len(pages):
        raise MailroomError("已经是这一份的首页或末页")
    pages.remove(page)
    pages.insert(place, page)
    _number(pages, stack)


def _turn(session: Session, _who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    step = -TURN if given.get("by") == -1 else TURN
    for page in _pages(session, row, given):
        page.rotation = (page.rotation + step) % 360


def _mark(session: Session, _who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Says what a page is: letter, envelope, postmark, a slip with the number, or nothing to be kept."""
    role = given.get("role")
    if role not in ROLES:
        raise MailroomError("没有这种页面")
    for page in _pages(session, row, given):
        page.role = role


def _assign(session: Session, who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Says which line of the register a stack is; an empty number takes it away."""
    stack = _stack(session, row, given.get("stack"))
    words = str(given.get("no") or "").strip()
    stack.by_hand = True
    if not words:
        stack.letter_id = None
        return
    letter = register.by_number(session, who, words)
    if letter.state not in ("open", "taken"):
        raise MailroomError(f"{register.number_of(letter)} 已是“{register.STATES[letter.state]}”，不能收件", "no")
    taken = select(ScanStack.id).where(
        ScanStack.letter_id == letter.id, ScanStack.id != stack.id, ScanStack.taking_at.is_(None)
    )
    if session.scalar(taken.limit(1)) is not None:
        raise MailroomError(f"{register.number_of(letter)} 已配给另一份，同一封信请合并", "no")
    stack.letter_id = letter.id


def _in_turn(session: Session, who: Actor, row: ScanBatch, _given: Mapping[str, Any]) -> None:
    """Gives the stacks without a number the open lines of the register, both in their order."""
    used = select(ScanStack.letter_id).where(ScanStack.letter_id.is_not(None))
    lines = session.scalars(
        select(Letter)
        .where(Letter.unit_id == who.unit_id, Letter.state == "open", Letter.id.not_in(used))
        .order_by(Letter.stamped, Letter.year, Letter.number)
    ).all()
    bare = [stack for stack in _stacks(session, row) if stack.letter_id is None and stack.taking_at is None
            and _kept(session, stack)]  # fmt: skip
    if not bare:
        raise MailroomError("每一份都已有登记号")
    if not lines:
        raise MailroomError("登记簿里没有待扫描的信，请先登记")
    for stack, letter in zip(bare, lines, strict=False):
        stack.letter_id, stack.by_hand = letter.id, True


def _kept(session: Session, stack: ScanStack) -> bool:
    query = select(func.count()).where(ScanPage.stack_id == stack.id, ScanPage.role.not_in(("cover", "left_out")))
    return bool(session.scalar(query))


def _twin(session: Session, who: Actor, _row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Says what an identical scan is: `same` letter once more, or another one."""
    (number,) = _ids(given, "file")
    file: ScanFile = uploads.decide_twin(session, who, number, same=given.get("same") is True)
    if file.batch_id != _row.id:
        raise MailroomError("没有这个文件", status=404)


def _remove(session: Session, who: Actor, row: ScanBatch, given: Mapping[str, Any]) -> None:
    """Takes a wrong scan out of the batch."""
    (number,) = _ids(given, "file")
    if uploads.find(session, who, number).batch_id != row.id:
        raise MailroomError("没有这个文件", status=404)
    uploads.remove(session, who, number)
    for page in session.scalars(select(ScanPage).where(ScanPage.file_id == number)).all():
        session.delete(page)


_ACTS: Mapping[str, Callable[[Session, Actor, ScanBatch, Mapping[str, Any]], None]] = {
    "split": _split, "join": _join, "move": _move, "shift": _shift, "turn": _turn, "mark": _mark, "assign": _assign,
    "in_turn": _in_turn, "twin": _twin, "remove": _remove,
}  # fmt: skip
