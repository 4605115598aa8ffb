"""Coordinates against the published vectors of the field's open implementations (eviltransform)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.jurisdiction.place_coordinates import CGCS2000, GCJ02, WGS84, convert, from_gcj, to_gcj

VECTORS = [  # WGS 84 → GCJ-02: Shanghai, Shenzhen, Beijing
    ((31.1774276, 121.5272106), (31.17530398364597, 121.531541859215)),
    ((22.543847, 113.912316), (22.540796131694766, 113.9171764808363)),
    ((39.911954, 116.377817), (39.91334545536069, 116.38404722455657)),
]


@pytest.mark.parametrize(("wgs", "gcj"), VECTORS)
def test_published_vectors(wgs: tuple[float, float], gcj: tuple[float, float]) -> None:
    assert to_gcj(*wgs) == pytest.approx(gcj, abs=2e-6)
    assert from_gcj(*gcj) == pytest.approx(wgs, abs=2e-6)
    assert convert(*gcj, GCJ02, CGCS2000) == convert(*gcj, GCJ02, WGS84)


@given(st.floats(18.5, 53), st.floats(74, 134))
def test_there_and_back(latitude: float, longitude: float) -> None:
    assert from_gcj(*to_gcj(latitude, longitude)) == pytest.approx((latitude, longitude), abs=1e-7)
    moved = to_gcj(latitude, longitude)
    assert abs(moved[0] - latitude) < 0.01
    assert abs(moved[1] - longitude) < 0.015


def test_outside_china_nothing_moves() -> None:
    assert convert(48.8566, 2.3522, WGS84, GCJ02) == (48.8566, 2.3522)
    assert convert(30.0, 110.0, WGS84, CGCS2000) == (30.0, 110.0)


@pytest.mark.parametrize(
    "bad", [(91.0, 0.0, WGS84, GCJ02), (float("nan"), 0.0, WGS84, GCJ02), (1.0, 1.0, "BD09", GCJ02)]
)
def test_what_is_no_point_is_refused(bad: tuple[float, float, str, str]) -> None:
    with pytest.raises(ValueError, match=r"coordinate|latitude"):
        convert(*bad)
