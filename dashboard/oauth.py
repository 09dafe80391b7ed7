"""The way to a vendor's page and back: Connect, the callback, and Disconnect."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import structlog
from flask import abort, g, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from dashboard.doors import is_local
from dashboard.grants import Beginning, NotConnected
from dashboard.house import House
from model.errors import LeadRelayError

log = structlog.get_logger("leadrelay.oauth")

Refuse = Callable[[str, str, int], ResponseReturnValue]  # shows a connection's page, with a text and a status


class OAuthPages:
    """Where a person leaves for the vendor's page and where they come back to."""

    def __init__(self, house: House, refuse: Refuse) -> None:
        self.house, self.refuse = house, refuse

    def start(self, name: str) -> ResponseReturnValue:
        """Send a person to the vendor's page.

        By a page of ours, not by a redirect: a browser that obeys ``form-action 'self'`` follows no
        form elsewhere.
        """
        self._check(name)
        try:
            asked = Beginning(
                name=name,
                host=request.form.get("host", ""),
                domain=request.form.get("domain", "")[:200],
                session=g.token,
                home=self._home(),
                by=g.who,
            )
            to = self.house.grants.begin(asked)
        except LeadRelayError as error:
            return self.refuse(name, str(error), 409)
        log.info("oauth.begun", connection=name)
        vendor = self.house.grants.look(name).vendor
        host = urlsplit(to).netloc
        return render_template("dashboard/leaving.html", to=to, name=name, vendor=vendor, host=host)

    def callback(self, kind: str) -> ResponseReturnValue:
        """Take the answer that a person brings back; what came in the address is written down nowhere."""
        if kind not in {crm.kind for crm in self.house.playbook().crms.values()}:
            abort(404)
        try:
            name = self.house.grants.finish(kind, g.token, request.args.to_dict())
        except NotConnected as error:
            log.warning("oauth.not_connected", kind=kind, connection=error.name or None)
            page = render_template(
                "dashboard/not_connected.html", wrong=error.message, fix=error.fix, name=error.name
            )
            return page, 409
        except LeadRelayError as error:
            page = render_template("dashboard/not_connected.html", wrong=str(error), fix="", name="")
            return page, 409
        log.info("oauth.connected", connection=name)
        return redirect(url_for("pages.connection", name=name, said="connected"), 303)

    def disconnect(self, name: str) -> ResponseReturnValue:
        """Forget an account; the page says what the vendor was told."""
        self._check(name)
        try:
            told = self.house.grants.disconnect(name, g.who)
        except LeadRelayError as error:
            return self.refuse(name, str(error), 409)
        return self.refuse(name, told, 200)

    def _home(self) -> str:
        """Return the address of these pages as the vendor is to lead back to it."""
        public = self.house.public_url
        if not public:
            if is_local(request):
                return request.host_url.rstrip("/")
            raise LeadRelayError(
                "LEADRELAY_PUBLIC_URL is not set, so the vendor could not lead you back here. Set it to the "
                "address of these pages, such as https://leads.example.com, and restart the daemon"
            )
        origin = request.headers.get("Origin")
        if origin and urlsplit(origin).netloc != urlsplit(public).netloc:
            raise LeadRelayError(
                f"The vendor leads back to {public}, where this browser is not signed in: open the pages "
                "there, and connect from there"
            )
        return public

    def _check(self, name: str) -> None:
        if name not in self.house.playbook().crms:
            abort(404)
