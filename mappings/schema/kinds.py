"""The kinds of files, and what is drawn from their models."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, get_args

from pydantic.fields import FieldInfo

from mappings.schema.accounts import AccountsFile
from mappings.schema.consent import ConsentFile
from mappings.schema.crms import CrmFile
from mappings.schema.deals import DealsFile
from mappings.schema.enrichment import EnrichmentFile
from mappings.schema.examples import ExamplesFile
from mappings.schema.fields import FieldsFile
from mappings.schema.icp import IcpFile
from mappings.schema.lifecycle import LifecycleFile
from mappings.schema.matching import MatchingFile, MatchWeightsFile
from mappings.schema.messages import FollowUpFile, NotificationsFile
from mappings.schema.pipeline import PipelineFile
from mappings.schema.privacy import PrivacyFile
from mappings.schema.retention import RetentionFile
from mappings.schema.routing import RoutingFile
from mappings.schema.scoring import ScoringFile
from mappings.schema.screening import ScreeningFile
from mappings.schema.sources import SourceFile
from mappings.schema.words import Strict

KINDS: Mapping[str, type[Strict]] = {
    "source": SourceFile,
    "crm": CrmFile,
    "lifecycle": LifecycleFile,
    "scoring": ScoringFile,
    "routing": RoutingFile,
    "screening": ScreeningFile,
    "accounts": AccountsFile,
    "consent": ConsentFile,
    "deals": DealsFile,
    "enrichment": EnrichmentFile,
    "icp": IcpFile,
    "matching": MatchingFile,
    "match_weights": MatchWeightsFile,
    "follow_up": FollowUpFile,
    "notifications": NotificationsFile,
    "pipeline": PipelineFile,
    "privacy": PrivacyFile,
    "retention": RetentionFile,
    "fields": FieldsFile,
    "test": ExamplesFile,
}


@cache
def json_schemas() -> dict[str, dict[str, Any]]:
    """Return the JSON Schema of each file kind, for editors that complete and check while typing."""
    return {
        kind: {"$schema": "https://json-schema.org/draft/2020-12/schema", **model.model_json_schema()}
        for kind, model in KINDS.items()
    }


def settings_of(model: type[Strict]) -> Iterator[tuple[str, FieldInfo, type[Strict] | None]]:
    """Yield the settings of a model by their names in the file, each with the model inside it."""
    for name, info in model.model_fields.items():
        inner = _model_in(info.annotation) or next(filter(None, map(_model_in, info.metadata)), None)
        yield info.alias or name, info, inner


def _model_in(annotation: Any) -> type[Strict] | None:
    """Find the model inside ``dict[str, Annotated[Model, …]]`` and the like."""
    if isinstance(annotation, type) and issubclass(annotation, Strict):
        return annotation
    return next(filter(None, map(_model_in, get_args(annotation))), None)
