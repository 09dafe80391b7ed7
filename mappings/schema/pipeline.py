"""pipeline.yaml"""

from __future__ import annotations

from pydantic import Field

from mappings.schema.words import Strict, Text


class AttributionMap(Strict):
    """How touches become first and last touch."""

    skip_direct: bool = Field(True, description="A direct visit never replaces a known last touch.")


class PipelineFile(Strict):
    """The rules in the order in which they run."""

    handlers: list[Text] = Field(min_length=1, description="The handlers, in the order in which they run.")
    attribution: AttributionMap = Field(
        default_factory=lambda: AttributionMap.model_validate({}),
        description="How touches become first and last touch.",
    )
