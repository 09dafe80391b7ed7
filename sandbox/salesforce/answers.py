"""What one call asks, what it is answered, and how that leaves as HTTP."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flask import Response
from werkzeug.datastructures import Headers

from sandbox.reading import json_of
from sandbox.salesforce.duplicates import FIRST_VERSION
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.journal import Journal
from sandbox.salesforce.versions import number_of

if TYPE_CHECKING:
    from sandbox.salesforce.org import Org

JSON = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: a JSON body, bytes of another type, or none."""

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    content_type: str = JSON

    @classmethod
    def of(cls, error: SalesforceError) -> Reply:
        """The answer of a single call that failed."""
        return cls(error.status, error.body())


@dataclass(frozen=True, slots=True)
class Ask:
    """One call, from outside or inside a composite."""

    org: Org
    method: str
    arguments: Mapping[str, str]  # the parts of the path
    params: Mapping[str, str]  # the query string
    headers: Headers
    content: bytes | dict[str, Any] | list[Any] | None
    journal: Journal
    user_id: str  # on whose behalf

    @property
    def version(self) -> str:
        """``v68.0``, as the path says."""
        return self.arguments["version"]

    @property
    def api(self) -> int:
        """68, as the path says."""
        return number_of(self.version)

    @property
    def base(self) -> str:
        """The path up to the version."""
        return f"/services/data/{self.version}"

    def body(self) -> Any:
        """The JSON body; raises where it is none."""
        if not isinstance(self.content, bytes):
            return self.content
        kind = self.headers.get("Content-Type", "")
        if kind and "json" not in kind:
            message = f"The content type '{kind.split(';')[0]}' is not supported by the sandbox"
            raise SalesforceError("UNSUPPORTED_MEDIA_TYPE", message)
        if not self.content.strip():
            raise SalesforceError("JSON_PARSER_ERROR", "No content to map to Object due to end of input")
        try:
            return json_of(self.content)
        except ValueError as error:
            at = (
                f" at [line:{error.lineno}, column:{error.colno}]"
                if isinstance(error, json.JSONDecodeError)
                else ""
            )
            raise SalesforceError("JSON_PARSER_ERROR", f"Unexpected input{at}") from None

    def fields(self) -> dict[str, Any]:
        """The body where it has to be an object."""
        body = self.body()
        if not isinstance(body, dict):
            raise SalesforceError("JSON_PARSER_ERROR", "The body is not a JSON object")
        return body

    def duplicate_rule(self, option: str) -> bool:
        """What Sforce-Duplicate-Rule-Header says of an option; API versions before 52 do not know it."""
        told = self.headers.get("Sforce-Duplicate-Rule-Header", "").lower().replace(" ", "")
        return self.api >= FIRST_VERSION and f"{option.lower()}=true" in re.split("[;,]", told)

    @property
    def assign(self) -> bool | None:
        """What Sforce-Auto-Assign says: a rule's id counts as true."""
        told = self.headers.get("Sforce-Auto-Assign")
        return None if told is None else told.strip().upper() != "FALSE"


def to_response(reply: Reply) -> Response:
    """The answer as HTTP."""
    if reply.body is None:
        response = Response(status=reply.status)
        response.headers.pop("Content-Type", None)
    elif isinstance(reply.body, bytes):
        response = Response(reply.body, reply.status, content_type=reply.content_type)
    else:
        text = json.dumps(reply.body, ensure_ascii=False, separators=(",", ":"))
        response = Response(text, reply.status, content_type=JSON)
    response.headers.extend(dict(reply.headers))
    return response
