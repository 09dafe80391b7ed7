"""Whether the connected CRMs have the fields that a new playbook names, and how they come by them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from leadrelay.cli.common import console, counted, errors, fail, opened, say
from leadrelay.cli.golive import show_steps
from leadrelay.connections import Known
from leadrelay.settings import SPACE, Settings
from mappings.problems import Problem
from model.errors import LeadRelayError
from sync import register
from sync.budgets import MemoryBudget

if TYPE_CHECKING:
    from leadrelay.golive.opener import Opener
    from leadrelay.lacking import Lines

Texts = Mapping[str, bytes]


def fit(settings: Settings, texts: Texts, before: Texts, *, make: bool, quiet: bool) -> None:
    """See that the accounts have the fields of all new lines, or end the command; ``make`` makes them first.

    An account that is not connected or only observed is left out (`go-live` makes what the latter lacks); one
    that does not answer is left out, and that is said.
    """
    from leadrelay.golive.opener import Opener  # the vendors' clients load slowly
    from leadrelay.lacking import lacked, new_lines

    found, running = register.playbook_of(texts, 0), register.playbook_of(before, 0)
    new = {name: new_lines(crm, running.crms.get(name)) for name, crm in found.crms.items()}
    if not any(new.values()):
        return
    with opened(settings) as store, store.snapshot() as snapshot:
        known = Known.read(settings, snapshot, SPACE)
    problems: list[Problem] = []
    for name, lines in new.items():
        crm = found.crms[name]
        try:
            if lines and known.writes(crm) and known.reach(name, crm.kind).is_set_up:
                opener = Opener.of(known, crm, found, MemoryBudget(crm.limits, name=name))
                if make:
                    _make(opener, lines, quiet=quiet)
                problems += lacked(crm, lines, opener.inspector())
        except LeadRelayError as error:
            errors.print(f"{name} could not be asked for the fields of new lines: {error}", markup=False)
    for problem in problems:
        console.print(str(problem), markup=False)
    if problems:
        fail(f"{counted(len(problems), 'field')} missing in the CRMs; nothing was changed.")


def _make(opener: Opener, lines: Lines, *, quiet: bool) -> None:
    """Make what new lines name and the account lacks. Raises ``ConnectorError`` where it cannot be asked."""
    missing = [one for one in opener.survey().missing if (one.object, one.name) in lines]
    if not missing:
        return
    done = opener.make(missing)
    if not quiet:
        for one in done.made:
            say(f"made in {opener.crm.connection}: {one}")
    if done.problem:
        errors.print(done.problem, style="red", markup=False)
    wanted = {str(one) for one in missing}
    show_steps([one for one in done.unmade if one.field in wanted])
