"""Coordinate systems of points on the map: WeChat gives GCJ-02, cadastral work CGCS2000, satellites WGS 84.

GCJ-02 is WGS 84 with an offset of up to some 700 m, published nowhere; the formula here is the one the field uses,
right to about a metre, and its inverse by iteration. CGCS2000 and WGS 84 differ by centimetres and are taken as one.
Outside China GCJ-02 is WGS 84.
"""

from __future__ import annotations

from math import cos, pi, sin, sqrt

WGS84, CGCS2000, GCJ02 = "WGS84", "CGCS2000", "GCJ02"
SYSTEMS = (CGCS2000, WGS84, GCJ02)
_AXIS, _ECCENTRICITY = 6378245.0, 0.00669342162296594323  # Krasovsky 1940
_CLOSE = 1e-9  # degrees: a tenth of a millimetre

Point = tuple[float, float]
"""Latitude and longitude in degrees."""


def outside(latitude: float, longitude: float) -> bool:
    """Whether a point lies outside the box in which GCJ-02 is shifted."""
    return not (0.8293 <= latitude <= 55.8271 and 72.004 <= longitude <= 137.8347)


def _offset(latitude: float, longitude: float) -> Point:
    x, y = longitude - 105.0, latitude - 35.0
    waves = (20.0 * sin(6.0 * x * pi) + 20.0 * sin(2.0 * x * pi)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * sqrt(abs(x)) + waves
    north += (20.0 * sin(y * pi) + 40.0 * sin(y / 3.0 * pi)) * 2.0 / 3.0
    north += (160.0 * sin(y / 12.0 * pi) + 320.0 * sin(y * pi / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * sqrt(abs(x)) + waves
    east += (20.0 * sin(x * pi) + 40.0 * sin(x / 3.0 * pi)) * 2.0 / 3.0
    east += (150.0 * sin(x / 12.0 * pi) + 300.0 * sin(x / 30.0 * pi)) * 2.0 / 3.0
    angle = latitude / 180.0 * pi
    magic = 1.0 - _ECCENTRICITY * sin(angle) ** 2
    root = sqrt(magic)
    return (
        north * 180.0 / (_AXIS * (1.0 - _ECCENTRICITY) / (magic * root) * pi),
        east * 180.0 / (_AXIS / root * cos(angle) * pi),
    )


def to_gcj(latitude: float, longitude: float) -> Point:
    """WGS 84 → GCJ-02."""
    if outside(latitude, longitude):
        return latitude, longitude
    north, east = _offset(latitude, longitude)
    return latitude + north, longitude + east


def from_gcj(latitude: float, longitude: float) -> Point:
    """GCJ-02 → WGS 84, to a tenth of a millimetre of the inverse."""
    if outside(latitude, longitude):
        return latitude, longitude
    north, east = latitude, longitude
    for _ in range(20):
        made = to_gcj(north, east)
        wrong = made[0] - latitude, made[1] - longitude
        north, east = north - wrong[0], east - wrong[1]
        if abs(wrong[0]) < _CLOSE and abs(wrong[1]) < _CLOSE:
            break
    return north, east


def convert(latitude: float, longitude: float, given: str, wanted: str) -> Point:
    """A point of one system in another. ValueError for an unknown system or a point that is none on Earth."""
    if given not in SYSTEMS or wanted not in SYSTEMS:
        raise ValueError("coordinate system is none of CGCS2000, WGS84, GCJ02")
    if not (-90.0 <= latitude <= 90.0 and -180.0 <= longitude <= 180.0):
        raise ValueError("not a latitude and longitude")
    if (given == GCJ02) == (wanted == GCJ02):
        return latitude, longitude
    return from_gcj(latitude, longitude) if given == GCJ02 else to_gcj(latitude, longitude)
