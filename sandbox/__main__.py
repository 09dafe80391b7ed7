"""``python -m sandbox``: run the fake vendors until Ctrl-C."""

from __future__ import annotations

import signal
import threading

from sandbox.server import serve


def main() -> None:
    """Serve every vendor on its port until the process is told to stop."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    servers = serve()
    for name, server in servers.items():
        more = "" if name == "smtp" else f"/   (records, history and control: {server.url}/__sandbox/stats)"
        print(f"{name:<11} {server.url}{more}", flush=True)
    stopped.wait()
    for server in servers.values():
        server.stop()


if __name__ == "__main__":
    main()
