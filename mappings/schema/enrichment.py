"""enrichment.yaml"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.sources import CaseMap, FieldMap, field_map
from mappings.schema.words import REGION, Condition, Duration, Strict, Text

PROVIDER = r"^[a-z][a-z0-9_]{0,29}$"


class SpendMap(Strict):
    """What may be spent on the provider; one of the two bounds is needed."""

    per_day: int | None = Field(None, ge=1, le=10_000_000, description="Calls in a day (UTC) at most.")
    per_month: int | None = Field(None, ge=1, le=100_000_000, description="Calls in a month (UTC) at most.")
    cost: int | float | None = Field(None, ge=0, le=1000, description="What a call costs; status adds it up.")
    currency: str = Field("EUR", pattern=r"^[A-Z]{3}$", description="In which currency: EUR.")


class ProviderMap(Strict):
    """Somebody who can be asked over HTTP what is not known of a lead."""

    name: Annotated[str, Field(pattern=PROVIDER)] = Field(
        description="What it is called: small letters, digits and _, at most 30."
    )
    when: Condition | None = Field(None, description="Which leads are asked about; left out: every lead.")
    url: Text = Field(
        description="The address, with placeholders: https://api.example.com/companies/{email_domain}."
    )
    method: Literal["GET", "POST"] = Field("GET", description="How it is asked.")
    headers: dict[str, Text] = Field(
        default_factory=dict,
        description="Headers; secrets by variables of the environment: ${LEADRELAY_PROVIDER_ACME_KEY}.",
    )
    query: dict[str, Text] = Field(default_factory=dict, description="Parameters behind the address.")
    body: dict[str, Any] | None = Field(
        None, description="What is posted, as JSON; placeholders in its texts."
    )
    timeout: Duration = Field("10s", description="How long an answer may take: 1s to 60s.")
    fields: dict[
        str,
        Annotated[
            FieldMap,
            BeforeValidator(
                field_map, json_schema_input_type=str | list[str] | list[str | CaseMap] | FieldMap
            ),
        ],
    ] = Field(min_length=1, description="Lead field: where it is in the answer, as under sources.")
    region: str = Field("US", pattern=REGION, description="Country of telephone numbers without a prefix.")
    cache: Duration = Field(
        "30d", description="How long an answer serves all leads that ask the same; 0d: it does not."
    )
    spend: SpendMap = Field(description="What may be spent on it.")
    at_cap: Literal["skip", "later"] = Field(
        "skip", description="At the cap: skip does not ask, later asks in the next day or month."
    )
    on_failure: Literal["skip", "later"] = Field(
        "skip", description="Without an answer: skip goes on, later asks again after a day, twice."
    )
    wait_for: Duration | None = Field(
        None,
        description="How long owner and messages wait for the answer (1s to 1h); left out: not at all.",
    )


class EnrichmentFile(Strict):
    """Who is asked over HTTP what is not known of a lead."""

    providers: list[ProviderMap] = Field(
        description="All whose condition holds are asked, each once for the same values of a lead."
    )
