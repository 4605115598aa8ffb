"""Telephones, dates and barcodes of a page."""

import time

import numpy as np
import pytest
import zxingcpp

from transcription.scan.fields import barcodes, dates, phones, read_fields, s10_valid


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("联系电话：13900001234", ["13900001234"]),
        ("139000012342024年4月18日", ["13900001234"]),
        ("139 0000 1234，139-0000-1234", ["13900001234"]),
        ("+86 13900001234", ["13900001234"]),
        ("0478-5212345 或 010 66551234", ["0478-5212345", "010-66551234"]),
        ("04785212345", ["0478-5212345"]),
        ("400-820-8820", ["4008208820"]),
        ("身份证150821199001011234", []),
        ("139000012345", []),
        ("编号2024110412345678", []),
    ],
)
def test_phones(text: str, found: list[str]) -> None:
    assert phones(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2024年4月18日", ["2024-04-18"]),
        ("2024.4.18 和 2024-04-19", ["2024-04-18", "2024-04-19"]),
        ("二〇二四年七月二日", ["2024-07-02"]),
        ("二零二三年十二月三十一日", ["2023-12-31"]),
        ("二○二四年十月二十日", ["2024-10-20"]),
        ("一九九八年元月一日", ["1998-01-01"]),
        ("2024年2月30日 2023年13月1日", []),
        ("3.5亩 2024年", []),
    ],
)
def test_dates(text: str, found: list[str]) -> None:
    assert dates(text) == found


@pytest.mark.parametrize(
    ("number", "valid"),
    [("XA123456785CN", True), ("XA123456784CN", False), ("RR473124829CN", True), ("XA12345678CN", False), ("", False)],
)
def test_check_digit(number: str, *, valid: bool) -> None:
    """47312482 with check digit 9 is the worked example of the UPU's S10 standard: 200 modulo 11 = 2, 11 - 2 = 9."""
    assert s10_valid(number) is valid


def bars(text: str) -> np.ndarray:
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128)
    image = np.asarray(zxingcpp.write_barcode_to_image(code, scale=2))
    return np.pad(np.repeat(image[:1], 60, axis=0) if image.shape[0] < 60 else image, 120, constant_values=255)


def test_barcodes_as_they_lie() -> None:
    grey = bars("XA123456785CN").astype(np.uint8)
    assert barcodes(grey, 0) == ["XA123456785CN"]
    assert barcodes(np.full((300, 300), 255, np.uint8), 0) == []


def test_fields_of_an_envelope() -> None:
    page = "015000\n巴彦淖尔市自然资源局 收\n2024.04.16\nXA 123 456 785 CN"
    assert read_fields([page], []) == {
        "date": "2024-04-16",
        "barcode": "XA123456785CN",
        "barcode_check": "ok",
        "postcode": "015000",
        "postmark": "2024-04-16",
    }
    assert read_fields(["XA123456784CN"], []) == {}, "printed below the bars, but the check digit disagrees"
    assert read_fields([""], ["XA123456784CN"])["barcode_check"] == "bad"


@pytest.mark.parametrize("evil", ["1" * 200_000, "139 " * 50_000, "2024年" * 40_000, "A1" * 100_000, "二" * 200_000])
def test_evil_text_is_read_soon(evil: str) -> None:
    started = time.process_time()
    read_fields([evil], [])
    assert time.process_time() - started < 1.0
