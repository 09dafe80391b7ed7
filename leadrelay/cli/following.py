"""What `status` says of how the changes of each CRM are followed."""

from __future__ import annotations

from collections.abc import Mapping

from leadrelay.cli.common import counted, say, table
from sync.followed import Followed, ObjectFollowed


def print_following(following: Mapping[str, Followed]) -> None:
    """Show when what changes in each CRM was last read to the end, what failed, and what is to be read."""
    rows = [
        (name, object_type, _read_at(one), one.problem, _bin(one))
        for name, followed in following.items()
        for object_type, one in followed.objects.items()
    ]
    if rows:
        title = "Changes: when what changes in each CRM was last read to the end"
        table(title, ("connection", "object", "read", "problem", "recycle bin"), rows)
    for name, followed in following.items():
        left_out = [one.unowned_since for one in followed.objects.values() if one.unowned_since]
        if left_out:
            since = f"{min(left_out):%Y-%m-%d %H:%M} UTC"
            say(f"{name}: who is new there is left out since {since}, as its owners cannot be read")
        if followed.to_read_since:
            waiting = "wait" if followed.to_read > 1 else "waits"
            say(
                f"{name}: {counted(followed.to_read, 'record')} {waiting} to be read by id, "
                f"since {followed.to_read_since:%Y-%m-%d %H:%M} UTC"
            )


def _read_at(one: ObjectFollowed) -> str:
    if one.begun_at is None:
        return "not looked at yet"
    return f"{one.read_at:%Y-%m-%d %H:%M}" if one.read_at else "not to the end yet"


def _bin(one: ObjectFollowed) -> str:
    if one.bin_problem:
        return one.bin_problem
    return f"{one.bin_read_at:%Y-%m-%d %H:%M}" if one.bin_read_at else "not looked at yet"
