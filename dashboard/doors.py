"""Who is let in to the pages: sign-in, sessions, a check of every form, and the headers of every answer.

A browser holds one random token in a cookie. The store knows its hash once somebody has
signed in, so a session ends when it is ended; forms carry a keyed hash of it, which no
other site can make.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets
import threading
from functools import partial
from urllib.parse import SplitResult, urlsplit

import structlog
from flask import Blueprint, Request, Response, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.security import check_password_hash, generate_password_hash

from dashboard.house import House
from dashboard.throttle import Throttle
from model.errors import Refused, StoreBusy
from sync import access

log = structlog.get_logger("leadrelay.doors")

COOKIE = "leadrelay"
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
LOOPBACK_HOSTS = ("127.0.0.1", "localhost", "::1")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-Ip", "Via")
SANDBOX = "(sandbox)"  # who acts where nobody signs in; no user can be called so
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
YEAR_SECONDS = 31_536_000
LARGEST_FORM = 65_536  # bytes
WITHOUT_SIGN_IN = ("pages.sign_in", "pages.static")
OF_EVERYBODY = ("pages.sign_in", "pages.sign_out", "pages.account")  # forms that any role may send
WITHOUT_RETURN = ("pages.oauth_callback",)  # a code in its address is good once, and must not wander on

_hashing = threading.Semaphore(2)  # a guess costs 32 MB and a twentieth of a second: never all threads at it
_nobodys = generate_password_hash(secrets.token_hex())  # so that an unknown name takes as long as a known one


class Doors:
    """The checks before and after every page."""

    def __init__(self, house: House, routes: Blueprint) -> None:
        self.house, self.throttle = house, Throttle()
        routes.before_request(self.let_in)
        routes.after_request(self.close)
        routes.add_url_rule("/sign-in", view_func=self.sign_in, methods=["GET", "POST"])
        routes.add_url_rule("/sign-out", view_func=self.sign_out, methods=["POST"])
        routes.add_url_rule("/account", view_func=self.account, methods=["GET", "POST"])

    def let_in(self) -> ResponseReturnValue | None:
        """Find out who asks; send them to the sign-in, or refuse a form that is not ours."""
        request.max_content_length = LARGEST_FORM
        if request.endpoint == "pages.static":
            return None
        given = request.cookies.get(COOKIE, "")
        g.is_new = not TOKEN.fullmatch(given)
        g.token = secrets.token_urlsafe(32) if g.is_new else given
        g.csrf = csrf_of(g.token)
        g.who, g.role = self._who()
        if request.method == "POST":
            check_form(request, g.csrf, urlsplit(self.house.public_url).netloc)
            if g.role == access.VIEWER and request.endpoint not in OF_EVERYBODY:
                fix = "Your role is viewer. Who runs leadrelay changes it: leadrelay user role NAME operator."
                raise Refused(403, "role", "You may look, and change nothing", fix)
        if g.who or request.endpoint in WITHOUT_SIGN_IN:
            return None
        returns = request.method == "GET" and request.endpoint not in WITHOUT_RETURN
        to = url_for("pages.sign_in", next=request.full_path.rstrip("?") if returns else None)
        if "HX-Request" in request.headers:  # a page that refreshes itself: the whole of it goes there
            return Response(status=401, headers={"HX-Redirect": url_for("pages.sign_in")})
        return redirect(to, 303)

    def _who(self) -> tuple[str | None, str]:
        """Return who asks, if anybody is known, and in which role."""
        if self.house.is_open and is_local(request):
            return SANDBOX, access.ADMIN
        if g.is_new:
            return None, ""
        now = self.house.clock.now()
        with self.house.reading() as snapshot:
            found = access.session(snapshot, g.token, now)
        if found is None:
            return None, ""
        by_hand = "HX-Request" not in request.headers  # a page left open does not keep anybody signed in
        if by_hand and now - found.seen_at >= access.TOUCH_EVERY:
            with contextlib.suppress(StoreBusy):  # a full disk is when people need the pages most
                self.house.store.write(partial(access.touch_session, token=g.token, now=now))
        return found.user, found.role

    def close(self, answer: Response) -> Response:
        """Put what keeps a page to itself on every answer, and the cookie on a new browser's."""
        for name, value in HEADERS.items():
            answer.headers[name] = value
        if self._is_https():
            answer.headers["Strict-Transport-Security"] = f"max-age={YEAR_SECONDS}"
        if request.endpoint != "pages.static":
            answer.headers["Cache-Control"] = "no-store"
            if g.get("is_new"):
                answer.set_cookie(
                    COOKIE, g.token, httponly=True, samesite="Lax", secure=self._is_https(), path="/"
                )
        return answer

    def _is_https(self) -> bool:
        told = request.headers.get("X-Forwarded-Proto", "")  # whoever makes it up harms only their own cookie
        return request.is_secure or told == "https" or self.house.public_url.startswith("https:")

    def sign_in(self) -> ResponseReturnValue:
        """Ask for name and password, and begin a session with a token of its own."""
        to = own_path(request.values.get("next", ""))
        if g.who:
            return redirect(to, 303)
        with self.house.reading() as snapshot:
            nobody = not access.roles(snapshot)
        if request.method != "POST":
            return render_template("dashboard/sign_in.html", next=to, nobody=nobody)
        name, password = request.form.get("name", "").strip(), request.form.get("password", "")
        now, address = self.house.clock.now(), request.remote_addr or ""
        if wait := self.throttle.wait(name, address, now):
            minutes = max(1, round(wait.total_seconds() / 60))
            text = f"Too many failed tries. Try again in {minutes} min."
            page = render_template("dashboard/sign_in.html", next=to, nobody=nobody, wrong=text, name=name)
            return page, 429, {"Retry-After": str(int(wait.total_seconds()) + 1)}
        if not self._is_right(name, password):
            self.throttle.failed(name, address, now)
            log.warning("doors.refused", address=address)
            text = "Name or password is wrong."
            page = render_template("dashboard/sign_in.html", next=to, nobody=nobody, wrong=text, name=name)
            return page, 401
        self.throttle.succeeded(name, address)
        self._begin(name)
        log.info("doors.signed_in", address=address)
        return redirect(to, 303)

    def _begin(self, name: str) -> None:
        g.token, g.is_new = secrets.token_urlsafe(32), True  # none that anybody may have planted before
        now = self.house.clock.now()
        self.house.store.write(partial(access.begin_session, name=name, token=g.token, now=now))

    def _is_right(self, name: str, password: str) -> bool:
        with self.house.reading() as snapshot:
            known = access.password_of(snapshot, name) if access.NAME.fullmatch(name) else None
        with _hashing:
            matches = check_password_hash(known or _nobodys, password[: access.LONGEST_PASSWORD])
        return matches and known is not None

    def sign_out(self) -> ResponseReturnValue:
        """End the session."""
        self.house.store.write(partial(access.end_session, token=g.token))
        g.token, g.is_new = secrets.token_urlsafe(32), True
        return redirect(url_for("pages.sign_in"), 303)

    def account(self) -> ResponseReturnValue:
        """Change one's own password; every other session ends."""
        if g.who == SANDBOX:
            raise Refused(
                404, "not_found", "Nobody signs in to a sandbox run", "There is no password to change."
            )
        if request.method != "POST":
            return render_template("dashboard/account.html")
        old, new = request.form.get("old", ""), request.form.get("new", "")
        now, address = self.house.clock.now(), request.remote_addr or ""
        wrong, status = None, 422
        if self.throttle.wait(g.who, address, now):
            wrong, status = "Too many failed tries. Try again in a quarter of an hour.", 429
        elif not self._is_right(g.who, old):
            self.throttle.failed(g.who, address, now)
            wrong = "The present password is wrong."
        elif new != request.form.get("again", ""):
            wrong = "The new password was not typed the same way twice."
        else:
            wrong = access.weakness(new)
        if wrong:
            return render_template("dashboard/account.html", wrong=wrong), status
        with _hashing:
            made = generate_password_hash(new)
        self.house.store.write(partial(access.set_password, name=g.who, password=made, now=now))
        self._begin(g.who)
        return redirect(url_for("pages.overview", said="password"), 303)


