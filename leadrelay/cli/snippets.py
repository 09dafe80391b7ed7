"""`leadrelay source snippet`: a form to paste into a page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from leadrelay.cli.common import WRONG_USAGE, errors, fail, load_settings
from leadrelay.cli.in_force import playbook_of
from leadrelay.clock import SystemClock
from mappings.snippets import Wanted, snippet
from model.errors import LeadRelayError

LOCAL = (
    "{source} takes posts of its own machine only. Before the form is on a page, write for example\n"
    "auth: {{kind: token, query: key, secret_env: LEADRELAY_SOURCE_{variable}_TOKEN}}"
)


def show_snippet(
    source: Annotated[str, typer.Argument(help="A source of the playbook, such as website.")],
    fields: Annotated[
        list[str] | None, typer.Option("--field", help="A lead field that the form asks for; again for more.")
    ] = None,
    activity: Annotated[str, typer.Option(help="What a post counts as; default: the first there is.")] = "",
    playbook: Annotated[Path | None, typer.Option(help="Its folder; default: the playbook in force.")] = None,
) -> None:
    """Print a form to paste into a page: fields, what tells of the visit, consent, traps for robots."""
    settings = load_settings()
    found = playbook_of(settings, playbook)
    if source not in found.sources:
        fail(f"The playbook has no source {source}; it has {', '.join(sorted(found.sources))}.", WRONG_USAGE)
    address = settings.public_url or "https://YOUR-ADDRESS"
    try:
        wanted = Wanted(fields or (), activity)
        typer.echo(snippet(found, found.sources[source], wanted, address, SystemClock().now()), nl=False)
    except LeadRelayError as error:
        fail(str(error))
    if found.sources[source].auth.kind == "none":
        text = LOCAL.format(source=source, variable=source.upper().replace("-", "_"))
        errors.print(text, style="yellow", markup=False)
