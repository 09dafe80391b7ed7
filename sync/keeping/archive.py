"""The file of a backup: a zip with a manifest and, for each table, its rows as lines of JSON.

    manifest.json          format, revision, and of each table: columns, rows, SHA-256 of its lines
    tables/leads.jsonl     ["ld_5f1c…","main","emea",7,"ada@example.com",…]   one array a row

Texts, whole numbers, fractions and truth values are JSON's own; a moment is the text of
``model.times.to_text``; a column of JSON is the very text that is stored, as the audit's
commitments are made over it. So a file says the same whichever database it came from.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Any, cast

import orjson

from model.errors import LeadRelayError

FORMAT = 1
MANIFEST = "manifest.json"
LEVEL = 6  # of deflate: 1 is half as much time and a quarter more bytes
FLUSH_BYTES = 1 << 20
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, KeyError, ValueError, TypeError, NotImplementedError)


class ArchiveError(LeadRelayError):
    """A file is no backup, is not whole, or cannot be used by this version."""


@dataclass(frozen=True, slots=True)
class Contents:
    """One table of a backup."""

    columns: tuple[str, ...]
    rows: int
    sha256: str  # of its lines


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup holds."""

    revision: str  # of the store's tables
    dialect: str  # it was made of
    made_at: str
    tables: dict[str, Contents] = field(default_factory=dict)  # in an order that references allow
    format: int = FORMAT

    @property
    def rows(self) -> int:
        """How many rows there are in all."""
        return sum(one.rows for one in self.tables.values())


class ArchiveWriter:
    """Writes a backup under another name; it gets its own when all of it is on the disk."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(f"{path.name}.{os.getpid()}.part")
        self._draft.unlink(missing_ok=True)
        self._file = os.fdopen(os.open(self._draft, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")
        self._zip = zipfile.ZipFile(self._file, "w", zipfile.ZIP_DEFLATED, compresslevel=LEVEL)

    def __enter__(self) -> ArchiveWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the draft away, unless it was finished."""
        with contextlib.suppress(OSError):  # of a full disk, which is told already
            self._zip.close()
        with contextlib.suppress(OSError):
            self._file.close()
        self._draft.unlink(missing_ok=True)

    def table(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Contents:
        """Write the rows of a table; they may be more than memory holds."""
        count, digest = 0, hashlib.sha256()
        with self._zip.open(_entry(name), "w", force_zip64=True) as entry:
            buffer = bytearray()
            for row in rows:
                buffer += orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
                count += 1
                if len(buffer) >= FLUSH_BYTES:
                    _write(entry, digest, buffer)
            _write(entry, digest, buffer)
        return Contents(tuple(columns), count, digest.hexdigest())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest, see all of it onto the disk, and give the file its name."""
        self._zip.writestr(MANIFEST, json.dumps(asdict(manifest), indent=1))
        self._zip.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._draft.replace(self._path)
        sync_folder(self._path.parent)


def _entry(table: str) -> str:
    return f"tables/{table}.jsonl"


def _write(entry: IO[bytes], digest: Any, buffer: bytearray) -> None:
    digest.update(buffer)
    entry.write(buffer)
    buffer.clear()


def sync_folder(folder: Path) -> None:
    """Have a folder's own entries written: a new name survives a power cut from then on."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Archive:
    """A backup as read: its manifest, and the rows of a table."""

    def __init__(self, file: zipfile.ZipFile, path: Path) -> None:
        self._zip, self._path = file, path
        self.manifest = self._manifest()

    def lines(self, table: str) -> Iterator[bytes]:
        """Yield the lines of a table. Raises ``ArchiveError`` where the file is damaged."""
        try:
            with self._zip.open(_entry(table)) as entry:
                yield from io.BufferedReader(cast(io.RawIOBase, entry), FLUSH_BYTES)
        except BROKEN as error:
            raise ArchiveError(f"{self._path} is damaged in table {table}: {error}") from error

    def rows(self, table: str) -> Iterator[list[Any]]:
        """Yield the rows of a table, in the order of the manifest's columns."""
        return map(orjson.loads, self.lines(table))

    def check(self) -> None:
        """Read all of it and compare with the manifest; raises ``ArchiveError`` at what differs."""
        for name, contents in self.manifest.tables.items():
            count, digest = 0, hashlib.sha256()
            for line in self.lines(name):
                count += 1
                digest.update(line)
            if count != contents.rows:
                text = f"table {name} has {count} rows and not {contents.rows}"
                raise ArchiveError(f"{self._path} is damaged: {text}; nothing was restored")
            if digest.hexdigest() != contents.sha256:
                text = f"the checksum of table {name} is not that of its rows"
                raise ArchiveError(f"{self._path} is damaged: {text}; nothing was restored")

    def _manifest(self) -> Manifest:
        try:
            given = json.loads(self._zip.read(MANIFEST))
            if given["format"] != FORMAT:
                raise ArchiveError(
                    f"{self._path} has format {given['format']}, and this version reads {FORMAT}: "
                    "restore it with the version of leadrelay that made it, or a newer one"
                )
            tables = {
                str(name): Contents(tuple(one["columns"]), int(one["rows"]), str(one["sha256"]))
                for name, one in given["tables"].items()
            }
            return Manifest(str(given["revision"]), str(given["dialect"]), str(given["made_at"]), tables)
        except BROKEN as error:
            raise ArchiveError(f"{self._path} is no backup of leadrelay, or not a whole one") from error


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """Open a backup; raises ``ArchiveError`` when it is none."""
    try:
        file = zipfile.ZipFile(path)
    except OSError as error:
        raise ArchiveError(f"{path} cannot be read: {error.strerror}") from error
    except BROKEN as error:
        raise ArchiveError(f"{path} is no backup of leadrelay, or not a whole one") from error
    with file:
        yield Archive(file, path)
