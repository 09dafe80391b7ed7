"""Where alarms go: channels that the environment alone sets up; they need neither playbook nor store."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr

from connectors.channels import Channel
from connectors.mail import SECURITY, Mail, MailServer
from connectors.slack import SlackWebhook
from connectors.teams import Teams
from leadrelay.settings import Settings, SettingsError, is_address

SLACK, TEAMS = "LEADRELAY_ALERT_SLACK_WEBHOOK_URL", "LEADRELAY_ALERT_TEAMS_WEBHOOK_URL"
MAIL_TO = "LEADRELAY_ALERT_MAIL_TO"


def channels(settings: Settings) -> list[Channel]:
    """Return the channels that are set up; raises ``SettingsError`` with all that is wrong with them."""
    problems = list(problems_of(settings))
    if problems:
        raise SettingsError(problems)
    found: list[Channel] = []
    if url := settings.secret("LEADRELAY_ALERT_SLACK_WEBHOOK_URL"):
        found.append(SlackWebhook("alert-slack", url))
    if url := settings.secret("LEADRELAY_ALERT_TEAMS_WEBHOOK_URL"):
        found.append(Teams("alert-teams", url))
    if to := _recipients(settings):
        found.append(Mail("alert-mail", _server(settings), to))
    return found


def problems_of(settings: Settings) -> Iterator[str]:
    """Yield what is wrong with the variables; an address with a secret in it is not shown."""
    for name in (SLACK, TEAMS):
        url = settings.secret(name)
        if url and not is_address(url):
            yield f"{name}: an address such as https://HOST is needed"
    to = _recipients(settings)
    if not to:
        return
    for one in to:
        if "@" not in parseaddr(one)[1]:
            yield f"{MAIL_TO}: {one!r} is no address"
    environ = settings.environ
    for name in ("LEADRELAY_SMTP_HOST", "LEADRELAY_SMTP_FROM"):
        if not environ.get(name):
            yield f"{name}: missing, and {MAIL_TO} needs it"
    security = environ.get("LEADRELAY_SMTP_SECURITY") or "starttls"
    port = environ.get("LEADRELAY_SMTP_PORT")
    if security not in SECURITY:
        yield f"LEADRELAY_SMTP_SECURITY={security!r}: one of {', '.join(SECURITY)} is needed"
    if port and not (port.isascii() and port.isdigit() and 0 < int(port) < 65_536):
        yield f"LEADRELAY_SMTP_PORT={port!r}: a port is needed"


def _recipients(settings: Settings) -> tuple[str, ...]:
    return tuple(
        one.strip() for one in settings.environ.get("LEADRELAY_ALERT_MAIL_TO", "").split(",") if one.strip()
    )


def _server(settings: Settings) -> MailServer:
    environ = settings.environ
    security = environ.get("LEADRELAY_SMTP_SECURITY") or "starttls"
    return MailServer(
        environ.get("LEADRELAY_SMTP_HOST", ""),
        environ.get("LEADRELAY_SMTP_FROM", ""),
        int(environ.get("LEADRELAY_SMTP_PORT") or (465 if security == "tls" else 587)),
        settings.secret("LEADRELAY_SMTP_USER") or "",
        settings.secret("LEADRELAY_SMTP_PASSWORD") or "",
        security,
    )
