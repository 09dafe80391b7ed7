"""``python -m sandbox``: run the fake vendors until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from sandbox.app import vendor_of
from sandbox.certificates import NoCertificate, certificate_in
from sandbox.keeping import NotKept
from sandbox.messaging.smtp import MailServer
from sandbox.server import Server, serve, tls_hosts

TLS_FOLDER = Path("data/sandbox/tls")  # where neither a folder nor LEADRELAY_SANDBOX_TLS_FOLDER is named
SEED = 7


def main() -> None:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="Run the fake vendors until Ctrl-C."
    )
    parser.add_argument("--folder", type=Path, help="keep the accounts here; without it they live in memory")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="fill new accounts with N people")
    options = parser.parse_args()
    run(folder=options.folder, seed=options.seed)


def run(*, folder: Path | None = None, seed: int = 0) -> None:
    """Serve every vendor on its ports until the process is told to stop; exits with 1 where it cannot."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    try:
        certificate = certificate_in(tls_folder(folder), tls_hosts())
        servers = serve(tls=certificate.context(), folder=folder, prepare=partial(_seed, people=seed))
    except (NoCertificate, NotKept) as error:
        sys.exit(str(error))
    except OSError as error:
        sys.exit(f"{error}: set LEADRELAY_SANDBOX_<VENDOR>_PORT or _TLS_PORT to a free port.")
    for name, server in servers.items():
        print(f"{name:<11} {_addresses(server)}", flush=True)
    print(f"certificate {certificate.ca_file.resolve()}   (REQUESTS_CA_BUNDLE, or verify=)", flush=True)
    stopped.wait()
    for server in servers.values():
        server.stop()


def _addresses(server: Server | MailServer) -> str:
    if isinstance(server, MailServer):
        return server.url
    secure = f"{server.tls_url}/   " if server.tls_url else ""
    return f"{server.url}/   {secure}({server.url}/__sandbox/stats)"


def tls_folder(folder: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """Where the certificate is kept: LEADRELAY_SANDBOX_TLS_FOLDER, else beside the accounts."""
    named = environ.get("LEADRELAY_SANDBOX_TLS_FOLDER")
    if named:
        return Path(named)
    return folder / "tls" if folder else TLS_FOLDER


def _seed(name: str, server: Server, people: int) -> None:
    vendor = vendor_of(server.app)
    if not people or not vendor.seeds:
        return
    if not server.is_new:
        print(f"{name:<11} kept as it was; --seed fills new accounts only", flush=True)
        return
    made = vendor.seed(vendor.shares_of(people), SEED)
    vendor.is_changed = True
    print(f"{name:<11} seeded: {', '.join(f'{count:,} {kind}' for kind, count in made.items())}", flush=True)


if __name__ == "__main__":
    main()
