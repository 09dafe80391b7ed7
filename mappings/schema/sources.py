"""sources/*.yaml"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from mappings.schema.converting import Steps
from mappings.schema.words import REGION, Duration, Name, Names, Scalar, Strict, Text


class Auth(Strict):
    """How the sender proves itself."""

    kind: Literal["none", "token", "hmac", "standard_webhooks"] = Field(
        description="none: posts from this machine only. token: a shared secret in a header or the query. "
        "hmac: a signature over the body. standard_webhooks: id, time and signature headers."
    )
    secret_env: str = Field("", description="Name of the environment variable that holds the secret.")
    header: str = Field("", description="Header of the token, or of the signature.")
    query: str = Field("", description="Query parameter of the token, for senders that cannot set headers.")
    algorithm: Literal["sha1", "sha256", "sha512"] = Field(
        "sha256", description="Hash of the hmac signature."
    )
    encoding: Literal["hex", "base64"] = Field("hex", description="How the hmac signature is written.")
    prefix: str = Field("", description='Text before the signature, such as "sha256=".')
    tolerance: Duration = Field("5m", description="How far a signed time may be from the server's clock.")
    field: str = Field(
        "", description="Field of the body that holds the token, for senders that put it there."
    )
    signed: str = Field(
        "{body}", description='What the hmac is over: "{body}", with the time "{time}.{body}" or the like.'
    )
    time_header: str = Field(
        "", description="Header of the signed time, in seconds or milliseconds since 1970."
    )
    time_key: str = Field("", description='Name of the time in a signature header such as "t=…,v1=…": t.')
    signature_key: str = Field("", description="Name of the signature in such a header: v1.")
    challenge: Literal["none", "zoom", "facebook", "linkedin"] = Field(
        "none", description="Whose way of making sure of an address is answered."
    )
    verify_env: str = Field(
        "", description="facebook: name of the variable that holds the Verify Token of the app's webhook."
    )


class CaseMap(Strict):
    """Where one lead field comes from, in one case."""

    when: dict[str, Names] = Field(
        default_factory=dict,
        description="Sender's field and accepted values, all of which must hold; left out, in every case.",
    )
    paths: Names = Field(
        default_factory=list,
        alias="from",
        description="The sender's fields, best first; dots lead into objects. Also query.x and headers.x.",
    )
    join: Names = Field(
        default_factory=list,
        description="The sender's fields whose values are put together in this order, instead of from.",
    )
    separator: str = Field(" ", max_length=20, description="What join puts between them.")
    values: dict[str, Scalar] = Field(
        default_factory=dict,
        description="What the sender writes, in any case: what it becomes. Looked up before convert, or "
        "where convert says values.",
    )
    otherwise: Scalar = Field(
        "keep", alias="else", description="What values does not list: keep (as it is), blank, or this value."
    )
    convert: Steps | None = Field(
        None, description="Converters in order, some with options; left out, the field's usual one."
    )
    default: Scalar = Field(None, description="Where the sender says nothing.")
    value: Scalar = Field(None, description="A constant, instead of from.")


def _named(value: Any) -> Any:
    """Let the sender's names stand for the whole map."""
    return {"from": value} if isinstance(value, str | list) else value


class FieldMap(CaseMap):
    """Where one lead field comes from: as it stands here, or by the first of several cases that holds."""

    cases: list[Annotated[CaseMap, BeforeValidator(_named, json_schema_input_type=str | CaseMap)]] = Field(
        default_factory=list,
        description="Several such maps; the first whose when holds. A list of them means the same.",
    )


class AnyOf(Strict):
    """At least one of these fields must be there."""

    any_of: list[Text] = Field(min_length=1, description="Lead fields, one of which must be there.")


def field_map(value: Any) -> Any:
    """Let the sender's names, or a list of cases, stand for the whole map."""
    if isinstance(value, list) and any(isinstance(one, dict) for one in value):
        return {"cases": value}
    return _named(value)


def _any_of(value: Any) -> Any:
    if isinstance(value, str):
        return {"any_of": [value]}
    return {"any_of": value} if isinstance(value, list) else value


class TouchMap(Strict):
    """Where one touch field comes from, before the usual UTM names are tried."""

    paths: Names = Field(default_factory=list, alias="from", description="The sender's fields, best first.")
    value: Text | None = Field(None, description="A constant, used when the sender says nothing.")


class ActivityMap(Strict):
    """What a post of this source counts as."""

    kind: Name = Field(description="The activity, as scoring and the lifecycle name it: demo_request.")
    when: dict[str, Names] = Field(
        default_factory=dict, description="Sender's field and accepted values; left out, every post counts."
    )
    detail: str = Field("", description="Sender's field that names the form or the asset.")


