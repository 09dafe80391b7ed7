"""simple-salesforce over a session of our own: a timeout on every call, limits read from every answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce import Salesforce
from simple_salesforce.exceptions import SalesforceError
from urllib3 import exceptions as transport

from connectors.base import Endpoint, RenewableTokens
from connectors.salesforce import soap
from connectors.salesforce.errors import (
    DeadSession,
    Refused,
    first_code,
    is_retryable,
    to_connector_error,
    words,
)
from connectors.salesforce.limits import usage_of
from model.errors import AnswerLost, ConnectorError, RetryLater

WRITE_HEADERS = {
    # TRUE is the default: the org's rule would take the owner that we send. REST "Assignment Rule Header".
    "Sforce-Auto-Assign": "FALSE",
    # Comes back in change events as changeOrigin, which tells our own writes. REST "Call Options Header".
    "Sforce-Call-Options": "client=leadrelay",
}

Row = Mapping[str, Any]


class Channel(HTTPAdapter):
    """Carries the requests to one org: with a timeout, and in plain http where its address says so.

    simple-salesforce puts https before every address and takes no timeout for most of its
    calls; both are set right here.
    """

    def __init__(self, endpoint: Endpoint) -> None:
        super().__init__(pool_connections=1, pool_maxsize=16)
        self._endpoint = endpoint
        self._target = urlsplit(endpoint.base_url)

    def send(  # type: ignore[override]
        self, request: requests.PreparedRequest, **kwargs: Any
    ) -> requests.Response:
        """Send one request and learn from its answer."""
        parts = urlsplit(str(request.url))
        request.url = urlunsplit((self._target.scheme, self._target.netloc, parts.path, parts.query, ""))
        response = super().send(request, **{**kwargs, "timeout": self._endpoint.timeout})
        self._endpoint.budget.learn(usage_of(response.headers))
        return response


class Client:
    """The calls that the connector needs. Safe to use from several threads: each has a session of its own."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._channel = Channel(endpoint)  # one pool of connections for all threads
        self._mine = threading.local()
        self._version = endpoint.options.get("api_version", "68.0").removeprefix("v")

    def write(self, method: str, records: Sequence[Row]) -> list[Row]:
        """Create (POST) or update (PATCH) up to 200 records; one item each comes back, in order."""
        body = {"allOrNone": False, "records": records}
        items = self._call(method, "composite/sobjects", body, writes=True)
        return _items(items, len(records))

    def delete(self, ids: Sequence[str]) -> list[Row]:
        """Delete records; one item each comes back, in order."""
        wanted = {"ids": ",".join(ids), "allOrNone": "false"}
        return _items(self._call("DELETE", "composite/sobjects", params=wanted, writes=True), len(ids))

    def retrieve(self, object_type: str, ids: Sequence[str], names: Sequence[str]) -> list[Row]:
        """Read records by id; those that are not there are left out."""
        body = {"ids": list(ids), "fields": list(names)}
        rows = self._call("POST", f"composite/sobjects/{object_type}", body)
        return [row for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []

    def query(self, soql: str) -> Iterator[Row]:
        """Yield the records of a short query."""
        yield from self._pages(self._call("GET", "query/", params={"q": soql}))

    def queries(self, by_name: Mapping[str, str], *, deleted: bool = False) -> dict[str, list[Row]]:
        """Run up to five queries in one call; long ones too, as none of them travels in a URI.

        ``deleted`` also finds what lies in the recycle bin: deleted records and losers of merges.
        """
        url = f"/services/data/v{self._version}/{'queryAll' if deleted else 'query'}/?q="
        parts = [
            {"method": "GET", "url": url + quote(soql, safe=""), "referenceId": name}
            for name, soql in by_name.items()
        ]
        answer = self._call("POST", "composite", {"allOrNone": False, "compositeRequest": parts})
        answers = answer.get("compositeResponse") if isinstance(answer, dict) else None
        rows: dict[str, list[Row]] = {}
        for part in answers or ():
            status = int(part.get("httpStatusCode", 500))
            if not 200 <= status < 300:
                raise self._problem(status, part.get("body"), writes=False)
            rows[part.get("referenceId")] = list(self._pages(part.get("body")))
        if rows.keys() != by_name.keys():
            raise RetryLater("Salesforce: a query of the call was not answered")
        return rows

    def merge(self, object_type: str, master: str, others: Sequence[str]) -> None:
        """Merge one or two records into another of their object, by SOAP: REST has no such call."""

        def send(salesforce: Salesforce) -> requests.Response:
            answer: requests.Response = salesforce.session.post(
                f"https://{salesforce.sf_instance}/services/Soap/u/{self._version}",
                data=soap.merge_call(salesforce.session_id, object_type, master, others).encode(),
                headers={"Content-Type": "text/xml; charset=utf-8", "SOAPAction": '""'},
                allow_redirects=False,
            )
            if fault := soap.fault_of(answer.content):  # nothing was done; the code says why, not the status
                raise SalesforceError(answer.url, 400, "merge", [fault])  # type: ignore[arg-type]
            return answer

        answer = self._with_session(send, writes=True)
        errors = soap.errors_of_merge(answer.content) if answer.status_code == 200 else None
        if errors is None:
            raise AnswerLost(f"Salesforce HTTP {answer.status_code}: the answer to a merge cannot be read")
        if errors:
            passing = all(map(is_retryable, errors))
            raise RetryLater(words(errors)) if passing else Refused(words(errors), first_code(errors))

    def field_names(self, object_type: str) -> list[str]:
        """Return the names of an object's fields; those that this user may not see are left out."""
        told = self._call("GET", f"sobjects/{object_type}/describe")
        rows = told.get("fields") if isinstance(told, dict) else None
        return [str(row["name"]) for row in rows or () if isinstance(row, dict) and row.get("name")]

    def _pages(self, page: Any) -> Iterator[Row]:
        """Yield the records of a query's first page and of those that follow it."""
        while isinstance(page, dict):
            yield from page.get("records") or ()
            following = page.get("nextRecordsUrl")
            if not following:
                return
            page = self._with_session(_next_page(following), writes=False)

    def _call(
        self, method: str, path: str, body: Any = None, *, params: Any = None, writes: bool = False
    ) -> Any:
        """Make one call; raise a ``ConnectorError`` for anything but a readable success."""
        headers: dict[str, str | None] = {**WRITE_HEADERS} if writes else {}
        headers["X-PrettyPrint"] = None  # the client asks for indented answers; None takes that out
        data = None if body is None else json.dumps(body, separators=(",", ":"))

        def send(salesforce: Salesforce) -> Any:
            return salesforce.restful(path, params, method, headers=headers, data=data, allow_redirects=False)

        answer = self._with_session(send, writes=writes)
        if answer is None:  # 204, or an empty list: none of these calls is answered so
            raise _lost(writes)("Salesforce: the answer is empty")
        return answer

    def _with_session(self, send: Callable[[Salesforce], Any], *, writes: bool) -> Any:
        """Send with a good token; where the session has ended, the same request goes out once more."""
        tokens = self._endpoint.tokens
        token = tokens.token()
        try:
            return self._send(send, token, writes=writes)
        except DeadSession:
            fresh = tokens.renew(token) if isinstance(tokens, RenewableTokens) else tokens.token()
            if fresh == token:
                raise
        return self._send(send, fresh, writes=writes)

    def _send(self, send: Callable[[Salesforce], Any], token: str, *, writes: bool) -> Any:
        self._endpoint.budget.spend("burst")
        try:
            return send(self._salesforce(token))
        except SalesforceError as error:
            raise self._problem(error.status, error.content, writes=writes) from error
        except (OSError, transport.HTTPError) as error:  # requests' exceptions are OSErrors
            if _never_sent(error):
                raise RetryLater(f"Salesforce could not be reached: {type(error).__name__}") from error
            raise _lost(writes)(f"Salesforce gave no answer: {type(error).__name__}") from error

    def _problem(self, status: int, content: Any, *, writes: bool) -> ConnectorError:
        error = to_connector_error(status, content, writes=writes)
        if isinstance(error, RetryLater) and error.stops != "call":
            self._endpoint.budget.refused(error.wait, error.stops)
        return error

    def _salesforce(self, token: str) -> Salesforce:
        """This thread's client, made anew when the token has changed."""
        if getattr(self._mine, "token", None) != token:
            session = getattr(self._mine, "session", None) or requests.Session()
            session.trust_env = False  # a .netrc entry would take the place of our token
            self._mine.salesforce = Salesforce(
                instance_url=self._endpoint.base_url, session_id=token, version=self._version,
                session=session, object_pairs_hook=None,
            )  # fmt: skip
            session.adapters.clear()  # nothing but this org can be reached
            session.mount(f"https://{self._mine.salesforce.sf_instance}/", self._channel)
            self._mine.session, self._mine.token = session, token
        return self._mine.salesforce


def _next_page(url: str) -> Callable[[Salesforce], Any]:
    return lambda salesforce: salesforce.query_more(url, identifier_is_url=True)


def _items(items: Any, count: int) -> list[Row]:
    """The items of a collection; an answer of another shape says nothing of what was written."""
    if isinstance(items, list) and len(items) == count and all(isinstance(item, dict) for item in items):
        return items
    raise AnswerLost("Salesforce: the answer does not have one item for each record")


def _lost(writes: bool) -> type[RetryLater]:
    return AnswerLost if writes else RetryLater


def _never_sent(error: Exception) -> bool:
    """Whether no connection came about, so that nothing can have been written.

    A TLS error may also end an answer, so it does not count.
    """
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, transport.MaxRetryError) else None
    return isinstance(reason, transport.NewConnectionError | transport.ConnectTimeoutError)