def csrf_of(token: str) -> str:
    """Return what forms carry to prove that they are ours."""
    return hmac.new(token.encode(), b"leadrelay form", hashlib.sha256).hexdigest()


def check_form(asked: Request, expected: str, public_host: str = "") -> None:
    """Return if a form is one of ours; raise ``Refused`` otherwise."""
    origin = asked.headers.get("Origin")
    elsewhere = asked.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
    if origin is not None and _split(origin).netloc not in {asked.host, public_host} - {""}:
        elsewhere = True
    if elsewhere or not hmac.compare_digest(asked.form.get("csrf", "").encode(), expected.encode()):
        fix = "Go back, load the page again and send the form once more."
        raise Refused(403, "form", "This form is not from a page of this session", fix)


def is_local(asked: Request) -> bool:
    """Say whether the browser runs on this machine and meant it: no proxy, no other site's name for us."""
    peer = (asked.remote_addr or "").removeprefix("::ffff:")
    if not (peer.startswith("127.") or peer == "::1") or any(name in asked.headers for name in FORWARDED):
        return False
    return _split(f"//{asked.host}").hostname in LOOPBACK_HOSTS


def _split(address: str) -> SplitResult:
    """Take an address apart; what is none has no parts."""
    try:
        return urlsplit(address)
    except ValueError:  # "//[": half of an IPv6 address
        return urlsplit("")


def own_path(path: str) -> str:
    """Return a path of this site; the first page for anything else."""
    parts = _split(path)
    is_own = (
        path.startswith("/") and not path.startswith(("//", "/\\")) and not (parts.scheme or parts.netloc)
    )
    return path if is_own and "\\" not in path and path.isprintable() else "/"
