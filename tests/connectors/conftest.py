"""A stub that says what no sandbox would."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.connectors.stub import Stub, running_stub


@pytest.fixture
def stub() -> Iterator[Stub]:
    """A server under the test's control."""
    with running_stub() as stub:
        yield stub
