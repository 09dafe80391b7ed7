"""Channels of the playbook with the addresses and secrets that the environment gives them."""

from __future__ import annotations

from dataclasses import dataclass

from connectors.channels import Channel, Promise
from connectors.mail import Mail, MailServer
from connectors.slack import SlackBot, SlackWebhook
from connectors.teams import Teams
from leadrelay import mailing
from leadrelay.settings import Settings, is_address, prefix_of
from mappings.playbook import ChannelRule

SLACK_URL = "https://slack.com"


@dataclass(frozen=True, slots=True)
class Missing:
    """A channel that cannot be used: why, and which variables were looked for."""

    reason: str
    looked_for: tuple[str, ...]


def build(rule: ChannelRule, settings: Settings) -> Channel | Missing:
    """Return the channel, or what it lacks. Nothing is called."""
    if rule.kind == "mail":
        server = _server(settings)
        if isinstance(server, Missing):
            return server
        return Mail(rule.name, server, rule.to, Promise(rule.promise))
    return _by_address(rule, settings)


def _server(settings: Settings) -> MailServer | Missing:
    if lacking := mailing.lacking(settings.environ):
        return Missing(f"{' and '.join(lacking)} not set", lacking)
    for variable, problem in mailing.problems_of(settings):
        return Missing(problem, (variable,))
    return mailing.mail_server(settings)


def _by_address(rule: ChannelRule, settings: Settings) -> Channel | Missing:
    """Return a Slack or Teams channel: a webhook's address, or for Slack a token and where it posts."""
    prefix = prefix_of(rule.name)
    webhook, token = settings.secret(f"{prefix}_WEBHOOK_URL"), settings.secret(f"{prefix}_TOKEN")
    promise = Promise(rule.promise)
    if webhook and not is_address(webhook):
        return Missing(f"{prefix}_WEBHOOK_URL is not an address", (f"{prefix}_WEBHOOK_URL",))
    if webhook and rule.kind == "teams":
        return Teams(rule.name, webhook, promise)
    if webhook:
        return SlackWebhook(rule.name, webhook, promise)
    if token and rule.kind == "slack":
        if not rule.channel:
            return Missing(
                f'{prefix}_TOKEN needs `channel: "#…"` at {rule.place}', (f"{prefix}_WEBHOOK_URL",)
            )
        base_url = (settings.environ.get(f"{prefix}_BASE_URL") or SLACK_URL).rstrip("/")
        return SlackBot(rule.name, token, rule.channel, base_url, promise)
    looked = [f"{prefix}_WEBHOOK_URL", f"{prefix}_WEBHOOK_URL_FILE"]
    if rule.kind == "slack":
        looked += [f"{prefix}_TOKEN", f"{prefix}_TOKEN_FILE"]
    ways = f"{looked[0]} or {looked[2]}" if rule.kind == "slack" else looked[0]
    return Missing(f"{ways} not set", tuple(looked))
