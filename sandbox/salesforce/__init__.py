"""Salesforce as its REST API presents it: the leads, contacts, users and queues of one org, and SOQL."""

from __future__ import annotations

from flask import Flask

from sandbox.app import build
from sandbox.clock import Clock
from sandbox.salesforce.founding import ORG_ID
from sandbox.salesforce.org import TOKEN, Org
from sandbox.salesforce.routes import blueprint

__all__ = ["ORG_ID", "TOKEN", "create_app"]


def create_app(clock: Clock | None = None) -> Flask:
    """Make the app of a new org."""
    org = Org(clock or Clock())
    return build(org, blueprint(org))
