"""Retry-After: seconds or a moment, and nothing that cannot be read."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from connectors.waits import retry_after

AT = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7.0),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"Retry-After": "0"}, 0.0),
        ({"Retry-After": "Sun, 22 Nov 2026 12:00:30 GMT"}, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 13:00:30 +0100"}, 30.0),
        ({"Retry-After": "Sun, 22 Nov 2026 11:00:00 GMT"}, 0.0),  # it has passed
        # The server's clock is an hour ahead of ours: its own Date says what it means.
        ({"Retry-After": "Sun, 22 Nov 2026 13:00:30 GMT", "Date": "Sun, 22 Nov 2026 13:00:00 GMT"}, 30.0),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-5"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": ""}, None),
    ],
)
def test_what_a_server_asks_for(headers, expected):
    assert retry_after(headers, AT) == expected
