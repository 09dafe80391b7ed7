"""What a playbook asks of the environment and nobody has set, with what follows from it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from leadrelay import asking
from leadrelay.channels import Missing, build
from leadrelay.settings import Settings
from mappings.playbook import Playbook, Source


@dataclass(frozen=True, slots=True)
class Unset:
    """Something of the playbook that does not work until variables are set and leadrelay is started anew."""

    what: str  # "the source website"
    follows: str
    looked_for: tuple[str, ...]  # variables

    @property
    def fact(self) -> str:
        """Return the sentence of it."""
        return f"{self.what}: {self.follows}"

    @property
    def fix(self) -> str:
        """Return what to do about it."""
        return f"Set {' or '.join(self.looked_for)}, and start leadrelay again."


def unsigned(settings: Settings, playbook: Playbook) -> Iterator[Source]:
    """Yield the sources whose secret is not set."""
    for source in playbook.sources.values():
        name = source.auth.secret_env
        if name and not settings.secret(name):
            yield source


def unset(
    settings: Settings, playbook: Playbook, *, receives: bool = True, delivers: bool = True
) -> Iterator[Unset]:
    """Yield what is not set, of what a process does. Raises ``LeadRelayError`` for an unreadable secret."""
    if receives:
        for source in unsigned(settings, playbook):
            what, name = f"the source {source.name} has no secret", source.auth.secret_env
            yield Unset(what, "its posts are answered 401", (name, f"{name}_FILE"))
    if not delivers:
        return
    for name, lacking in asking.missing(settings, playbook).items():
        yield Unset(f"the provider {name} has no secret", "it is not asked", tuple(lacking))
    for rule in playbook.notifications.channels.values():
        found = build(rule, settings)
        if isinstance(found, Missing):
            yield Unset(
                f"the channel {rule.name} is not set up", "its messages are withheld", found.looked_for
            )
