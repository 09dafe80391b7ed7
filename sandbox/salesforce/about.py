"""The endpoints that tell about the API, the limits and the objects."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any

from sandbox.salesforce.answers import Ask, Reply
from sandbox.salesforce.oauth.grants import identity_url
from sandbox.salesforce.oauth.hosts import host_of
from sandbox.salesforce.schema import Field, ObjectType
from sandbox.salesforce.single import not_modified_since
from sandbox.salesforce.versions import listed


def versions(_ask: Ask) -> Reply:
    """The API versions."""
    return Reply(200, listed())


def resources(ask: Ask) -> Reply:
    """What is there under a version; the sandbox tells only what it has."""
    names = ("composite", "jobs", "limits", "query", "queryAll", "sobjects", "tooling")
    identity = identity_url(host_of(ask.headers.get("Host", "127.0.0.1")), ask.user_id)
    return Reply(200, {name: f"{ask.base}/{name}" for name in names} | {"identity": identity})


def limits(ask: Ask) -> Reply:
    """The org's limits; only the daily one is ever used up here."""
    full = {"DailyBulkApiBatches": 15_000, "DailyBulkV2QueryJobs": 10_000,
            "DailyStandardVolumePlatformEvents": 10_000,
            "DataStorageMB": 1_024, "FileStorageMB": 1_024, "HourlyAsyncReportRuns": 1_200}  # fmt: skip
    daily = {"Max": ask.org.daily_limit, "Remaining": ask.org.calls_left()}
    return Reply(
        200, {"DailyApiRequests": daily} | {name: {"Max": n, "Remaining": n} for name, n in full.items()}
    )


def describe_all(ask: Ask) -> Reply:
    """All objects in short."""
    told = [_short(ask, kind) for kind in ask.org.schema]
    return Reply(200, {"encoding": "UTF-8", "maxBatchSize": 200, "sobjects": told})


def basics(ask: Ask) -> Reply:
    """One object in short; nobody has looked at a record lately."""
    kind = ask.org.kind(ask.arguments["sobject"])
    return Reply(200, {"objectDescribe": _short(ask, kind), "recentItems": []})


def describe(ask: Ask) -> Reply:
    """One object with its fields."""
    kind = ask.org.kind(ask.arguments["sobject"])
    if not_modified_since(ask, ask.org.schema_changed_at):
        return Reply(304)
    record_types = [{
        "active": True, "available": True, "defaultRecordTypeMapping": True, "developerName": "Master",
        "master": True, "name": "Master", "recordTypeId": "012000000000000AAA", "urls": {},
    }]  # fmt: skip
    more = {
        "actionOverrides": [], "associateEntityType": None, "associateParentEntity": None,
        "childRelationships": [_child(*one) for one in ask.org.schema.children(kind)],
        "compactLayoutable": True, "deepCloneable": False,
        "defaultImplementation": None, "extendedBy": None, "extendsInterfaces": None,
        "fields": [field.describe() for field in kind.fields], "hasSubtypes": False, "implementedBy": None,
        "implementsInterfaces": None, "isInterface": False, "isSubtype": False, "listviewable": None,
        "lookupLayoutable": None, "namedLayoutInfos": [], "networkScopeFieldName": None,
        "recordTypeInfos": record_types if "undelete" in kind.allows else [], "searchLayoutable": True,
        "sobjectDescribeOption": "FULL", "supportedScopes": [],
    }  # fmt: skip
    return Reply(
        200,
        _short(ask, kind) | more,
        {"Last-Modified": format_datetime(ask.org.schema_changed_at, usegmt=True)},
    )


def _child(kind: ObjectType, field: Field) -> dict[str, Any]:
    return {
        "cascadeDelete": field.children is not None, "childSObject": kind.name, "deprecatedAndHidden": False,
        "field": field.name, "junctionIdListNames": [], "junctionReferenceTo": [],
        "relationshipName": field.children, "restrictedDelete": False,
    }  # fmt: skip


def _short(ask: Ask, kind: ObjectType) -> dict[str, Any]:
    base = f"{ask.base}/sobjects/{kind.name}"
    allows, is_lead_like = kind.allows, "undelete" in kind.allows
    return {
        "activateable": False,
        "createable": "create" in allows,
        "custom": False,
        "customSetting": False,
        "deletable": "delete" in allows,
        "deprecatedAndHidden": False,
        "feedEnabled": is_lead_like,
        "keyPrefix": kind.key_prefix,
        "label": kind.label,
        "labelPlural": kind.label_plural,
        "layoutable": is_lead_like,
        "mergeable": "merge" in allows,
        "mruEnabled": is_lead_like,
        "name": kind.name,
        "queryable": True,
        "replicateable": True,
        "retrieveable": True,
        "searchable": kind.name != "Organization",
        "triggerable": is_lead_like,
        "undeletable": is_lead_like,
        "updateable": "update" in allows,
        "urls": {"rowTemplate": base + "/{ID}", "describe": base + "/describe", "sobject": base},
    }
