"""The registry holds what the contract asks for."""

from __future__ import annotations

import inspect

import pytest

from connectors.base import Connector
from connectors.registry import CONNECTORS
from tests.connectors.endpoints import an_endpoint


@pytest.mark.parametrize("kind", CONNECTORS)
def test_a_connector_has_the_whole_contract_with_its_parameters(kind):
    connector = CONNECTORS[kind]("acme", an_endpoint("http://127.0.0.1:9"))
    assert connector.name == "acme"
    assert connector.batch_size > 0
    for name, promised in inspect.getmembers(Connector, inspect.isfunction):
        if not name.startswith("_"):
            kept = inspect.signature(getattr(connector, name))
            assert list(kept.parameters) == list(inspect.signature(promised).parameters)[1:], name
