"""All records of a HubSpot object, page after page.

By search with a keyset: each page is a query of its own for the ids above the last one, so that
search's limit of 10,000 results is never met and a walk goes on after any stop. The plain list
has no such limit either, but gives 100 records a call instead of 200, tells no total, and its calls
come out of the ten seconds' allowance that deliveries need; search has an allowance of its own
(five a second an account). Search lags by some moments and leaves archived records out: both
are for the poll to catch up with. Decision 12 has the figures.
"""

from __future__ import annotations

from collections.abc import Sequence

from connectors.hubspot.pages import Searcher, above
from model.listing import Page


class Lister:
    """Reads pages of one account."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher

    def page(self, object_type: str, names: Sequence[str], after: str | None) -> Page:
        """Return the records with the lowest ids above ``after``. Raises ``ConnectorError``."""
        found = self._searcher.page(object_type, names, [above(after or "0")])
        is_last = found.is_last or not found.last
        return Page(
            found.listed, None if is_last else str(found.last), found.total, found.absent, found.skipped
        )

    def count(self, object_type: str) -> int:
        """Return the total of the search that ``page`` walks through. Raises ``ConnectorError``."""
        return self._searcher.count(object_type, [above("0")])
