"""The planted bugs still fit the code: each search text occurs exactly once, each named test exists."""

from __future__ import annotations

import pytest

from tests.fault.kit import ROOT
from tests.planted.run import Bug, bugs


@pytest.mark.parametrize("bug", bugs(), ids=lambda bug: bug.name)
def test_a_planted_bug_still_fits(bug: Bug) -> None:
    text = (ROOT / bug.file).read_text()
    assert text.count(bug.search) == 1
    assert bug.search != bug.replace
    compile(text.replace(bug.search, bug.replace), bug.file, "exec")
    file, _, name = bug.test.partition("::")
    assert f"def {name.partition('[')[0]}(" in (ROOT / file).read_text()


def test_there_are_twelve_durability_bugs() -> None:
    assert len([bug for bug in bugs() if bug.test.startswith("tests/fault/")]) == 12
    assert len({bug.name for bug in bugs()}) == len(bugs())
