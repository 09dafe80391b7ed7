"""HubSpot's own client, pointed at dated paths and read as raw JSON; one call in, one answer or one error."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any

from hubspot.crm import contacts, objects, owners
from hubspot.crm.associations import v4 as associations
from urllib3 import exceptions as transport

from connectors.base import Endpoint, RenewableTokens
from connectors.hubspot.errors import to_connector_error
from connectors.hubspot.limits import usage_of
from connectors.hubspot.paths import dated
from connectors.hubspot.records import MERGED_IDS
from model.errors import AnswerLost, RetryLater

# No connection came about, so nothing can have been written. A TLS error may also end an answer: not listed.
NOT_SENT = (transport.NewConnectionError, transport.ConnectTimeoutError)


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer as it came."""

    status: int
    body: Mapping[str, Any]

    @property
    def results(self) -> list[dict[str, Any]]:
        """The records of a batch or page."""
        return _rows(self.body.get("results"))

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The errors of single rows (207)."""
        return _rows(self.body.get("errors"))

    @property
    def next_page(self) -> str | None:
        """What to ask for the next page with."""
        paging = self.body.get("paging")
        following = paging.get("next") if isinstance(paging, dict) else None
        return following.get("after") if isinstance(following, dict) else None

    @property
    def is_complete(self) -> bool:
        """Whether every row was tried."""
        return self.body.get("status", "COMPLETE") == "COMPLETE"


class DatedApiClient(objects.ApiClient):
    """The vendor's generated client, with every path it asks for taken through ``paths.dated``."""

    def __init__(self, configuration: Any, version: str) -> None:
        super().__init__(configuration=configuration)
        self.user_agent = "leadrelay"
        self.version = version

    def call_api(self, resource_path: str, *args: Any, **kwargs: Any) -> Any:
        """Make a typed call on the dated path."""
        return super().call_api(dated(resource_path, self.version), *args, **kwargs)

    def request(self, *args: Any, **kwargs: Any) -> Any:
        """Send it. A TLS failure comes out as urllib3's own: the generated code trips over its empty body."""
        try:
            return super().request(*args, **kwargs)
        except objects.ApiException as error:
            if not error.status:
                raise transport.SSLError(error.reason) from error
            error.body = error.body.decode(errors="replace").encode()  # it is decoded strictly on the way out
            raise


