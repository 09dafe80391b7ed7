"""The sandbox as a child process of `leadrelay run`: it ends with its parent, however that ends."""

from __future__ import annotations

import os
import signal
import sys
import threading

from sandbox.__main__ import run


def _end_with_parent() -> None:
    os.read(sys.stdin.fileno(), 1)  # a pipe that nobody writes to: it ends when the parent does
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    threading.Thread(target=_end_with_parent, daemon=True).start()
    run()
