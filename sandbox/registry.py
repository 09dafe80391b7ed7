"""The fake vendors by name."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from sandbox import hubspot, messaging, salesforce
from sandbox.clock import Clock

VENDORS: dict[str, Callable[[Clock], Flask]] = {
    "hubspot": hubspot.create_app,
    "salesforce": salesforce.create_app,
    "messaging": messaging.create_app,
}
