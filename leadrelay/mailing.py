"""The one mail server of all mail channels and alarms, as the environment's ``LEADRELAY_SMTP_*`` name it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from email.utils import parseaddr

from connectors.mail import SECURITY, MailServer
from leadrelay.settings import Settings
from sync.links_of_consent import ConsentLinks

HOST, SENDER = "LEADRELAY_SMTP_HOST", "LEADRELAY_SMTP_FROM"
USER, PASSWORD = "LEADRELAY_SMTP_USER", "LEADRELAY_SMTP_PASSWORD"
ASCII = "only ASCII can be sent to a mail server"
PORT, SECURE = "LEADRELAY_SMTP_PORT", "LEADRELAY_SMTP_SECURITY"


def consent_links(settings: Settings) -> ConsentLinks | None:
    """Return what makes the links by which people confirm; ``None`` without a public address or a key.

    A sandbox run, which nobody reaches from outside, takes its own address.
    """
    vault = settings.vault()
    here = f"http://{settings.host}:{settings.port}" if settings.is_sandbox else ""
    address = settings.public_url or here
    return ConsentLinks(address, vault) if address and vault.has_key else None


def lacking(environ: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables without which there is no mail server."""
    return tuple(name for name in (HOST, SENDER) if not environ.get(name))


def problems_of(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the variables that cannot be used, each with its reason; no secret is shown."""
    environ = settings.environ
    security, port, sender = environ.get(SECURE), environ.get(PORT), environ.get(SENDER)
    if security and security not in SECURITY:
        yield SECURE, f"{SECURE}={security!r}: one of {', '.join(SECURITY)} is needed"
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        yield PORT, f"{PORT}={port!r}: a port is needed"
    address = parseaddr(sender or "")[1]
    if sender and "@" not in address:
        yield SENDER, f"{SENDER}={sender!r}: an address is needed"
    elif not address.isascii():
        yield SENDER, f"{SENDER}={sender!r}: {ASCII}; write a domain as xn--…"
    for name in (USER, PASSWORD):
        if not (settings.secret(name) or "").isascii():
            yield name, f"{name}: {ASCII}"


def mail_server(settings: Settings) -> MailServer:
    """Return the server; only where nothing is lacking and there are no problems."""
    environ = settings.environ
    security = environ.get(SECURE) or "starttls"
    return MailServer(
        environ[HOST],
        environ[SENDER],
        int(environ.get(PORT) or (465 if security == "tls" else 587)),
        settings.secret(USER) or "",
        settings.secret(PASSWORD) or "",
        security,
    )
