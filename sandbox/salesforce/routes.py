"""The table of endpoints, and how a call gets to its handler: from outside, or from inside a composite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from flask import Blueprint, Response, request
from werkzeug.routing import Map, Rule

from sandbox.salesforce import about, batches, page_links, queries, replication, single, tooling, trees
from sandbox.salesforce.answers import Ask, Reply, to_response
from sandbox.salesforce.batch import batch
from sandbox.salesforce.bulk import ingest, work
from sandbox.salesforce.bulk import query as bulk_query
from sandbox.salesforce.composite import Handler, composite
from sandbox.salesforce.errors import SalesforceError
from sandbox.salesforce.graphs import graphs
from sandbox.salesforce.journal import Journal
from sandbox.salesforce.oauth import routes as oauth
from sandbox.salesforce.org import Org, caller
from sandbox.salesforce.soap import routes as soap

BASE = "/services/data/<version>"

# Method, path below the version, handler. What is not here answers 501.
ENDPOINTS: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "", about.resources),
    ("GET", "/limits", about.limits),
    ("GET", "/sobjects", about.describe_all),
    ("GET", "/sobjects/<sobject>", about.basics),
    ("GET", "/sobjects/<sobject>/describe", about.describe),
    ("GET", "/sobjects/<sobject>/updated", replication.updated),
    ("GET", "/sobjects/<sobject>/deleted", replication.deleted),
    ("POST", "/sobjects/<sobject>", single.create),
    ("POST", "/sobjects/<sobject>/<field>", single.create_by_id_field),
    ("GET", "/sobjects/<sobject>/<record_id>", single.read),
    ("PATCH", "/sobjects/<sobject>/<record_id>", single.update),
    ("DELETE", "/sobjects/<sobject>/<record_id>", single.delete),
    ("GET", "/sobjects/<sobject>/<field>/<path:value>", single.read_by_key),
    ("PATCH", "/sobjects/<sobject>/<field>/<path:value>", single.upsert),
    ("DELETE", "/sobjects/<sobject>/<field>/<path:value>", single.delete_by_key),
    ("GET", "/query", queries.query),
    ("GET", "/query/<locator>", queries.more),
    ("GET", "/queryAll", queries.query_all),
    ("GET", "/queryAll/<locator>", queries.more),
    ("POST", "/tooling/sobjects/<entity>", tooling.create),
    ("POST", "/composite/sobjects", batches.create),
    ("PATCH", "/composite/sobjects", batches.update),
    ("DELETE", "/composite/sobjects", batches.delete),
    ("POST", "/composite/tree/<sobject>", trees.create_tree),
    ("POST", "/jobs/ingest", ingest.create),
    ("GET", "/jobs/ingest", ingest.listed),
    ("PUT", "/jobs/ingest/<job_id>/batches", ingest.upload),
    ("PATCH", "/jobs/ingest/<job_id>", ingest.change),
    ("GET", "/jobs/ingest/<job_id>", ingest.look),
    ("DELETE", "/jobs/ingest/<job_id>", ingest.remove),
    ("GET", "/jobs/ingest/<job_id>/<which>", ingest.results),
    ("POST", "/jobs/query", bulk_query.create),
    ("GET", "/jobs/query", bulk_query.listed),
    ("GET", "/jobs/query/<job_id>", bulk_query.look),
    ("PATCH", "/jobs/query/<job_id>", bulk_query.abort),
    ("DELETE", "/jobs/query/<job_id>", bulk_query.remove),
    ("GET", "/jobs/query/<job_id>/results", bulk_query.results),
    ("GET", "/jobs/query/<job_id>/resultPages", bulk_query.pages),
    ("GET", "/jobs/query/<job_id>/resultpages", bulk_query.pages),
    ("GET", "/composite/sobjects/<sobject>", batches.retrieve),
    ("POST", "/composite/sobjects/<sobject>", batches.retrieve),
    ("PATCH", "/composite/sobjects/<sobject>/<field>", batches.upsert),
)

# Path below composite, and what runs the calls in the body.
_OF_SEVERAL: dict[str, Callable[..., Reply]] = {"": composite, "/batch": batch, "/graph": graphs}

_MAP = Map(
    [Rule(BASE + path, endpoint=handler, methods=[method]) for method, path, handler in ENDPOINTS],
    strict_slashes=False, merge_slashes=False,
)  # fmt: skip


def blueprint(org: Org) -> Blueprint:
    """Build the endpoints of an org."""
    routes = Blueprint("salesforce", __name__)
    routes.get("/services/data", endpoint="versions")(partial(_serve, org, about.versions))
    for part, several in _OF_SEVERAL.items():
        endpoint = f"composite{part.replace('/', '_')}"
        routes.post(f"{BASE}/composite{part}", endpoint=endpoint)(
            partial(_serve, org, partial(several, match=_match))
        )
    for number, (method, path, handler) in enumerate(ENDPOINTS):
        name = f"{handler.__module__.rpartition('.')[2]}_{handler.__name__}_{number}"
        routes.route(BASE + path, methods=[method], endpoint=name)(partial(_serve, org, handler))
    oauth.add_to(routes, org)
    soap.add_to(routes, org)
    page_links.add_to(routes, org)
    return routes


def _match(path: str, method: str) -> tuple[Handler, Mapping[str, str]]:
    handler, arguments = _MAP.bind("").match(path, method)
    return handler, arguments


def _serve(org: Org, handler: Handler, **arguments: str) -> Response:
    """Answer a call under the org's lock; what it wrote becomes history."""
    journal = Journal()
    params = {name: values[-1] for name, values in request.args.lists()}
    ask = Ask(
        org, request.method, arguments, params, request.headers, request.get_data(), journal, caller(org)
    )
    with org.lock:
        try:
            if org.jobs.waiting:
                work.settle(ask)
            reply = handler(ask)
        except SalesforceError as error:
            journal.roll_back()
            reply = Reply.of(error)
        except BaseException:  # a mistake of the sandbox: leave no half of a call behind
            journal.roll_back()
            raise
        journal.commit(org.wrote)
        return to_response(reply)
