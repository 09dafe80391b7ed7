"""Where alarms go: channels that the environment alone sets up; they need neither playbook nor store."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr

from connectors.channels import Channel
from connectors.mail import Mail
from connectors.slack import SlackWebhook
from connectors.teams import Teams
from leadrelay import mailing
from leadrelay.settings import Settings, SettingsError, is_address

SLACK, TEAMS = "LEADRELAY_ALERT_SLACK_WEBHOOK_URL", "LEADRELAY_ALERT_TEAMS_WEBHOOK_URL"
MAIL_TO = "LEADRELAY_ALERT_MAIL_TO"


def channels(settings: Settings) -> list[Channel]:
    """Return the channels that are set up; raises ``SettingsError`` with all that is wrong with them."""
    problems = list(problems_of(settings))
    if problems:
        raise SettingsError(problems)
    found: list[Channel] = []
    if url := settings.secret(SLACK):
        found.append(SlackWebhook("alert-slack", url))
    if url := settings.secret(TEAMS):
        found.append(Teams("alert-teams", url))
    if to := _recipients(settings):
        found.append(Mail("alert-mail", mailing.mail_server(settings), to))
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
        address = parseaddr(one)[1]
        if "@" not in address:
            yield f"{MAIL_TO}: {one!r} is no address"
        elif not address.isascii():
            yield f"{MAIL_TO}: {one!r}: {mailing.ASCII}; write a domain as xn--…"
    for name in mailing.lacking(settings.environ):
        yield f"{name}: missing, and {MAIL_TO} needs it"
    for _variable, problem in mailing.problems_of(settings):
        yield problem


def _recipients(settings: Settings) -> tuple[str, ...]:
    return tuple(one.strip() for one in settings.environ.get(MAIL_TO, "").split(",") if one.strip())
