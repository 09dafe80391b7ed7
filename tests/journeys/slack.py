"""The sandbox's Slack as journeys look at it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from sandbox.clock import Clock
from sandbox.messaging import create_app
from sandbox.server import running

HOOK = "/services/T0SANDBOX1/B0LEADS001/sandboxleadssecret000001"  # of #leads
LEAD_ID = re.compile(r"ld_[0-9a-f]{24}")


@pytest.fixture
def slack() -> Iterator[str]:
    """A new Slack; the address of its sandbox."""
    with running(create_app(Clock())) as url:
        yield url


def messages(slack: str) -> list[dict[str, Any]]:
    """Every message that people can see, oldest first."""
    found: list[dict[str, Any]] = requests.get(f"{slack}/__sandbox/messages", timeout=60).json()["messages"]
    return found


def told_of(slack: str) -> Counter[str]:
    """How often a message named each lead by its id, where the playbook's title has {id} once."""
    return Counter(lead for one in messages(slack) for lead in LEAD_ID.findall(one["text"]))
