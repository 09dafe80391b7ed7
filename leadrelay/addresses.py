"""Where a person sees a CRM's record: the address that messages and tasks link to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote, urlsplit

import structlog

from model.errors import ConnectorError
from model.event import RecordRef

log = structlog.get_logger("leadrelay.addresses")

HUBSPOT_TYPES = {"contacts": "0-1", "companies": "0-2", "deals": "0-3", "tasks": "0-27"}
HUBSPOT_PAGES = "https://app.hubspot.com"  # of every account that is called at api.hubapi.com
NAMES = {"hubspot": "HubSpot", "salesforce": "Salesforce"}


@dataclass(slots=True)
class Pages:
    """The pages of one connection. HubSpot's have the portal's number in them, which is asked for once."""

    connection: str
    kind: str
    base_url: str
    account: str = ""
    ask: Callable[[], str] | None = None  # for the account; raises ``ConnectorError``
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def learn(self) -> None:
        """Ask for the account where it is needed and not known; a failure is tried again on the next run."""
        with self._lock:
            if self.kind != "hubspot" or self.account or self.ask is None:
                return
            try:
                self.account = self.ask()
            except ConnectorError as error:
                log.info("addresses.unknown", connection=self.connection, reason=str(error))

    def of(self, ref: RecordRef) -> tuple[str, str] | None:
        """Return what the CRM is called and the address of a record; ``None`` where it is not known."""
        record_id = quote(ref.id, safe="")
        if self.kind == "salesforce":
            return NAMES[self.kind], f"{self.base_url}/{record_id}"
        type_id = HUBSPOT_TYPES.get(ref.object)
        if not self.account or type_id is None:
            return None
        is_hubspots = (urlsplit(self.base_url).hostname or "").endswith(".hubapi.com")
        pages = HUBSPOT_PAGES if is_hubspots else self.base_url
        return NAMES[self.kind], f"{pages}/contacts/{self.account}/record/{type_id}/{record_id}"
