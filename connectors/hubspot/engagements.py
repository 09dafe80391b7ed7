"""Whom calls, e-mails, meetings, notes and tasks are about: neither a record nor a search tells.

Source: "Associate records" (batch read of up to 1,000, pages of each row).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from connectors.hubspot.associations import MOST, NONE_FOUND
from connectors.hubspot.client import Client
from connectors.hubspot.errors import words
from model.errors import RetryLater
from model.event import RecordRef
from model.listing import Listed

PEOPLE = "contacts"


class PeopleReader:
    """Reads the contacts of engagements, a thousand of these a call."""

    def __init__(self, connection: str, client: Client) -> None:
        self._connection = connection
        self._client = client

    def told(self, object_type: str, listed: Sequence[Listed]) -> list[Listed]:
        """Return a page with whom each is about; one more call, none for an empty page.

        Raises ``ConnectorError``: of what could not be read nobody would be told.
        """
        people = self._people(object_type, [one.record.ref.id for one in listed])
        return [
            replace(
                one,
                about=tuple(
                    RecordRef(self._connection, PEOPLE, each) for each in people.get(one.record.ref.id, ())
                ),
            )
            for one in listed
        ]

    def _people(self, object_type: str, ids: Sequence[str]) -> Mapping[str, Sequence[str]]:
        found: dict[str, dict[str, None]] = {}
        wanted = [{"id": each} for each in dict.fromkeys(ids)]
        while wanted:
            asked, wanted = wanted[:MOST], wanted[MOST:]
            answer = self._client.associated(object_type, PEOPLE, asked)
            for error in answer.errors:
                if error.get("subCategory") != NONE_FOUND:
                    raise RetryLater(f"HubSpot {answer.status}: {words(error)}")
            if not answer.is_complete:
                raise RetryLater(f"HubSpot {answer.status}: not all associations were read")
            for row in answer.results:
                one = str(row["from"]["id"])
                found.setdefault(one, {}).update(
                    dict.fromkeys(str(to["toObjectId"]) for to in row.get("to") or ())
                )
                following = ((row.get("paging") or {}).get("next") or {}).get("after")
                if following:
                    wanted.append({"id": one, "after": following})
        return {one: list(people) for one, people in found.items()}