class Client:
    """The calls that the connector needs. Safe to use from several threads.

    The generated packages differ in their models only; models cost more CPU than all else of a
    call, so bodies go out as dictionaries and answers are read as JSON, and one cached client
    with one connection pool carries every API.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        configuration = objects.Configuration(host=endpoint.base_url.rstrip("/"))
        configuration.retries = False  # what may be sent again is decided by the outbox
        configuration.connection_pool_maxsize = 16
        client = DatedApiClient(configuration, endpoint.options.get("api_version", "2026-09"))
        self._endpoint = endpoint
        self._batches = objects.BatchApi(client)
        self._singles = objects.BasicApi(client)
        self._contacts = contacts.BasicApi(client)
        self._owners = owners.OwnersApi(client)
        self._associations = associations.BatchApi(client)
        self._searches = objects.SearchApi(client)

    def create(self, object_type: str, inputs: Sequence[Mapping[str, Any]]) -> Answer:
        """Create up to 100 records."""
        return self._call(self._batches.create, object_type, {"inputs": inputs}, writes=True)

    def update(self, object_type: str, inputs: Sequence[Mapping[str, Any]]) -> Answer:
        """Change up to 100 records by id."""
        return self._call(self._batches.update, object_type, {"inputs": inputs}, writes=True)

    def archive(self, object_type: str, ids: Sequence[str]) -> Answer:
        """Put up to 100 records into the recycle bin."""
        body = {"inputs": [{"id": each} for each in ids]}
        return self._call(self._batches.archive, object_type, body, writes=True)

    def merge_contacts(self, primary_id: str, other_id: str) -> Answer:
        """Merge a contact into another; the answer is the record that both became."""
        body = {"primaryObjectId": primary_id, "objectIdToMerge": other_id}
        return self._call(self._contacts.merge, body, writes=True)

    def read(
        self,
        object_type: str,
        keys: Sequence[str],
        properties: Sequence[str],
        *,
        by: str | None = None,
        history: Sequence[str] = (),
    ) -> Answer:
        """Read up to 100 records by id, or by the unique property ``by``; 50 with the ``history`` of some."""
        body: dict[str, Any] = {
            "inputs": [{"id": key} for key in keys],
            "properties": list(properties),
            "propertiesWithHistory": list(history),  # the client's model says it must be there
        }
        if by is not None:
            body["idProperty"] = by
        return self._call(self._batches.read, object_type, body)

    def search(self, object_type: str, body: Mapping[str, Any]) -> Answer:
        """One page of a search, which has a limit of its own: 5 a second for the whole account."""
        return self._call(self._searches.do_search, object_type, dict(body), kind="search")

    def archived(self, object_type: str, *, after: str | None) -> Answer:
        """Return one page of the recycle bin: ids, those that were merged into them, and since when."""
        get = self._singles.get_page
        return self._call(get, object_type, limit=100, after=after, properties=[MERGED_IDS], archived=True)

    def associated(self, from_type: str, to_type: str, inputs: Sequence[Mapping[str, Any]]) -> Answer:
        """Read who is associated with up to 1,000 records, and as what; ``inputs``: id, and ``after``."""
        return self._call(self._associations.get_page, from_type, to_type, {"inputs": inputs})

    def associate(self, from_type: str, to_type: str, inputs: Sequence[Mapping[str, Any]]) -> Answer:
        """Associate up to 2,000 pairs of records; repeating it changes nothing."""
        return self._call(self._associations.create, from_type, to_type, {"inputs": inputs}, writes=True)

    def disassociate(self, from_type: str, to_type: str, inputs: Sequence[Mapping[str, Any]]) -> Answer:
        """End all associations of pairs of records; ``inputs``: from, and to (a list). Safe to repeat."""
        return self._call(self._associations.archive, from_type, to_type, {"inputs": inputs}, writes=True)

    def owners(self, *, after: str | None, archived: bool) -> Answer:
        """One page of owners."""
        return self._call(self._owners.get_page, limit=100, after=after, archived=archived)

    def _call(
        self, api: Callable[..., Any], *args: Any, writes: bool = False, kind: str = "burst", **kwargs: Any
    ) -> Answer:
        """Make one call within the budget; raise a ``ConnectorError`` for anything but a readable 2xx.

        A token that is refused before its time (the app was removed, our clock was set back) is
        renewed once where that can be: by that the end of a grant is seen at once.
        """
        budget, tokens = self._endpoint.budget, self._endpoint.tokens
        lost = AnswerLost if writes else RetryLater
        token = tokens.token()
        status, headers, raw = self._send(partial(api, *args, **kwargs), token, kind, lost)
        if status == HTTPStatus.UNAUTHORIZED and isinstance(tokens, RenewableTokens):
            fresh = tokens.renew(token)
            if fresh != token:
                status, headers, raw = self._send(partial(api, *args, **kwargs), fresh, kind, lost)
        body = _json(raw)
        if not 200 <= status < 300:
            problem = to_connector_error(status, headers, body or {}, writes=writes)
            if isinstance(problem, RetryLater) and problem.stops != "call":
                budget.refused(problem.wait, problem.stops)
            raise problem
        if body is None and status != 204:  # a 2xx that says nothing is no success (hubspot-api-python #448)
            raise lost(f"HubSpot {status}: the answer cannot be read")
        return Answer(status, body or {})

    def _send(
        self, api: Callable[..., Any], token: str, kind: str, lost: type[RetryLater]
    ) -> tuple[int, Mapping[str, str], bytes | str | None]:
        """Send one call with a token; return status, headers and body as they came."""
        budget = self._endpoint.budget
        budget.spend(kind)
        bearer = {"type": "oauth2", "in": "header", "key": "Authorization", "value": f"Bearer {token}"}
        settings = {"_request_timeout": self._endpoint.timeout, "_preload_content": False}
        try:
            # The token goes with the call: setting it on a cached client would race between threads.
            response = api(**settings, _request_auth=bearer)
            status, headers, raw = response.status, response.headers, response.data
        except objects.ApiException as error:
            status, headers, raw = error.status, error.headers or {}, error.body
        except NOT_SENT as error:
            raise RetryLater(f"HubSpot could not be reached: {type(error).__name__}") from error
        except (transport.HTTPError, OSError) as error:
            raise lost(f"HubSpot gave no answer: {type(error).__name__}") from error
        budget.learn(usage_of(headers))
        return status, headers, raw


def _json(raw: bytes | str | None) -> dict[str, Any] | None:
    try:
        body = json.loads(raw or "")
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _rows(value: Any) -> list[dict[str, Any]]:
    return [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
