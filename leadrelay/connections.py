"""Which accounts are connected: those that the environment names, then those that the store keeps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy.engine import Connection

from connectors.tokens import Credentials
from leadrelay.grants import Grants, GrantsBeside, source_of
from leadrelay.settings import DEFAULT_VERSIONS, ConnectionSettings, Settings, prefix_of
from mappings.playbook import CrmMap
from model.errors import LeadRelayError
from sync import connections
from sync.connections import WRITE, StoredConnection

if TYPE_CHECKING:
    from connectors.base import Budget, Endpoint


@dataclass(frozen=True, slots=True)
class Known:
    """The connections of one moment. The environment's credentials win, with the address beside them.

    Address and credentials are taken from one place: a stored token is never sent to an address
    that the environment names.
    """

    settings: Settings
    stored: Mapping[str, StoredConnection] = field(default_factory=dict)
    grants: Grants | None = None  # who renews tokens; None: a command, which has the daemon do it

    @classmethod
    def read(
        cls, settings: Settings, snapshot: Connection, space: str, grants: Grants | None = None
    ) -> Known:
        """Take in what the store keeps."""
        return cls(settings, connections.load(snapshot, space), grants)

    def of_store(self, name: str, kind: str) -> StoredConnection | None:
        """Return the stored account that counts for a connection, if one does."""
        one = self.stored.get(name)
        if one is None or one.kind != kind or not one.has_credentials:
            return None
        return None if self.settings.connection(name, kind).is_set_up else one

    def reach(self, name: str, kind: str) -> ConnectionSettings:
        """Return how to reach a connection.

        Raises ``SealError`` when its credentials cannot be opened, ``ReconnectNeeded`` when the
        vendor takes them no more.
        """
        given = self.settings.connection(name, kind)
        one = self.of_store(name, kind)
        if one is None:
            return given
        credentials = Credentials.of(self.settings.vault().open(one.sealed))
        tokens = None
        if credentials.method == "oauth":
            tokens = source_of(self.grants or GrantsBeside(self.settings), self.settings, one, credentials)
        return ConnectionSettings(one.base_url, credentials, given.api_version, "store", tokens)

    def writes(self, crm: CrmMap) -> bool:
        """Say whether a connection is written to, without opening its credentials."""
        return self.writes_under(crm.connection, crm.kind)

    def writes_under(self, name: str, kind: str) -> bool:
        """Say the same of a connection that no map may name."""
        return self.is_sandbox(name, kind) or self.agreed(name, kind) is not None

    def is_sandbox(self, name: str, kind: str) -> bool:
        """Say whether it is a sandbox on this machine, which is written to without being asked."""
        one = self.of_store(name, kind)
        if one is not None:
            return self.settings.writes_to_address(one.base_url)
        return self.settings.writes_to(self.settings.connection(name, kind))

    def agreed(self, name: str, kind: str) -> StoredConnection | None:
        """Return the account that ``go-live`` has opened for writing under this name, if one was."""
        kept = self.stored.get(name)
        if kept is None or kept.kind != kind or kept.mode != WRITE:
            return None
        return kept if kept.has_credentials or self.settings.connection(name, kind).is_set_up else None

    def to_confirm(self, crm: CrmMap) -> str | None:
        """Return the account that must be asked for before it is written to.

        The store's credentials were tried when they were connected. The environment's may have been
        changed to another account's since ``go-live``.
        """
        kept = self.agreed(crm.connection, crm.kind)
        is_environments = self.of_store(crm.connection, crm.kind) is None
        return (
            kept.account
            if kept and is_environments and not self.is_sandbox(crm.connection, crm.kind)
            else None
        )

    def writing(self, crms: Iterable[CrmMap]) -> list[str]:
        """Return the connections that are written to."""
        return [crm.connection for crm in crms if self.writes(crm)]

    def mark(self, crm: CrmMap) -> object:
        """Return what changes when a connection has to be made anew."""
        one = self.of_store(crm.connection, crm.kind)
        kept = self.agreed(crm.connection, crm.kind)
        parts = (
            one and (one.base_url, one.updated_at, one.reconnect),
            kept and (kept.account, kept.updated_at),
        )
        return parts if any(parts) else None


def endpoint(
    kind: str, reach: ConnectionSettings, budget: Budget, more: Mapping[str, str] | None = None
) -> Endpoint:
    """Build what a connector or an inspector is handed. Raises ``LeadRelayError`` where it cannot sign in."""
    from connectors.base import Endpoint  # the vendors' clients load slowly
    from connectors.registry import token_source

    tokens = reach.tokens or token_source(kind, reach.base_url, reach.credentials)
    if tokens is None:
        raise LeadRelayError(f"{kind} cannot sign in by {reach.credentials.method}; it takes a token.")
    options = {"api_version": reach.api_version, **(more or {})}
    return Endpoint(reach.base_url, tokens, budget, options=options)


def id_fields(crm: CrmMap) -> dict[str, str]:
    """Return where the records that are made keep our id, by which connectors look them up."""
    named = {
        "external_id_field": crm.objects[crm.create_object].id_field,
        "deal_id_field": crm.deal.id_field if crm.deal else "",
        "account_id_field": crm.account.id_field if crm.account else "",
    }
    return {option: name for option, name in named.items() if name}


def options_of(crm: CrmMap) -> dict[str, str]:
    """Return all that a connector must know of a map: where our id is, and the objects of people."""
    return {**id_fields(crm), **({"match": ",".join(crm.match)} if crm.match else {})}


def version_of(settings: Settings, name: str, kind: str) -> str:
    """Return the API version that a connection is called with."""
    return settings.environ.get(f"{prefix_of(name)}_API_VERSION") or DEFAULT_VERSIONS.get(kind, "")
