"""The envelope of a post: read within its source's limits, parsed once, and made safe to store.

Only the envelope can be refused here; what a lead says of itself is kept as it came. So
repeated names, in a form, a query or a JSON object, become a list and nothing is lost;
NUL characters and lone surrogates, which no store can hold, become U+FFFD; and numbers
beyond a double's range are kept as their text.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import cache
from typing import Any
from urllib.parse import parse_qsl

from flask import Request
from werkzeug.exceptions import ClientDisconnected, RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder

from mappings.playbook import Source
from model.errors import Refused
from model.event import JsonValue

KEPT_HEADERS = ("Referer", "User-Agent", "Origin")
"""The request headers that are stored; the rest may carry secrets."""

CHARSETS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "us-ascii": "utf-8",
    "iso-8859-1": "cp1252",  # what browsers mean by Latin-1 (encoding.spec.whatwg.org)
    "windows-1252": "cp1252",
}

UNSTORABLE = re.compile("[\0\ud800-\udfff]")
LONGEST_WHOLE_NUMBER = 300  # digits; float() of more than 308 raises, int() of more than 4,300 too


def read(request: Request, source: Source) -> bytes:
    """Return the raw body, reading no more of it than the source allows."""
    allowed = source.max_bytes - len(request.query_string)
    return read_within(request, allowed, lambda: _too_large(source))


def read_within(request: Request, allowed: int, too_large: Callable[[], Refused]) -> bytes:
    """Return the raw body of at most ``allowed`` bytes; raise ``too_large`` for a longer one."""
    if (request.content_length or 0) > allowed:
        raise too_large()
    if request.environ.get("HTTP_CONTENT_ENCODING", "identity").strip().lower() not in ("", "identity"):
        raise Refused(
            415,
            "content_encoding",
            "A compressed body is not accepted",
            "Send the body as it is, without a Content-Encoding header.",
        )
    chunks: list[bytes] = []
    room = allowed + 1  # Content-Length may be absent or a lie: one byte more tells
    try:
        while room > 0 and (chunk := request.stream.read(room)):
            chunks.append(chunk)
            room -= len(chunk)
    except ClientDisconnected:
        raise Refused(
            400,
            "incomplete_body",
            "The body is shorter than its Content-Length",
            "Send the whole body again; nothing was taken.",
        ) from None
    if room <= 0:
        raise too_large()
    return b"".join(chunks)


def parse(request: Request, source: Source, raw: bytes) -> dict[str, JsonValue]:
    """Return the event's payload: ``body``, ``query``, ``headers``, ``ip`` and ``content_type``."""
    mimetype = request.mimetype
    charset = _charset(request.mimetype_params.get("charset", "utf-8"))
    body: JsonValue
    if mimetype == "application/json" or (mimetype.startswith("application/") and mimetype.endswith("+json")):
        body = _json(raw, charset, source)
    elif mimetype == "application/x-www-form-urlencoded":
        body = _form(_text(raw, charset), charset, "strict", source)
    elif mimetype == "multipart/form-data":
        body = _multipart(raw, request.mimetype_params.get("boundary", ""), charset, source)
    else:
        raise Refused(
            415,
            "content_type",
            "The Content-Type is missing or is none that this address takes",
            "Send application/json, application/x-www-form-urlencoded or multipart/form-data.",
        )
    query = _form(request.query_string.decode("utf-8", "replace"), "utf-8", "replace", source)
    query.pop(source.auth.query, None)  # the token that came this way is not kept
    return {
        "body": body,
        "query": query,
        "headers": {name.lower(): text for name in KEPT_HEADERS if (text := header(request, name))},
        "ip": request.remote_addr or "",
        "content_type": mimetype,
    }


def header(request: Request, name: str) -> str:
    """Return a request header as storable text, ``""`` when absent.

    Servers hand headers over as Latin-1; what reads as UTF-8 is taken as that.
    """
    value = request.environ.get(_environ_name(name), "")
    if not value.isascii():
        with suppress(UnicodeError):
            value = value.encode("latin-1").decode("utf-8")
    return storable(value).strip()


@cache
def _environ_name(header_name: str) -> str:
    return "HTTP_" + header_name.upper().replace("-", "_")


def storable(text: str) -> str:
    """Return the text with what no store can hold replaced by U+FFFD."""
    return UNSTORABLE.sub("\ufffd", text)


