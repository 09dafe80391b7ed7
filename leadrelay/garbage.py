"""How Python's garbage collector goes about a process that lives long."""

from __future__ import annotations

import gc


def rest() -> None:
    """Leave what is loaded by now out of all garbage collections, and collect the rest less often.

    A batch makes thousands of small objects that die with it; going through what is alive
    every 700 of them took about a tenth of the time of deciding and delivering.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
