"""The logical hosts that one port plays, told apart by the Host header."""

from __future__ import annotations

import re
from dataclasses import dataclass

MY_DOMAIN = "northlight.my.salesforce.com"
SANDBOX_MY_DOMAIN = "northlight--sandbox.sandbox.my.salesforce.com"

_MY_DOMAIN = re.compile(r"[\w-]+(\.sandbox|\.develop|\.scratch)?\.my\.salesforce\.com")


@dataclass(frozen=True, slots=True)
class Host:
    """Where a call was addressed to."""

    login_url: str  # the host in identity addresses
    instance_url: str  # where the data is
    is_my_domain: bool  # also a bare address such as 127.0.0.1:8902, which plays all of them


def host_of(header: str, scheme: str = "http") -> Host:
    """The host that a Host header names; a bare address is told with the scheme it was called by."""
    name = header.lower()
    bare = name.partition(":")[0]
    if bare in ("login.salesforce.com", "test.salesforce.com"):
        instance = MY_DOMAIN if bare.startswith("login") else SANDBOX_MY_DOMAIN
        return Host(f"https://{bare}", f"https://{instance}", is_my_domain=False)
    if _MY_DOMAIN.fullmatch(bare):
        login = "test" if ".sandbox." in bare else "login"
        return Host(f"https://{login}.salesforce.com", f"https://{name}", is_my_domain=True)
    return Host(f"{scheme}://{name}", f"{scheme}://{name}", is_my_domain=True)


def serves_data(header: str) -> bool:
    """Whether a host answers data calls: those of the Lightning pages know no API session."""
    return not header.lower().partition(":")[0].endswith(".lightning.force.com")
