"""Hands in a person's word on what waits for one, for the commands that take it."""

from __future__ import annotations

from collections.abc import Mapping

from leadrelay.cli.common import FOUND_PROBLEMS, console, fail, print_json
from leadrelay.control import hand_in
from leadrelay.settings import Settings
from model.errors import LeadRelayError
from model.event import Event, JsonValue


def send(settings: Settings, *events: Event, said: Mapping[str, JsonValue], text: str, as_json: bool) -> None:
    """Put words on their way, and say so: ``said`` to a program, ``text`` to people; ends where it cannot."""
    try:
        hand_in(settings.database_url, list(events))
    except LeadRelayError as error:
        fail(str(error), FOUND_PROBLEMS)
    if as_json:
        print_json(said)
    else:
        console.print(text, markup=False)
