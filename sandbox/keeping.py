"""Keeps an account on disk: a snapshot in one file, written whole every few seconds and at the end."""

from __future__ import annotations

import fcntl
import json
import logging
import os
import pickle
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import MethodType
from typing import IO, Any

from sandbox.clock import Clock
from sandbox.vendor import Vendor

LOG = logging.getLogger(__name__)
FORMAT = 1  # to be raised whenever the classes of an account change their attributes
EVERY_S = 2.0
SHARE = 20  # saving takes a twentieth of the time at most: large accounts are saved less often
HEADER_BYTES = 4096

# What a snapshot may name beside the sandbox's own classes; everything else is refused on reading.
PLAIN = {
    "builtins": {"bytearray", "dict", "frozenset", "list", "set", "tuple"},
    "collections": {"Counter", "OrderedDict", "defaultdict", "deque"},
    "datetime": {"date", "datetime", "timedelta", "timezone"},
    "random": {"Random"},
}
_LOCKS = (type(threading.Lock()), type(threading.RLock()))


class NotKept(Exception):
    """An account cannot be read from its folder or kept there; says why and what to do."""


class Keeper:
    """The file of one account. Only one process at a time has it."""

    def __init__(self, vendor: Vendor, folder: Path) -> None:
        self._vendor = vendor
        self.path = folder / f"{vendor.name}.account"
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"sandbox keeps {vendor.name}", daemon=True)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._lock = (folder / f"{vendor.name}.lock").open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise NotKept(f"Another sandbox keeps its {vendor.title} in {folder}. Name another.") from None
        except OSError as error:
            raise NotKept(f"{folder} cannot hold accounts: {error.strerror}. Name another folder.") from error

    def load(self) -> bool:
        """Make the vendor what it was; false where nothing is kept yet. Raises ``NotKept``."""
        try:
            with self.path.open("rb") as file:
                self._check(file.readline(HEADER_BYTES))
                state = _Reader(file, self._vendor).load()
        except FileNotFoundError:
            return False
        except _UNREADABLE as error:
            told = str(error) or type(error).__name__
            raise NotKept(f"{self.path} cannot be read: {told}. {_FIX}") from error
        with self._vendor.lock:
            vars(self._vendor.clock).update(state.pop("clock"))
            vars(self._vendor).update(state)
            self._vendor.resume()
        return True

    def save(self) -> None:
        """Write the account as it is now; a crash while writing leaves the file that was."""
        vendor, fresh = self._vendor, self.path.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            told = {"sandbox": vendor.name, "format": FORMAT, "saved_at": vendor.clock.now().isoformat()}
            file.write(json.dumps(told).encode() + b"\n")
            with vendor.still():
                vendor.is_changed = False
                state = {name: value for name, value in vars(vendor).items() if name not in vendor.fleeting}
                _Writer(file, vendor).dump({**state, "clock": vars(vendor.clock)})
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self.path)

    def start(self) -> None:
        """Begin to save every few seconds, where something was asked since."""
        self._thread.start()

    def stop(self) -> None:
        """Save for the last time and let the file go."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()
        self.save()
        self._lock.close()

    def _run(self) -> None:
        pause = EVERY_S
        while not self._ended.wait(pause):
            began = time.monotonic()
            if self._vendor.is_changed:
                try:
                    self.save()
                except OSError as error:
                    self._vendor.is_changed = True
                    LOG.error("%s cannot be written: %s; it is tried again", self.path, error.strerror)
            pause = max(EVERY_S, SHARE * (time.monotonic() - began))

    def _check(self, line: bytes) -> None:
        header = json.loads(line)
        if not isinstance(header, dict) or header.get("sandbox") != self._vendor.name:
            raise ValueError(f"it holds no {self._vendor.title} account")
        if header.get("format") != FORMAT:
            raise ValueError(f"it has format {header.get('format')}, this version has {FORMAT}")


# What the reader raises over a file that is cut short, scribbled over, or from other classes.
_UNREADABLE = (
    OSError, EOFError, ValueError, TypeError, LookupError, AttributeError, ImportError, pickle.UnpicklingError
)  # fmt: skip
_FIX = "Start the version that wrote it, name another folder, or delete the file to begin anew."

_ONLY_NAMED = "the file names what only the sandbox that reads it has"


# Objects that a snapshot names instead of holding them. ``_Reader`` puts its own in their place, so none of
# these three is ever called by it; whoever reads the file by other means is told so.


def the_vendor() -> Any:
    """The vendor that reads the snapshot."""
    raise pickle.UnpicklingError(_ONLY_NAMED)


def the_clock() -> Any:
    """Its clock."""
    raise pickle.UnpicklingError(_ONLY_NAMED)


def fixed(name: str) -> Any:
    """One of the objects that come with the code."""
    raise pickle.UnpicklingError(f"{name}: {_ONLY_NAMED}")


def method_of(owner: Any, name: str) -> Any:
    """A method of an object in the snapshot."""
    if not type(owner).__module__.startswith("sandbox."):
        raise pickle.UnpicklingError(f"{type(owner).__module__} is not the sandbox's")
    return getattr(owner, name)


def nothing() -> None:
    """A thread: who needs one starts it anew."""


class _Writer(pickle.Pickler):
    def __init__(self, file: IO[bytes], vendor: Vendor) -> None:
        super().__init__(file, protocol=5)
        self._vendor = vendor
        self._fixed = {id(one): name for name, one in vendor.fixed().items()}

    def reducer_override(self, one: Any) -> Any:
        """How the objects are written that are no plain data; called for every one that is not built in."""
        if id(one) in self._fixed:
            return fixed, (self._fixed[id(one)],)
        if isinstance(one, MethodType):
            return method_of, (one.__self__, one.__name__)
        if isinstance(one, Vendor | Clock):
            return (the_vendor if isinstance(one, Vendor) else the_clock), ()
        if isinstance(one, _LOCKS):
            return threading.RLock if isinstance(one, _LOCKS[1]) else threading.Lock, ()
        if isinstance(one, threading.Event):
            return threading.Event, ()
        if isinstance(one, threading.Thread):
            return nothing, ()
        return NotImplemented


class _Reader(pickle.Unpickler):
    def __init__(self, file: IO[bytes], vendor: Vendor) -> None:
        super().__init__(file)
        own = vendor.fixed()
        self._ours: dict[str, Callable[..., Any]] = {
            "the_vendor": lambda: vendor,
            "the_clock": lambda: vendor.clock,
            "fixed": own.__getitem__,
            "method_of": method_of,
            "nothing": nothing,
        }

    def find_class(self, module: str, name: str) -> Any:
        """The sandbox's own classes and functions, and plain data; a file that names more is refused."""
        if module == __name__:
            return self._ours[name]
        if module in ("threading", "_thread"):
            made = {"Event": threading.Event, "RLock": threading.RLock}
            return made.get(name, threading.Lock)
        if name in PLAIN.get(module, ()):
            return getattr(import_module(module), name)
        if module.startswith("sandbox."):
            found = getattr(import_module(module), name)
            if getattr(found, "__module__", "") == module:
                return found
        raise pickle.UnpicklingError(f"it names {module}.{name}")
