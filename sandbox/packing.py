"""Compressed bodies, as each vendor takes and sends them (RFC 9110, Content-Encoding)."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from flask import Response, request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

LEAST_BYTES = 1_024  # smaller answers are sent as they are
MOST_BYTES = 200 << 20  # of a body once unpacked; the largest upload of a bulk job has 150 MB

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gzip": lambda body: gzip.compress(body, 1, mtime=0),
    "deflate": lambda body: zlib.compress(body, 1),
}


class Unpacking:
    """Gives the app the body as it was before it was compressed; one that is broken stays as it came.

    Encodings that the vendor does not take stay, too: its reader refuses what is no JSON.
    """

    def __init__(self, app: WSGIApplication, takes: tuple[str, ...]) -> None:
        self.app, self.takes = app, takes

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request."""
        encoding = environ.get("HTTP_CONTENT_ENCODING", "").strip().lower()
        if encoding in self.takes:
            sent = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
            plain = unpacked(sent)
            body = sent if plain is None else plain
            environ["wsgi.input"], environ["CONTENT_LENGTH"] = io.BytesIO(body), str(len(body))
        return self.app(environ, start_response)


def unpacked(body: bytes) -> bytes | None:
    """A gzip or zlib body unpacked; None where it is neither, cut short, or far too large."""
    reader = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # finds out by itself which of the two it is
    try:
        plain = reader.decompress(body, MOST_BYTES)
    except zlib.error:
        return None
    return plain if reader.eof else None


def pack(response: Response, offers: tuple[str, ...]) -> None:
    """Compress an answer in the way that the client asks for, if the vendor offers it."""
    if response.is_streamed or response.direct_passthrough or "Content-Encoding" in response.headers:
        return
    chosen = request.accept_encodings.best_match(offers)
    body = response.get_data() if chosen else b""
    if chosen is None or len(body) < LEAST_BYTES:
        return
    response.set_data(PACK[chosen](body))
    response.headers["Content-Encoding"] = chosen
    response.vary.add("Accept-Encoding")
