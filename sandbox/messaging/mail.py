"""A mail as it is kept: who, when, what, taken from the bytes that came."""

from __future__ import annotations

import email
import email.policy
from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any


def read(content: bytes, *, sender: str, recipients: Sequence[str]) -> dict[str, Any]:
    """The fields of a mail; ``sender`` and ``recipients`` are those of the envelope."""
    message = email.message_from_bytes(content, policy=email.policy.default)
    return {
        "from": sender,
        "to": list(recipients),
        "subject": _clean(str(message.get("Subject", ""))),
        "date": _clean(str(message.get("Date", ""))),
        "message_id": _clean(str(message.get("Message-ID", ""))),
        "headers": [[name, _clean(str(value))] for name, value in message.items()],
        "text": _body(message, "plain"),
        "html": _body(message, "html"),
        "attachments": [
            part.get_filename() or part.get_content_type() for part in message.iter_attachments()
        ],
        "size_bytes": len(content),
    }


def _body(message: EmailMessage, kind: str) -> str:
    part = message.get_body(preferencelist=(kind,))
    if part is None:
        return ""
    try:
        return _clean(str(part.get_content())).replace("\r\n", "\n")
    except LookupError:  # a charset that Python does not know
        payload = part.get_payload(decode=True)
        return payload.decode("latin-1") if isinstance(payload, bytes) else ""


def _clean(text: str) -> str:
    """The text without lone surrogates, which stand for bytes that are no UTF-8 and cannot be sent on."""
    return text.encode("utf-8", "replace").decode("utf-8")
