"""Which connected accounts may tell us of changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from leadrelay import hooks
from leadrelay.settings import Settings, prefix_of
from mappings.playbook import CrmMap, Playbook
from model.errors import LeadRelayError, StoreBusy
from sync import connections
from sync.connections import StoredConnection
from sync.database import Store
from webhooks import signatures
from webhooks.callers import Caller


@dataclass(frozen=True, slots=True)
class KnownCallers:
    """What the receivers ask: the connections of the playbook in force and whose accounts they are."""

    settings: Settings
    store: Store
    playbook: Callable[[], Playbook]
    space: str

    def of(self, kind: str) -> list[Caller]:
        """Return the connections of one kind.

        Raises ``StoreBusy`` while the store cannot be read, ``Refused`` while a secret cannot.
        """
        try:
            with self.store.snapshot() as snapshot:
                stored = connections.load(snapshot, self.space)
        except SQLAlchemyError as error:
            raise StoreBusy("the store cannot be read now") from error
        crms = [crm for crm in self.playbook().crms.values() if crm.kind == kind]
        return [self._caller(crm, stored.get(crm.connection)) for crm in crms]

    def _caller(self, crm: CrmMap, stored: StoredConnection | None) -> Caller:
        prefix = prefix_of(crm.connection)
        header, value = (self._secret(name) for name in hooks.certificate_names(prefix))
        return Caller(
            connection=crm.connection,
            account=stored.account if stored is not None and stored.kind == crm.kind else "",
            objects=frozenset(crm.all_objects),
            secrets=hooks.SECRETS[crm.kind](prefix),
            certificate=(header, value) if hooks.asks_for_certificate(self.settings, prefix) else None,
        )

    def _secret(self, name: str) -> str:
        try:
            return self.settings.secret(name) or ""
        except LeadRelayError as error:
            raise signatures.unreadable(name, error) from error
