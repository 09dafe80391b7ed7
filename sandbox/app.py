"""The HTTP surface that every fake vendor shares: count the call, let its faults happen, answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Flask, Response, g, request
from waitress.channel import ClientDisconnected
from werkzeug.routing import RequestRedirect, Rule

from sandbox import control, packing, pages
from sandbox.vendor import Vendor, path_template

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

DROP = "sandbox.drop"  # set in the environ of a request whose connection is to close unanswered
CUT = "sandbox.cut"  # and of one whose answer is to break off half way


class LateRule(Rule):
    """A rule that learns to build addresses when it is first asked to.

    Compiling that takes most of the time in which an app with hundreds of endpoints is made, and the pages
    alone build addresses.
    """

    def _compile_builder(self, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        compile_now = super()._compile_builder
        made: list[Callable[..., tuple[str, str]]] = []

        def build_address(rule: Rule, **values: Any) -> tuple[str, str]:
            if not made:
                made.append(compile_now(append_unknown))
            return made[0](rule, **values)

        return build_address


def build(vendor: Vendor, api: Blueprint) -> Flask:
    """Make the app of a vendor: its own endpoints, the control endpoints, and the pages."""
    app = Flask("sandbox", root_path=str(Path(__file__).parent), static_folder=None)
    app.url_rule_class = LateRule
    app.extensions["sandbox"] = vendor
    app.url_map.strict_slashes = False
    app.url_map.merge_slashes = False
    app.before_request(partial(_open_call, vendor))
    app.after_request(partial(_close_call, vendor))
    app.register_blueprint(api)
    app.register_blueprint(control.blueprint(vendor, api.name))
    app.register_blueprint(pages.blueprint(vendor))
    app.wsgi_app = Dropping(packing.Unpacking(app.wsgi_app, vendor.takes_packed))  # type: ignore[method-assign]
    return app


def vendor_of(app: Flask) -> Vendor:
    """The vendor that an app stands for."""
    vendor: Vendor = app.extensions["sandbox"]
    return vendor


def answer(body: Any, status: int = 200) -> Response:
    """A JSON answer; faster than Flask's own, which sorts and indents."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, mimetype="application/json")


class Dropping:
    """Closes the connection of a request that was marked: before a byte is sent, or half way through.

    Waitress itself closes a connection whose answer ends before its Content-Length.
    """

    def __init__(self, app: WSGIApplication) -> None:
        self.app = app

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request, unless it was marked."""
        body = self.app(environ, start_response)
        if environ.get(CUT):
            whole = b"".join(body)
            return [whole[: len(whole) // 2]]
        if not environ.get(DROP):
            return body
        client_gone: Callable[[], bool] | None = environ.get("waitress.client_disconnected")
        if client_gone is None:  # Flask's test client: there is no connection
            raise ConnectionAbortedError("the sandbox dropped this call")
        # That callable is a method of waitress's channel, the one way from a request to its socket.
        client_gone.__self__.will_close = True  # type: ignore[attr-defined]
        raise ClientDisconnected


def _is_ours() -> bool:
    return request.path.startswith("/__sandbox") or request.blueprint == "pages"


def _open_call(vendor: Vendor) -> Response | None:
    if request.method != "GET" or not _is_ours():
        vendor.is_changed = True
    if _is_ours() or isinstance(request.routing_exception, RequestRedirect):
        return None
    rule = request.url_rule
    path = vendor.template(rule.rule, request.view_args or {}) if rule else path_template(request.path)
    call = vendor.begin_call(f"{request.method} {path}")
    vendor.stats.count_call(call.template)
    g.sandbox_plan = plan = vendor.faults.plan(call.template, call.path)
    if plan.latency_s:
        vendor.closed.wait(plan.latency_s)
    if plan.drop:
        return _drop()
    refusal = vendor.gate()
    if refusal is not None:
        return refusal
    if plan.status is not None:
        return vendor.failure(plan.status)
    return vendor.not_built() if rule is None else None


def _close_call(vendor: Vendor, response: Response) -> Response:
    plan = g.get("sandbox_plan")
    if plan is None:
        return response
    if plan.timeout_s is not None and not plan.drop:
        vendor.closed.wait(plan.timeout_s)
        response = _drop()
    if request.environ.get(DROP):
        vendor.stats.count_answer("dropped")
        return response
    vendor.dress(response)
    if response.status_code == 204:
        response.headers.pop("Content-Type", None)
    packing.pack(response, vendor.packs)
    if plan.cut:
        return _cut(vendor, response)
    vendor.stats.count_answer(str(response.status_code))
    return response


def _cut(vendor: Vendor, response: Response) -> Response:
    """Let the answer break off after half its body; one without a body is not sent at all."""
    vendor.stats.count_answer("dropped")
    if not response.calculate_content_length():
        return _drop()
    request.environ[CUT] = True
    return response


def _drop() -> Response:
    request.environ[DROP] = True
    return Response(status=500)
