"""The endpoints for pipelines and their stages."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flask import Blueprint, Response, request

from sandbox.app import answer
from sandbox.hubspot import render, shapes
from sandbox.hubspot.errors import ApiError, bad_request, fields_missing, not_found
from sandbox.hubspot.objects import Objects
from sandbox.hubspot.pipelines import Pipelines, a_pipeline, a_stage
from sandbox.hubspot.render import flag_in
from sandbox.hubspot.values import NUMBER, iso

if TYPE_CHECKING:
    from sandbox.hubspot.account import HubSpot

PIPELINES = ("/crm/v3/pipelines", "/crm/pipelines/2026-03", "/crm/pipelines/2026-09")
CHECKS = ("validateReferencesBeforeDelete", "validateDealStageUsagesBeforeDelete")


def add_to(api: Blueprint, account: HubSpot) -> None:
    """Register the endpoints under every path scheme."""

    def now() -> str:
        return iso(account.now())

    def listing(object_type: str) -> Response:
        return answer({"results": list(_of(account, object_type)[1].by_id.values())})

    def create(object_type: str) -> Response:
        _, pipelines = _of(account, object_type)
        sent = _complete(render.body(), "label", "displayOrder", "stages")
        with account.lock:
            made = a_pipeline(
                shapes.text(sent.get("pipelineId")) or str(uuid.uuid4()), *_named(sent), at=now()
            )
            if made["id"] in pipelines.by_id or any(
                told["label"] == made["label"] for told in pipelines.by_id.values()
            ):
                raise ApiError(409, f"A pipeline named '{made['label']}' already exists.", "CONFLICT")
            made["stages"] = [_new_stage(pipelines, stage, now()) for stage in shapes.objects(sent["stages"])]
            pipelines.by_id[made["id"]] = made
        return answer(made, 201)

    def read(object_type: str, pipeline_id: str) -> Response:
        return answer(_pipeline(_of(account, object_type)[1], pipeline_id))

    def change(object_type: str, pipeline_id: str) -> Response:
        objects, pipelines = _of(account, object_type)
        with account.lock:
            told = _pipeline(pipelines, pipeline_id)
            sent = render.body()
            if request.method == "PUT":
                _complete(sent, "label", "displayOrder", "stages")
                stages = [_new_stage(pipelines, stage, now()) for stage in shapes.objects(sent["stages"])]
                kept = {stage["id"] for stage in stages}
                for stage in told["stages"]:
                    if stage["id"] not in kept and _checks():
                        _refuse_used(objects, 1, stage["id"])
                told["stages"] = stages
            told |= _changes(sent, ("label", "displayOrder", "archived"), now())
            return answer(told)

    def archive(object_type: str, pipeline_id: str) -> Response:
        objects, pipelines = _of(account, object_type)
        with account.lock:
            _pipeline(pipelines, pipeline_id)
            if _checks():
                _refuse_used(objects, 0, pipeline_id)
            if len(pipelines.by_id) == 1:
                raise bad_request("The last pipeline of an object type cannot be deleted.")
            del pipelines.by_id[pipeline_id]
        return Response(status=204)

    def stages(object_type: str, pipeline_id: str) -> Response:
        return answer({"results": _pipeline(_of(account, object_type)[1], pipeline_id)["stages"]})

    def create_stage(object_type: str, pipeline_id: str) -> Response:
        _, pipelines = _of(account, object_type)
        with account.lock:
            told = _pipeline(pipelines, pipeline_id)
            stage = _new_stage(pipelines, render.body(), now())
            if any(one["id"] == stage["id"] or one["label"] == stage["label"] for one in told["stages"]):
                raise ApiError(409, f"A stage named '{stage['label']}' already exists.", "CONFLICT")
            told["stages"].append(stage)
            told["updatedAt"] = now()
        return answer(stage, 201)

    def read_stage(object_type: str, pipeline_id: str, stage_id: str) -> Response:
        return answer(_stage(_of(account, object_type)[1], pipeline_id, stage_id))

    def change_stage(object_type: str, pipeline_id: str, stage_id: str) -> Response:
        _, pipelines = _of(account, object_type)
        with account.lock:
            stage, sent = _stage(pipelines, pipeline_id, stage_id), render.body()
            if request.method == "PUT":
                _complete(sent, "label", "displayOrder", "metadata")
            told = {"metadata": _metadata(pipelines, sent)} if sent.get("metadata") else {}
            stage |= _changes({**sent, **told}, ("label", "displayOrder", "archived", "metadata"), now())
            return answer(stage)

    def archive_stage(object_type: str, pipeline_id: str, stage_id: str) -> Response:
        objects, pipelines = _of(account, object_type)
        with account.lock:
            stage = _stage(pipelines, pipeline_id, stage_id)
            if _checks():
                _refuse_used(objects, 1, stage_id)
            pipelines.by_id[pipeline_id]["stages"].remove(stage)
        return Response(status=204)

    for base in PIPELINES:
        kind = f"{base}/<object_type>"
        one, all_stages = f"{kind}/<pipeline_id>", f"{kind}/<pipeline_id>/stages"
        stage = f"{all_stages}/<stage_id>"
        api.add_url_rule(kind, f"list {base}", listing, methods=["GET"])
        api.add_url_rule(kind, f"create {base}", create, methods=["POST"])
        api.add_url_rule(one, f"read {base}", read, methods=["GET"])
        api.add_url_rule(one, f"change {base}", change, methods=["PUT", "PATCH"])
        api.add_url_rule(one, f"archive {base}", archive, methods=["DELETE"])
        api.add_url_rule(all_stages, f"stages {base}", stages, methods=["GET"])
        api.add_url_rule(all_stages, f"create stage {base}", create_stage, methods=["POST"])
        api.add_url_rule(stage, f"read stage {base}", read_stage, methods=["GET"])
        api.add_url_rule(stage, f"change stage {base}", change_stage, methods=["PUT", "PATCH"])
        api.add_url_rule(stage, f"archive stage {base}", archive_stage, methods=["DELETE"])


def _of(account: HubSpot, object_type: str) -> tuple[Objects, Pipelines]:
    objects = account.of(object_type)
    if objects.pipelines is None:
        raise account.missing(f"pipelines of {objects.kind.name}")
    return objects, objects.pipelines


def _pipeline(pipelines: Pipelines, pipeline_id: str) -> dict[str, Any]:
    if pipeline_id not in pipelines.by_id:
        raise not_found(f"Pipeline {pipeline_id} does not exist.")
    return pipelines.by_id[pipeline_id]


def _stage(pipelines: Pipelines, pipeline_id: str, stage_id: str) -> dict[str, Any]:
    _pipeline(pipelines, pipeline_id)
    stage = pipelines.stage(pipeline_id, stage_id)
    if stage is None:
        raise not_found(f"Stage {stage_id} does not exist in pipeline {pipeline_id}.")
    return stage


def _complete(sent: Mapping[str, Any], *needed: str) -> Mapping[str, Any]:
    missing = [name for name in needed if sent.get(name) is None]
    if missing:
        raise fields_missing(missing)
    return sent


def _named(sent: Mapping[str, Any]) -> tuple[str, int]:
    return shapes.text(sent["label"]), shapes.whole(sent["displayOrder"])


def _new_stage(pipelines: Pipelines, sent: Mapping[str, Any], at: str) -> dict[str, Any]:
    _complete(sent, "label", "displayOrder")
    stage_id = shapes.text(sent.get("stageId")) or str(uuid.uuid4())
    return a_stage(stage_id, *_named(sent), _metadata(pipelines, sent), at=at)


def _metadata(pipelines: Pipelines, sent: Mapping[str, Any]) -> Mapping[str, str]:
    """What was sent; a probability of 0 or 1 closes a stage."""
    metadata = {name: shapes.text(value) for name, value in shapes.an_object(sent.get("metadata")).items()}
    if pipelines.kind.name == "deals" and "probability" not in metadata:
        raise bad_request("A deal stage needs a probability in its metadata.")
    if "probability" in metadata:
        if not NUMBER.fullmatch(metadata["probability"]):
            raise bad_request("The probability of a deal stage is a number between 0.0 and 1.0.")
        closed = str(float(metadata["probability"]) in (0, 1)).lower()
        metadata = {"isClosed": closed, **metadata}
    return metadata


def _changes(sent: Mapping[str, Any], allowed: tuple[str, ...], at: str) -> dict[str, Any]:
    told = {name: sent[name] for name in allowed if name in sent}
    for name, read in (("label", shapes.text), ("displayOrder", shapes.whole)):
        if name in told:
            told[name] = read(told[name])
    if "archived" in told:
        told["archived"] = told["archived"] is True
    return told | {"updatedAt": at}


def _checks() -> bool:
    """Whether a delete looks at references: from 2026-09 on by itself, before that when asked to."""
    named = [name for name in CHECKS if name in request.args]
    return any(flag_in(name) for name in named) if named else "/2026-09" in request.path


def _refuse_used(objects: Objects, place: int, value: str) -> None:
    assert objects.kind.pipeline is not None
    name = objects.kind.pipeline[place]
    used = [record.id for record in objects.table.after() if record.values.get(name) == value]
    if used:
        message = f"{value} is used by {len(used)} {objects.kind.name} and cannot be deleted."
        raise bad_request(message, context={"ids": used[:10]})
