"""A toy vendor on a real port, for what all vendors share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from sandbox.server import running
from tests.sandbox.toy import toy_app


@pytest.fixture
def toy() -> Iterator[str]:
    """The address of a new toy vendor."""
    with running(toy_app()) as url:
        yield url


@pytest.fixture
def faults() -> Callable[..., requests.Response]:
    """Set the faults of the vendor at an address."""

    def set_faults(url: str, **setting: Any) -> requests.Response:
        return requests.post(f"{url}/__sandbox/faults", json=setting, timeout=60)

    return set_faults
