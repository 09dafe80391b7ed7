"""The command that tries the channels of alarms."""

from __future__ import annotations

import socket
import uuid

import typer

from leadrelay.cli.common import fail, load_settings, say

app = typer.Typer(help="Alarms: what goes wrong is told by Slack, Teams or mail.", no_args_is_help=True)


@app.callback()
def alerts() -> None:
    """Say what goes wrong by Slack, Teams or mail."""


@app.command()
def test() -> None:
    """Send a message to every channel of alarms and say what became of it."""
    from connectors.channels import Sent  # the channels load slowly
    from leadrelay.alerts.channels import channels
    from model.message import Message

    found = channels(load_settings())
    if not found:
        fail(
            "No channel of alarms is set up. Set LEADRELAY_ALERT_SLACK_WEBHOOK_URL, "
            "LEADRELAY_ALERT_TEAMS_WEBHOOK_URL or LEADRELAY_ALERT_MAIL_TO."
        )
    title = f"leadrelay on {socket.gethostname()}: a test, nothing is wrong"
    failed = 0
    for channel in found:
        outcome = channel.send(Message.of_text(f"alert-test-{uuid.uuid4().hex}", title))
        if isinstance(outcome, Sent):
            say(f"{channel.name}: sent")
        else:
            failed += 1
            say(f"{channel.name}: {type(outcome).__name__.lower()}: {outcome.reason}", style="red")
    if failed:
        raise typer.Exit(1)
