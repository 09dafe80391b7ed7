"""The ``leadrelay`` command."""

from __future__ import annotations

import gc


def main() -> None:
    """Run the command line."""
    gc.disable()  # what is loaded stays: to go through it again and again took a fifth of the time until then
    from leadrelay.cli import app

    gc.freeze()
    gc.enable()
    app()


if __name__ == "__main__":
    main()
