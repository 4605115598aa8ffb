import json
from pathlib import Path

import pytest

DATA = Path(__file__).parent / "data"


@pytest.fixture(scope="session")
def sample():
    """The bytes of a sample scan by name."""

    def read(name: str) -> bytes:
        return (DATA / name).read_bytes()

    return read


@pytest.fixture(scope="session")
def texts() -> dict[str, str]:
    """What stands on each sample."""
    return json.loads((DATA / "texts.json").read_text(encoding="utf-8"))