def gather(pairs: Iterable[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    """Return the pairs as a dict; the values of a repeated name become a list, in order."""
    pairs = list(pairs)
    once = dict(pairs)
    if len(once) == len(pairs):
        return once
    values: dict[str, list[JsonValue]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found if len(found) > 1 else found[0] for name, found in values.items()}


def _whole_number(digits: str) -> JsonValue:
    return int(digits) if len(digits) <= LONGEST_WHOLE_NUMBER else digits


def _fraction(digits: str) -> JsonValue:
    value = float(digits)
    return value if math.isfinite(value) else digits


def _not_a_number(name: str) -> JsonValue:
    raise Refused(
        400, "malformed_json", f"{name} is not JSON", "Leave the value out, send null, or send it as text."
    )


DECODER = json.JSONDecoder(
    object_pairs_hook=gather,
    parse_int=_whole_number,
    parse_float=_fraction,
    parse_constant=_not_a_number,
)


def _json(raw: bytes, charset: str, source: Source) -> JsonValue:
    text = _text(raw, charset).removeprefix("\ufeff")  # some editors and .NET put the mark in front
    try:
        body = DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Refused(
            400,
            "malformed_json",
            f"The body is not JSON: {error.msg} at line {error.lineno}, column {error.colno}",
            "Send one JSON object.",
        ) from None
    except RecursionError:
        raise _too_deep(source) from None
    if not isinstance(body, dict):
        raise Refused(
            422,
            "not_an_object",
            "The body is JSON but not an object",
            'Send one object for each event: {"email": "…"}.',
        )
    _measure(body, source)
    return _storable(body) if "\\u" in text else body  # only an escape can bring what is unstorable


def _measure(body: JsonValue, source: Source) -> None:
    """Refuse a body that is nested too deep or has too many names and items, level by level."""
    fields = depth = 0
    level = [body]
    while level:
        depth += 1
        if depth > source.max_depth:
            raise _too_deep(source)
        below: list[Any] = []
        for holder in level:
            fields += len(holder)
            values = holder.values() if isinstance(holder, dict) else holder
            below += [value for value in values if isinstance(value, dict | list)]
        if fields > source.max_fields:
            raise _too_many(source)
        level = below


def _storable(value: JsonValue) -> JsonValue:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return gather((storable(name), _storable(inner)) for name, inner in value.items())
    if isinstance(value, list):
        return [_storable(inner) for inner in value]
    return value


def _form(text: str, charset: str, errors: str, source: Source) -> dict[str, JsonValue]:
    try:
        pairs = parse_qsl(
            text,
            keep_blank_values=True,
            encoding=charset,
            errors=errors,
            max_num_fields=source.max_fields,
        )
    except UnicodeDecodeError:
        raise _not_in(charset) from None
    except ValueError:  # the count is all that is left to complain of
        raise _too_many(source) from None
    return gather((storable(name), storable(value)) for name, value in pairs)


def _multipart(raw: bytes, boundary: str, charset: str, source: Source) -> dict[str, JsonValue]:
    """Return the text fields; of a file only its name and size are kept."""
    if not boundary:
        raise _malformed_multipart("its Content-Type names no boundary")
    decoder = MultipartDecoder(boundary.encode(), max_parts=source.max_fields)
    decoder.receive_data(raw)
    decoder.receive_data(None)
    pairs: list[tuple[str, JsonValue]] = []
    part: Field | File | None = None
    data = bytearray()
    try:
        while not isinstance(event := decoder.next_event(), Epilogue):
            if isinstance(event, Field | File):
                part = event
                data.clear()
            elif isinstance(event, Data) and part is not None:
                data += event.data
                if not event.more_data:
                    pairs.append((storable(part.name or ""), _part_value(part, bytes(data), charset)))
    except RequestEntityTooLarge:
        raise _too_many(source) from None
    except ValueError as error:
        if isinstance(error, UnicodeDecodeError):
            raise _not_in(charset) from None
        raise _malformed_multipart("a part has no end, or no Content-Disposition") from None
    return gather(pairs)


def _part_value(part: Field | File, data: bytes, charset: str) -> JsonValue:
    if isinstance(part, File):
        return {"filename": storable(part.filename), "size": len(data)}
    own = parse_options_header(part.headers.get("content-type", ""))[1].get("charset")
    return storable(_text(data, _charset(own) if own else charset))


def _text(raw: bytes, charset: str) -> str:
    try:
        return raw.decode(charset)
    except UnicodeDecodeError:
        raise _not_in(charset) from None


def _charset(name: str) -> str:
    known = CHARSETS.get(name.strip().lower())
    if known is None:
        raise Refused(415, "charset", "The charset of the Content-Type is not taken", "Send UTF-8.")
    return known


def _not_in(charset: str) -> Refused:
    name = "UTF-8" if charset == "utf-8" else "the charset its Content-Type names"
    return Refused(400, "bad_encoding", f"The body is not text in {name}", "Send UTF-8.")


def _malformed_multipart(why: str) -> Refused:
    return Refused(
        400,
        "malformed_multipart",
        f"The body is not multipart/form-data: {why}",
        "Let the form or the HTTP library write both the body and its Content-Type.",
    )


def _too_large(source: Source) -> Refused:
    return Refused(
        413,
        "too_large",
        f"Query and body together are larger than {source.max_bytes} bytes",
        f'Send less, or raise max_bytes of the source "{source.name}".',
    )


def _too_deep(source: Source) -> Refused:
    return Refused(
        422,
        "too_deep",
        f"The body is nested deeper than {source.max_depth} levels",
        f'Send a flatter object, or raise max_depth of the source "{source.name}".',
    )


def _too_many(source: Source) -> Refused:
    return Refused(
        422,
        "too_many_fields",
        f"There are more than {source.max_fields} fields",
        f'Send fewer, or raise max_fields of the source "{source.name}".',
    )
