"""What a citizen is told and agrees to before reporting: dated versions, never changed (A7, A8)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Consent:
    """`explains`: what the page says; `agrees`: the sentence behind the box. The version is kept with a report."""

    version: str
    since: date
    explains: tuple[tuple[str, str], ...]
    agrees: str


VERSIONS = (
    Consent(
        "2026-11",
        date(2026, 11, 1),
        (
            (
                "受理什么",
                "违法批地、占地、转让土地使用权、破坏耕地，违法勘查、开采、批准或转让矿业权等土地和矿产违法行为。",
            ),
            (
                "不受理什么",
                "已经或应当复议、诉讼、仲裁的事项，权属争议和补偿纠纷，以及不属自然资源主管部门职责的事项。",
            ),
            ("多久答复", "七个工作日内告知是否受理；受理的，核查结束后五个工作日内告知结果。"),
            (
                "怎样保护您",
                "姓名、电话、地址与举报内容分开加密保存，只有承办人可以查看，每次查看都有记录。可以匿名或要求保密。",
            ),
            (
                "请您注意",
                "请如实反映，捏造事实诬告陷害他人须承担法律责任。不要填写国家秘密。请在保证自身安全的前提下拍照取证。",
            ),
        ),
        "我已阅读以上说明，所填内容属实，同意主管部门为办理本举报使用我所填的信息。",
    ),
)


def in_force(on: date) -> Consent:
    """The version shown on a day: the latest one that has begun, else the first."""
    begun = [version for version in VERSIONS if version.since <= on]
    return max(begun, key=lambda version: version.since) if begun else VERSIONS[0]
