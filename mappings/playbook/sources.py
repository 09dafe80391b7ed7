"""Senders of leads."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from mappings.playbook.captchas import Captcha
from mappings.playbook.lead_ads import LeadAds
from model.decision import Place
from model.event import JsonValue


@dataclass(frozen=True, slots=True)
class SourceAuth:
    """How a sender proves itself. Secrets come from the environment, never from the file."""

    kind: str  # "none" (loopback only) | "token" | "hmac" | "standard_webhooks"
    place: Place
    secret_env: str = ""  # name of the environment variable
    header: str = ""  # token: header or query key; hmac: header of the signature
    query: str = ""  # token: query parameter, where headers cannot be set
    algorithm: str = "sha256"  # hmac
    encoding: str = "hex"  # hmac: "hex" | "base64"
    prefix: str = ""  # hmac: "sha256="
    tolerance: timedelta = timedelta(minutes=5)  # of a signed time, to either side
    field: str = ""  # token: field of the body, where the sender puts it there
    signed: str = "{body}"  # hmac: what it is over; "{time}" stands for the time as it was sent
    time_header: str = ""  # hmac: header of the time
    time_key: str = ""  # hmac: name of the time in a header such as "t=…,v1=…"
    signature_key: str = ""  # hmac: name of the signature in it
    challenge: str = "none"  # of "zoom", "facebook", "linkedin": how they make sure of an address
    verify_env: str = ""  # name of the variable that holds the word by which Facebook does


@dataclass(frozen=True, slots=True)
class Step:
    """One converter in a row, with what the playbook says of it."""

    name: str  # in ``mappings.values.converters``, or one of ``mappings.steps``
    options: Mapping[str, JsonValue] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Table:
    """A picklist: what the sender writes, in any case, and what it becomes."""

    values: Mapping[str, JsonValue]
    otherwise: str = "keep"  # "keep" | "blank" | "value": of what is not listed
    value: JsonValue = None  # of "value"


@dataclass(frozen=True, slots=True)
class FieldRule:
    """One canonical field of a source, in one case: the first of ``paths`` that is not blank, then converted.

    Of several rules for one field, in their order, the first counts whose ``when`` holds.
    """

    field: str
    paths: tuple[str, ...]  # dotted; the sender's names
    convert: tuple[Step, ...]
    place: Place
    constant: JsonValue = None  # used when ``paths`` is empty
    when: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)  # path -> accepted values
    separator: str | None = None  # all of ``paths`` are put together with this between them
    table: Table | None = None
    default: JsonValue = None  # converted; where the sender says nothing


@dataclass(frozen=True, slots=True)
class Required:
    """At least one of these canonical fields must be there."""

    any_of: tuple[str, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class ActivityRule:
    """What a post of this source counts as; the first whose ``when`` (path -> accepted values) matches."""

    kind: str
    place: Place
    detail_path: str = ""  # sender's field that names the form or asset
    when: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Source:
    """One sender of lead events; ``touch_paths``: touch field -> the sender's paths."""

    name: str
    place: Place
    auth: SourceAuth
    fields: tuple[FieldRule, ...]
    required: tuple[Required, ...] = ()
    activities: tuple[ActivityRule, ...] = ()
    captcha: Captcha | None = None
    lead_ads: LeadAds | None = None
    fill_time_path: str = ""  # sender's field with the milliseconds that the form was open
    least_fill_time: timedelta = timedelta(0)
    honeypot: tuple[str, ...] = ()  # sender's fields that people leave blank
    cors: tuple[str, ...] = ()  # origins, or "*"
    redirect: str | None = None  # where a plain HTML form is sent (303)
    id_header: str = ""  # sender's event id
    id_path: str = ""
    occurred_at_path: str = ""
    dedupe_window: timedelta = timedelta(minutes=10)
    max_bytes: int = 262_144
    max_depth: int = 12
    max_fields: int = 400
    json_fields: Mapping[str, str] = dataclasses.field(
        default_factory=dict
    )  # name for paths -> the sender's field whose text is JSON
    success_status: int = 202
    region: str = "US"  # for phone numbers without a country
    unit: str = "default"
    touch_paths: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)
    places: Mapping[str, Place] = dataclasses.field(
        default_factory=dict
    )  # "touch.source", "event_id", "occurred_at" -> where it is read
    touch_constants: Mapping[str, str] = dataclasses.field(
        default_factory=dict
    )  # touch field -> value, used when the sender says nothing