class EventId(Strict):
    """Where the sender's own event id is; with it, a second delivery is recognised for ever."""

    header: str = Field("", description="Header that holds the id.")
    path: str = Field("", description="Sender's field that holds the id.")


class CaptchaMap(Strict):
    """The captcha of a form; its provider is asked about each post's token."""

    kind: Literal["turnstile", "hcaptcha", "recaptcha_v2", "recaptcha_v3"] = Field(
        description="Whose widget the form has."
    )
    secret_env: Text = Field(description="Name of the environment variable that holds its secret.")
    field: str = Field("", description="Sender's field of the token; left out, where the widget puts it.")
    if_down: Literal["let_in", "hold"] = Field(
        "hold",
        description="When nobody can say: hold keeps the post for a person, let_in takes it like any other.",
    )
    least_score: float = Field(0.5, ge=0, le=1, description="recaptcha_v3: a lower score is a robot's.")
    action: str = Field("", description="turnstile, recaptcha_v3: what the token must be for.")
    hostnames: Names = Field(
        default_factory=list, description="Sites on which it must have been solved; left out: any."
    )


class LeadAdsMap(Strict):
    """Posts that only name a lead, which is then read from its vendor."""

    kind: Literal["facebook", "linkedin"] = Field(description="Whose lead ads they are.")
    secret_env: Text = Field(
        description="Name of the variable that holds the access token for reading leads."
    )
    version: str = Field("", description="Version of the vendor's API; left out, the one that was tried.")
    fields: Names = Field(
        default_factory=list,
        description="facebook: fields of the lead beside its answers, such as campaign_name; the token needs "
        "ads_management for those.",
    )


class FillTimeMap(Strict):
    """How long somebody needs for the form at least; who is faster is a robot."""

    field: Text = Field(
        description="Sender's field in which the page says how long the form was open, in milliseconds."
    )
    at_least: Duration = Field("3s", description="A shorter time is spam: 3s.")


class SourceFile(Strict):
    """One sender of lead events: how it proves itself and what its fields mean."""

    name: Name | None = Field(None, description="Name in the address /in/<name>; else the file's name.")
    auth: Auth = Field(description="How the sender proves itself.")
    fields: dict[
        str,
        Annotated[
            FieldMap,
            BeforeValidator(
                field_map, json_schema_input_type=str | list[str] | list[str | CaseMap] | FieldMap
            ),
        ],
    ] = Field(min_length=1, description="Lead field: where it comes from.")
    required: list[
        Annotated[AnyOf, BeforeValidator(_any_of, json_schema_input_type=str | list[str] | AnyOf)]
    ] = Field(
        default_factory=list, description="Fields without which a post is quarantined; [a, b]: one of them."
    )
    touch: dict[
        str,
        Annotated[TouchMap, BeforeValidator(_named, json_schema_input_type=str | list[str] | TouchMap)],
    ] = Field(default_factory=dict, description="Touch field: the sender's own names for it.")
    activities: list[ActivityMap] = Field(
        default_factory=list, description="What a post counts as; the first that fits."
    )
    honeypot: Names = Field(
        default_factory=list, description="Fields that people never see and robots fill in."
    )
    fill_time: FillTimeMap | None = Field(
        None, description="Posts of forms that were filled in faster than people do are spam."
    )
    captcha: CaptchaMap | None = Field(
        None, description="Each post is checked with the provider of a captcha before it becomes a lead."
    )
    lead_ads: LeadAdsMap | None = Field(
        None, description="Posts name a lead only, which is read from its vendor before it is decided on."
    )
    cors: Names = Field(default_factory=list, description='Origins whose pages may post by script, or "*".')
    redirect: str | None = Field(None, description="Where a plain HTML form is sent afterwards.")
    event_id: EventId = Field(
        default_factory=lambda: EventId.model_validate({}), description="Where the sender's own event id is."
    )
    occurred_at: str = Field("", description="Sender's field with the time at which it happened.")
    json_fields: dict[Name, Text] = Field(
        default_factory=dict,
        description="Name for paths: the sender's field whose text is JSON, as in form: rawRequest.",
    )
    success_status: Literal[200, 202] = Field(
        202, description="How a post is answered that was taken; 200 for senders that take no other."
    )
    dedupe_window: Duration = Field("10m", description="The same body within this time is a repeat.")
    max_bytes: int = Field(262_144, ge=1_024, le=8_388_608, description="Size of the largest post.")
    max_depth: int = Field(12, ge=1, le=50, description="Deepest nesting of a post.")
    max_fields: int = Field(400, ge=1, le=10_000, description="Most fields of a post.")
    region: str = Field("US", pattern=REGION, description="Country of phone numbers without a prefix.")
    unit: Name = Field("default", description="Business unit that the leads belong to.")
