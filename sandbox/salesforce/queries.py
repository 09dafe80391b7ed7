"""The query endpoints: a page of rows, and the rest behind a locator."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from sandbox.reading import whole_number
from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql.run import Found, check_groups, run

SMALLEST_PAGE, LARGEST_PAGE = 200, 2_000
# With child queries a batch holds parents and children together, and was seen to hold 200 or 500 of them.
PARENTS_WITH_CHILDREN, CHILDREN = 200, 199

_BATCH_SIZE = re.compile(r"batchSize\s*=\s*(\d+)", re.IGNORECASE)


def query(ask: Ask) -> Reply:
    """``GET query?q=``: what lives."""
    return _first_page(ask, include_deleted=False)


def query_all(ask: Ask) -> Reply:
    """``GET queryAll?q=``: what lives and what lies in the recycle bin."""
    return _first_page(ask, include_deleted=True)


def more(ask: Ask) -> Reply:
    """``GET query/locator``: the next page; the address also serves a queryAll."""
    locator, _, place = ask.arguments["locator"].rpartition("-")
    start = whole_number(place)
    if start is None:
        raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
    held = ask.org.locators.find(locator, at=ask.org.now())
    pages = Paging(ask, include_deleted=held.include_deleted)
    return Reply(200, pages.page(held.found, start, pages.size_for(held.found, held.is_child), locator))


def _first_page(ask: Ask, *, include_deleted: bool) -> Reply:
    text = ask.params.get("q")
    if text is None:
        raise SalesforceError("MALFORMED_QUERY", "A query string has to be specified")
    zone = ask.org.zone_of(ask.user_id)
    found = run(text, ask.org, include_deleted=include_deleted, version=ask.version, zone=zone)
    if found.groups is not None:
        check_groups(found, LARGEST_PAGE)
        return Reply(200, {"totalSize": len(found.groups), "done": True, "records": found.groups})
    if found.tell is None:
        return Reply(200, {"totalSize": len(found.records), "done": True, "records": []})
    pages = Paging(ask, include_deleted=include_deleted)
    return Reply(200, pages.page(found, 0, pages.size_for(found, False)))


@dataclass(frozen=True, slots=True)
class Paging:
    """Cuts what one call found into pages."""

    ask: Ask
    include_deleted: bool

    def page(self, found: Found, start: int, size: int, locator: str | None = None) -> dict[str, Any]:
        """The page that starts at a place; what is left stays behind a locator."""
        end, tell, org = start + size, found.tell, self.ask.org
        done = end >= len(found.records)
        body: dict[str, Any] = {"totalSize": len(found.records), "done": done}
        if not done:
            held = locator or org.locators.keep(
                found, include_deleted=self.include_deleted, at=org.now(), is_child=size == CHILDREN
            )
            body["nextRecordsUrl"] = f"{self.ask.base}/query/{held}-{end}"
        # A later page tells the records as they are when it is read; those deleted meanwhile are left out.
        rows = [
            tell(record, self)
            for record in found.records[start:end]
            if tell and (self.include_deleted or record.archived_at is None)
        ]
        return body | {"records": rows}

    def first_of_children(self, found: Found) -> dict[str, Any] | None:
        """The first page of a parent's children; null where there are none."""
        return self.page(found, 0, CHILDREN) if found.records else None

    def size_for(self, found: Found, is_child: bool) -> int:
        """How many rows a page holds."""
        if is_child:
            return CHILDREN
        match = _BATCH_SIZE.search(self.ask.headers.get("Sforce-Query-Options", ""))
        size = min(max(int(match.group(1)), SMALLEST_PAGE), LARGEST_PAGE) if match else LARGEST_PAGE
        return min(size, PARENTS_WITH_CHILDREN) if found.has_children else size
