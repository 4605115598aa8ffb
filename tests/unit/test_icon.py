"""What is opened alone (a file, a part of a page) has the icon too: no 404 in the browser's console."""

from __future__ import annotations

from hub.app import create_app


def test_the_icon_is_where_browsers_ask_for_it() -> None:
    answer = create_app().test_client().get("/favicon.ico")
    assert answer.status_code == 200
    assert answer.mimetype == "image/svg+xml"
    assert answer.get_data().startswith(b"<svg")
    assert "max-age=86400" in answer.headers["Cache-Control"]
    answer.close()
