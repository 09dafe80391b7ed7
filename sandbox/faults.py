"""Makes a vendor misbehave on request: slow, failing, dropping, over its limits; seeded, so it repeats."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any


class BadSetting(ValueError):
    """A fault setting that cannot be; names the key."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}")
        self.key = key


@dataclass(slots=True)
class Plan:
    """What shall go wrong with one call."""

    latency_s: float = 0.0
    drop: bool = False  # the connection closes before anything takes effect
    status: int | None = None  # the vendor answers this error instead of working
    timeout_s: float | None = None  # the call takes effect; after so long the connection closes unanswered
    cut: bool = False  # the call takes effect; its answer breaks off half way
    half_failed_rate: float = 0.0
    random: Random = field(default_factory=Random)

    def item_fails(self) -> bool:
        """Whether the next item of a batch fails with a retryable error."""
        return self.half_failed_rate > 0 and self.random.random() < self.half_failed_rate


ALL_WELL = Plan()


def number(value: Any) -> float:
    """A number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError("must be a number, 0 or more")
    return value


def rate(value: Any) -> float:
    """A share of the calls."""
    if number(value) > 1:
        raise ValueError("must be between 0 and 1")
    return float(value)


def latency(value: Any) -> Any:
    """Milliseconds: one number, or the bounds of a uniform draw."""
    if not isinstance(value, dict):
        return number(value)
    if set(value) != {"min", "max"} or number(value["min"]) > number(value["max"]):
        raise ValueError('must be a number or {"min": a, "max": b} with a <= b')
    return value


def seconds(value: Any) -> float:
    """Seconds, also negative."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number of seconds")
    return value


def whole(value: Any) -> int:
    """A whole number."""
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError("must be a whole number")
    return value


def count(value: Any) -> int | None:
    """How many calls, or null for no end."""
    if value is not None and whole(value) < 0:
        raise ValueError("must be 0 or more, or null")
    return None if value is None else int(value)


def status(value: Any) -> int:
    """An HTTP error status; vendors also use unofficial ones such as 477 and 524."""
    if not 400 <= whole(value) <= 599:
        raise ValueError("must be an HTTP status from 400 to 599")
    return int(value)


def only(value: Any) -> Any:
    """A path prefix, or a list of "METHOD template" as the stats name them."""
    if value is None or isinstance(value, str):
        return value
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ValueError('must be a path prefix or a list of "METHOD /path/template"')
    return value


# key: (default, check). `count` and `only` narrow the keys above them; those below hold until changed.
KEYS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    "seed": (0, whole),
    "latency_ms": (0, latency),
    "drop_rate": (0.0, rate),
    "error_rate": (0.0, rate),
    "error_status": (500, status),
    "rate_429": (0.0, rate),
    "timeout_rate": (0.0, rate),
    "timeout_s": (5.0, number),
    "cut_rate": (0.0, rate),
    "half_failed_rate": (0.0, rate),
    "only": (None, only),
    "count": (None, count),
    "search_lag_ms": (0, number),
    "clock_skew_s": (0, seconds),
    # What a vendor sends by itself.
    "push_duplicate_rate": (0.0, rate),
    "push_reorder_rate": (0.0, rate),
    "push_delay_ms": (0, number),
}


class Faults:
    """The present fault setting of one vendor, and the plan it makes for each call."""

    def __init__(self, limits: Mapping[str, int | None], switches: Mapping[str, tuple[str, ...]]) -> None:
        self._default_limits = dict(limits)
        self._switches = dict(switches)  # keys only this vendor has: the choices, the default first
        self._lock = threading.Lock()
        self.set({})

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Replace the whole setting; what is not named goes back to its default."""
        setting = {key: default for key, (default, _) in KEYS.items()}
        setting |= {key: choices[0] for key, choices in self._switches.items()}
        setting["limits"] = dict(self._default_limits)
        for key, value in wanted.items():
            setting[key] = self._checked(key, value)
        with self._lock:
            self.setting = setting
            self.limits: dict[str, int | None] = setting["limits"]
            self._seen = 0  # calls the setting applied to
            rates = (
                "drop_rate", "error_rate", "rate_429", "timeout_rate", "cut_rate", "half_failed_rate",
                "latency_ms",
            )  # fmt: skip
            self._idle = not any(setting[name] for name in rates)

    def plan(self, template: str, path: str) -> Plan:
        """What shall happen to this call. The n-th call of a seed always gets the same plan."""
        if self._idle:
            return ALL_WELL
        with self._lock:
            setting = self.setting
            spent = setting["count"] is not None and self._seen >= setting["count"]
            if spent or not _applies(setting["only"], template, path):
                return ALL_WELL
            self._seen += 1
            return _draw(setting, Random(f"{setting['seed']}:{self._seen}"))

    def as_json(self) -> dict[str, Any]:
        """The setting, with the number of calls it has applied to."""
        return {**self.setting, "applied": self._seen}

    def _checked(self, key: str, value: Any) -> Any:
        if key in self._switches:
            if value not in self._switches[key]:
                raise BadSetting(key, f"must be one of {', '.join(self._switches[key])}")
            return value
        if key == "limits":
            return self._checked_limits(value)
        if key not in KEYS:
            known = ", ".join([*KEYS, "limits", *self._switches])
            raise BadSetting(key, f"there is no such fault; known: {known}")
        try:
            return KEYS[key][1](value)
        except ValueError as error:
            raise BadSetting(key, str(error)) from None

    def _checked_limits(self, value: Any) -> dict[str, int | None]:
        if not isinstance(value, dict):
            raise BadSetting("limits", "must be an object of limit names and numbers")
        for name, limit in value.items():
            if name not in self._default_limits:
                raise BadSetting(
                    f"limits.{name}", f"known limits: {', '.join(self._default_limits) or 'none'}"
                )
            if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
                raise BadSetting(f"limits.{name}", "must be a whole number, or null for no limit")
        return {**self._default_limits, **value}


def _applies(only_these: str | list[str] | None, template: str, path: str) -> bool:
    if only_these is None:
        return True
    return path.startswith(only_these) if isinstance(only_these, str) else template in only_these


def _draw(setting: Mapping[str, Any], random: Random) -> Plan:
    drawn = {name: random.random() for name in ("latency", "drop", "error", "429", "timeout")}
    # Drawn only where it is asked for: the draws for the rows of a batch come after it.
    cut = setting["cut_rate"] > 0 and random.random() < setting["cut_rate"]
    span = setting["latency_ms"]
    low, high = (span["min"], span["max"]) if isinstance(span, dict) else (span, span)
    answer = setting["error_status"] if drawn["error"] < setting["error_rate"] else None
    return Plan(
        latency_s=(low + (high - low) * drawn["latency"]) / 1000,
        drop=drawn["drop"] < setting["drop_rate"],
        status=429 if drawn["429"] < setting["rate_429"] else answer,
        timeout_s=setting["timeout_s"] if drawn["timeout"] < setting["timeout_rate"] else None,
        cut=cut,
        half_failed_rate=setting["half_failed_rate"],
        random=random,
    )
