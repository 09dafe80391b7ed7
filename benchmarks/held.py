"""A file that stays in memory: some machines take the memory of their cache back between two rounds."""

from __future__ import annotations

import ctypes
import mmap
import os
from pathlib import Path

_C = ctypes.CDLL(None, use_errno=True)
_C.mmap.restype = ctypes.c_void_p
_C.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, *[ctypes.c_int] * 3, ctypes.c_long]
_C.mlock.argtypes = [ctypes.c_void_p, ctypes.c_size_t]


def hold(path: Path) -> None:
    """Keep what a file holds now in the system's cache as long as this process lives (mlock(2)).

    Raises ``OSError`` where there is no room, or no right to it.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        at = _C.mmap(None, size, mmap.PROT_READ, mmap.MAP_SHARED, file.fileno(), 0)
    if at == ctypes.c_void_p(-1).value or _C.mlock(at, size):
        error = ctypes.get_errno()
        raise OSError(error, f"{path} cannot be held in memory: {os.strerror(error)}")
