"""The composition root of the web side: `create_app()` builds what wsgi.py and `hub up` serve."""

from __future__ import annotations

from typing import Any

import structlog
from flask import Flask, Response, g, jsonify, render_template, request
from sqlalchemy.exc import OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.routing import IntegerConverter, Map

from channels.registry import channels
from hub import clock
from hub.access.keyring import KeysAwayError
from hub.logs import configure
from hub.ports import HubPorts
from hub.settings import settings
from hub.web import auth, ops, problems, security, tongues

log = structlog.get_logger("hub.web")

HTTP_MESSAGES = {
    400: "请求无法理解，请检查后重试",
    401: "请先登录",
    403: "没有权限",
    404: "没有找到",
    405: "不支持的操作",
    413: "内容超过大小上限",
    422: "内容有误",
    429: "操作过于频繁，请稍后再试",
    500: "系统出错，内容未丢失，请稍后重试",
    503: "系统暂时不可用，请稍后重试",
}
KEYS_AWAY = "保管密钥的进程暂时没有应答，内容没有丢失，请稍后重试"


def create_app() -> Flask:
    """The Flask application: screens, API, provider hooks, health."""
    configure()
    options = settings()
    clock.follow(options.clock_file)
    app = Flask("hub", template_folder="web/templates", static_folder="web/static", root_path=_root())
    app.config.update(
        MAX_CONTENT_LENGTH=options.max_upload,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        MAX_FORM_PARTS=2000,
        SEND_FILE_MAX_AGE_DEFAULT=86400,
        JSON_AS_ASCII=False,
    )
    app.url_map.converters["int"] = RowNumber
    app.jinja_environment = tongues.Environment
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    if options.behind_proxy:
        n = options.behind_proxy
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=n, x_proto=n, x_host=n)  # type: ignore[method-assign]  # documented use
    security.install(app)
    tongues.install(app)
    app.register_blueprint(auth.bp)
    app.register_blueprint(ops.bp)
    _console(app)
    _hooks(app)
    _errors(app)
    return app


class RowNumber(IntegerConverter):
    """A whole number in an address: one that no row of the database can have is no address of ours (404)."""

    def __init__(self, url_map: Map) -> None:
        super().__init__(url_map, max=2**63 - 1)


def _log_error(exc_info: Any) -> None:
    log.error("request_failed", endpoint=request.endpoint, method=request.method, exc_info=exc_info[1])


def _root() -> str:
    from pathlib import Path  # noqa: PLC0415

    return str(Path(__file__).parent)


def _console(app: Flask) -> None:
    from hub.web import blueprints  # noqa: PLC0415

    for blueprint in blueprints():
        app.register_blueprint(blueprint)


def _hooks(app: Flask) -> None:
    """Provider webhooks: the channels' own blueprints below /hooks/<channel>/."""
    ports = HubPorts()
    for channel in channels().values():
        if channel.blueprint is not None:
            app.register_blueprint(channel.blueprint(ports), url_prefix=f"/hooks/{channel.code}")


def _errors(app: Flask) -> None:
    app.log_exception = _log_error  # type: ignore[method-assign]  # the default writes messages that may quote content

    def wants_json() -> bool:
        return request.path.startswith(("/api/", "/hooks/")) or request.accept_mimetypes.best == "application/json"

    @app.errorhandler(HTTPException)
    def _http(error: HTTPException) -> Response | tuple[str | Response, int]:
        if error.response is not None:
            return error.response  # type: ignore[return-value]  # a ready-made answer of a hook
        code = error.code or 500
        g.failing = code >= 500  # the page asks nothing more of what has just failed
        own = str(error.description or "")
        message = own if any("一" <= c <= "鿿" for c in own) else HTTP_MESSAGES.get(code, HTTP_MESSAGES[400])
        if request.path.startswith("/api/"):
            return problems.http(error, message)
        if wants_json():
            return jsonify(error=message, retry=code >= 500 or code == 429), code
        return render_template("error.html", code=code, message=message), code

    @app.errorhandler(KeysAwayError)
    @app.errorhandler(OperationalError)
    def _away(error: Exception) -> tuple[str | Response, int]:
        message, g.failing = KEYS_AWAY if isinstance(error, KeysAwayError) else HTTP_MESSAGES[503], True
        if request.path.startswith("/api/"):
            return problems.answer(503, message, retry=True), 503
        if wants_json():
            return jsonify(error=message, retry=True), 503
        return render_template("error.html", code=503, message=message), 503
