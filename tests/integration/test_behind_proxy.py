"""How many proxies are trusted a setting says: without it no X-Forwarded-For counts, with it only so many."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask import request

from hub.app import create_app
from hub.settings import settings

FORGED = "203.0.113.7, 198.51.100.9"


@pytest.mark.parametrize(
    ("proxies", "address", "scheme", "host"),
    [("0", "127.0.0.1", "http", "localhost"), ("1", "198.51.100.9", "https", "hub.example.cn"),
     ("2", "203.0.113.7", "https", "hub.example.cn")],
)  # fmt: skip
def test_only_so_many_proxies_are_believed(
    hub: Path, monkeypatch: pytest.MonkeyPatch, proxies: str, address: str, scheme: str, host: str
) -> None:
    monkeypatch.setenv("HUB_BEHIND_PROXY", proxies)
    settings.cache_clear()
    app = create_app()
    app.view_functions["ops.healthz"] = lambda: f"{request.remote_addr} {request.scheme} {request.host}"
    told = {"X-Forwarded-For": FORGED, "X-Forwarded-Proto": "https, https", "X-Forwarded-Host": f"{host}, {host}"}
    assert app.test_client().get("/healthz", headers=told).text == f"{address} {scheme} {host}"
    settings.cache_clear()
