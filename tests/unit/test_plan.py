"""A plan: true directions and distances, marks that can be told apart, labels that can be read."""

from __future__ import annotations

from itertools import combinations
from math import hypot

import pytest

from hub.jurisdiction.centres import centre
from hub.jurisdiction.divisions import table
from hub.supervision import plan
from hub.supervision.plan import Mark
from hub.web.maps import counted, seats, size_of


def at(drawn, key):
    return next(spot for spot in drawn.spots if spot.mark.key == key)


def test_directions_and_distances_are_true():
    drawn = plan.draw([Mark(28.0, 112.0, key="a"), Mark(29.0, 112.0, key="north"), Mark(28.0, 113.0, key="east")])
    a, north, east = at(drawn, "a"), at(drawn, "north"), at(drawn, "east")
    assert north.y < a.y
    assert north.x == a.x
    assert east.x > a.x
    assert east.y == a.y
    up, right = (a.y - north.y) * plan.HIGH, (east.x - a.x) * plan.WIDE
    assert right / up == pytest.approx(0.880, abs=0.005)  # cos of 28.5°: a degree of longitude is that much shorter
    assert all(0 <= spot.x <= 100 and 0 <= spot.y <= 100 for spot in drawn.spots)


def test_the_scale_is_the_distance_it_names():
    drawn = plan.draw([Mark(28.0, 112.0, key="a"), Mark(29.0, 112.0, key="b")])
    apart = abs(at(drawn, "a").y - at(drawn, "b").y) * plan.HIGH / plan.WIDE  # in hundredths of the width
    assert apart / drawn.scale * drawn.kilometres == pytest.approx(plan.KILOMETRES, rel=0.01)
    assert drawn.kilometres in (20, 50)
    assert drawn.distance.endswith("公里")


def test_one_point_stands_in_the_middle_and_none_is_no_picture():
    alone = plan.draw([Mark(28.0, 112.0)])
    assert (alone.spots[0].x, alone.spots[0].y) == (50, 50)
    assert alone.distance.endswith("米")
    assert plan.draw([]).empty


def test_marks_with_numbers_do_not_hide_one_another():
    marks = [Mark(28.0, 112.0, key="far", size=3), Mark(29.0, 113.0, key="other", size=3)]
    marks += [Mark(28.5, 112.5 + at / 1000, key=str(at), size=15, number="1") for at in range(4)]
    drawn = plan.draw(marks)
    held = [spot for spot in drawn.spots if spot.mark.number]
    for one, two in combinations(held, 2):
        x, y = (one.x - two.x) * plan.MIDDLE[0] / 100, (one.y - two.y) * plan.MIDDLE[1] / 100
        assert hypot(x, y) > 25  # of 30


def test_labels_never_lie_over_one_another():
    for size, words in ((plan.DESK, ("always", "desk")), (plan.PHONE, ("always",))):
        drawn = plan.draw(seats("430000"))
        boxes = [plan._label(spot, size, up=spot.up) for spot in drawn.spots if spot.words in words]
        assert len(boxes) >= 5
        assert not any(plan._over(one, two) for one, two in combinations(boxes, 2))


def test_what_lies_far_away_does_not_shrink_the_picture():
    frame = seats("430900")
    far, close = Mark(25.9, 100.6, key="far"), Mark(28.5, 112.1, key="close")
    assert plan.near([far, close], frame) == [close]
    assert plan.near([far, close], []) == [far, close]


def test_seats_are_known_where_pictures_need_them():
    assert centre("430922") == centre("430922104")  # a town stands at its county's seat
    north, east = centre("430922") or (0, 0)
    assert 28 < north < 29
    assert 111.5 < east < 112.5
    missing = [row.code for row in table() if row.level != "town" and centre(row.code) is None]
    assert len(missing) < 40
    assert len(seats("430922")) >= 6  # of a county: its neighbours in the city
    assert len(seats("")) >= 31


def test_a_mark_is_as_large_as_its_number():
    made = {one.key: one for one in counted({"430922": 40, "430921": 10, "": 3}, seats("430900"))}
    assert made["430922"].size == pytest.approx(2 * made["430921"].size)
    assert made["430922"].number == "40"
    assert len(made) == 3
    assert size_of(1, 10_000) > size_of(0, 10_000)
