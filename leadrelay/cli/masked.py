"""`--masked`: what commands print for somebody else, with personal data as privacy.yaml says for exports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import typer
from sqlalchemy.engine import Connection

from leadrelay.cli.common import fail
from leadrelay.cli.in_force import playbook_in_force
from leadrelay.settings import Settings
from mappings.playbook.privacy import EXPORTS
from sync import leads
from sync.sight import Sight

Masked = Annotated[
    bool, typer.Option("--masked", help="Personal data as privacy.yaml says for exports; to be handed on.")
]


def sight_of(settings: Settings, *, masked: bool) -> Sight | None:
    """Return what may be seen of people; ``None``: all, as on the operator's own machine.

    Ends the command where nothing would be masked: who asks for it would hand on plain data.
    """
    if not masked:
        return None
    sight = Sight(playbook_in_force(settings, "What is masked is not known."), EXPORTS)
    if not sight:
        fail("The playbook in force masks nothing in exports: write privacy.yaml. Nothing is shown.")
    return sight


def names_of(snapshot: Connection, lead_ids: Iterable[str], sight: Sight | None) -> dict[str, str]:
    """Return by what people know each of these leads: names and e-mail, as far as they may be seen."""
    found = {}
    for one, lead in leads.load(snapshot, lead_ids, ledgers=False).items():
        seen = sight.lead(lead) if sight else lead
        names = " ".join(str(seen.get(part)) for part in ("first_name", "last_name") if seen.get(part))
        address = str(seen.get("email") or seen.get("phone") or "")
        found[one] = f"{names} <{address}>" if names and address else names or address or one
    return found
