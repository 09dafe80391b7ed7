"""HubSpot's call limits: a rolling ten seconds and, for private apps, a day."""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Mapping
from datetime import datetime

from sandbox.hubspot.errors import PORTAL_ID, ApiError

WINDOW_S = 10.0
DAILY = "DAILY"


class Budget:
    """The calls of one account. A refused call does not count. Callers hold the vendor's lock."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self._day = ""
        self._today = 0

    def take(self, limits: Mapping[str, int | None], at: datetime) -> ApiError | None:
        """Count a call, or say which limit it breaks."""
        now = self._roll(at)
        burst, daily = limits["per_10s"], limits["daily"]
        if daily is not None and self._today >= daily:
            return too_many("You have reached your daily limit.", DAILY)
        if burst is not None and len(self._times) >= burst:
            return too_many("You have reached your ten_secondly_rolling limit.", "TEN_SECONDLY_ROLLING")
        self._times.append(now)
        self._today += 1
        return None

    def headers(self, limits: Mapping[str, int | None], at: datetime) -> dict[str, str]:
        """What every answer tells about the limits; nothing of one that is off."""
        now = self._roll(at)
        burst, daily = limits["per_10s"], limits["daily"]
        told: dict[str, str] = {}
        if burst is not None:
            second = max(1, burst // 10)  # deprecated, still sent
            told |= {
                "X-HubSpot-RateLimit-Max": str(burst),
                "X-HubSpot-RateLimit-Remaining": str(max(0, burst - len(self._times))),
                "X-HubSpot-RateLimit-Interval-Milliseconds": "10000",
                "X-HubSpot-RateLimit-Secondly": str(second),
                "X-HubSpot-RateLimit-Secondly-Remaining": str(max(0, second - self._since(now - 1, second))),
            }
        if daily is not None:  # OAuth apps have none, and no such headers
            told["X-HubSpot-RateLimit-Daily"] = str(daily)
            told["X-HubSpot-RateLimit-Daily-Remaining"] = str(max(0, daily - self._today))
        return told

    def _roll(self, at: datetime) -> float:
        now, day = at.timestamp(), at.date().isoformat()  # the account's time zone is UTC
        while self._times and not now - WINDOW_S < self._times[0] <= now:
            self._times.popleft()
        if day != self._day:
            self._day, self._today = day, 0
        return now

    def _since(self, start: float, most: int) -> int:
        recent = 0
        for time in reversed(self._times):
            if time <= start or recent == most:
                break
            recent += 1
        return recent


class Window:
    """Calls that have a limit of their own, over so many seconds. Callers hold the vendor's lock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._times: deque[float] = deque()

    def take(self, limit: int | None, at: datetime) -> ApiError | None:
        """Count a call, or refuse it in the shape that searches have."""
        now = at.timestamp()
        while self._times and not now - self._seconds < self._times[0] <= now:
            self._times.popleft()
        if limit is not None and len(self._times) >= limit:
            return too_many_searches()
        self._times.append(now)
        return None


def too_many_searches() -> ApiError:
    """429 as searches word it; unlike the gateway they name no policy."""
    return ApiError(429, "You have reached your secondly limit.", "RATE_LIMITS")


def too_many(message: str, policy: str) -> ApiError:
    """429 as the gateway words it; it has no category. The daily one is documented, the other is seen."""
    more = (
        {"requestId": str(uuid.uuid4())} if policy == DAILY else {"groupName": f"publicapi:app:{PORTAL_ID}"}
    )
    return ApiError(429, message, None, errorType="RATE_LIMIT", policyName=policy, **more)
