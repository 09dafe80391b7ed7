"""The query endpoints: a page of rows, and the rest behind a locator."""

from __future__ import annotations

import re
from typing import Any

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.soql.run import Found, run

SMALLEST_PAGE, LARGEST_PAGE = 200, 2_000

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
    if not place.isdigit():
        raise SalesforceError("INVALID_QUERY_LOCATOR", "invalid query locator")
    held = ask.org.locators.find(locator, at=ask.org.now())
    return _page(ask, held.found, int(place), locator, include_deleted=held.include_deleted)


def _first_page(ask: Ask, *, include_deleted: bool) -> Reply:
    text = ask.params.get("q")
    if text is None:
        raise SalesforceError("MALFORMED_QUERY", "A query string has to be specified")
    found = run(text, ask.org, include_deleted=include_deleted, version=ask.version)
    if found.tell is None:
        return Reply(200, {"totalSize": len(found.records), "done": True, "records": []})
    return _page(ask, found, 0, None, include_deleted=include_deleted)


def _page(ask: Ask, found: Found, start: int, locator: str | None, *, include_deleted: bool) -> Reply:
    size, tell = _page_size(ask), found.tell
    end = start + size
    done = end >= len(found.records)
    body: dict[str, Any] = {"totalSize": len(found.records), "done": done}
    if not done:
        held = locator or ask.org.locators.keep(found, include_deleted=include_deleted, at=ask.org.now())
        body["nextRecordsUrl"] = f"{ask.base}/query/{held}-{end}"
    page = found.records[start:end]
    # A later page tells the records as they are when it is read; those deleted meanwhile are left out.
    rows = [tell(record) for record in page if include_deleted or record.archived_at is None] if tell else []
    return Reply(200, body | {"records": rows})


def _page_size(ask: Ask) -> int:
    match = _BATCH_SIZE.search(ask.headers.get("Sforce-Query-Options", ""))
    return min(max(int(match.group(1)), SMALLEST_PAGE), LARGEST_PAGE) if match else LARGEST_PAGE
