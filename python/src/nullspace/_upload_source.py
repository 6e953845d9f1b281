"""What is uploaded: a file that can be read from any place."""

from __future__ import annotations

import hashlib
import inspect
import io
import os
import tempfile
from collections.abc import AsyncIterable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from ._content import PIECE, async_chunks, chunks
from ._models import UploadSessionInfo, UploadSourceKind
from ._transfers import UploadTransport
from .errors import MachineError

DIRECT_BYTES = 8 * 1024 * 1024
"""Up to here a file goes in one request."""

_SPOOL_IN_MEMORY = 8 * 1024 * 1024


@dataclass
class UploadSource:
    """A source, ready to be sent.

    Attributes:
        content: the file object, or what can only be read once.
        length: bytes from ``offset`` on; None for what can only be read once.
        name: of the file, for a target that is not given in full.
        is_path: whether the caller named a path, and may leave the target out.
        checksum: SHA-256 in hex, if it is known already.
        file_count: files and symlinks in it.
    """

    content: Any
    length: int | None
    kind: UploadSourceKind
    offset: int = 0
    name: str | None = None
    is_path: bool = False
    checksum: str | None = None
    file_count: int = 1
    close: Callable[[], None] = lambda: None


def invalid(message: str) -> MachineError:
    return MachineError(message, code="invalid_request")


def local_path(source: object) -> Path | None:
    """None for what is no path."""
    return Path(os.fspath(cast("str", source))).expanduser() if isinstance(source, (str, os.PathLike)) else None


def direct_source(source: object) -> UploadSource | None:
    """What needs no copy: a path, or a file object that can seek. None for anything else."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        raise invalid("upload_file takes a path or a file object; write takes bytes.")
    path = local_path(source)
    if path is not None:
        return _file(path)
    if not _can_seek(source):
        return None
    handle = cast("IO[bytes]", source)
    offset = handle.tell()
    end = handle.seek(0, os.SEEK_END)
    handle.seek(offset)
    return UploadSource(handle, end - offset, UploadSourceKind.RESTARTABLE_FILE, offset=offset, name=_name(source))


def unspooled_source(source: object) -> UploadSource:
    return UploadSource(source, None, UploadSourceKind.SPOOLED_STREAM, name=_name(source))


def spooled_source(source: Any) -> UploadSource:
    """A copy on the disk; in memory as long as it is small."""
    file = _spool()
    try:
        for piece in chunks(source):
            file.write(piece)
        return _spooled(file, source)
    except BaseException:
        file.close()
        raise


async def async_spooled_source(source: Any) -> UploadSource:
    file = _spool()
    try:
        async for piece in async_chunks(source):
            file.write(piece)
        return _spooled(file, source)
    except BaseException:
        file.close()
        raise


def _spool() -> IO[bytes]:
    return tempfile.SpooledTemporaryFile(max_size=_SPOOL_IN_MEMORY, prefix="nullspace-upload-")


def _spooled(file: IO[bytes], source: object) -> UploadSource:
    length = file.tell()
    file.seek(0)
    return UploadSource(file, length, UploadSourceKind.SPOOLED_STREAM, name=_name(source), close=file.close)


def _file(path: Path) -> UploadSource:
    if path.is_dir():
        raise invalid(f"{path} is a directory; use upload_dir.")
    try:
        handle = path.open("rb")
    except FileNotFoundError as error:
        raise invalid(f"There is no file {path}.") from error
    return UploadSource(
        handle,
        os.fstat(handle.fileno()).st_size,
        UploadSourceKind.RESTARTABLE_FILE,
        name=path.name,
        is_path=True,
        close=handle.close,
    )


def _can_seek(source: object) -> bool:
    # The position in a text file is no count of bytes, and one that must be awaited cannot be asked here.
    if isinstance(source, (io.TextIOBase, AsyncIterable)) or not callable(getattr(source, "read", None)):
        return False
    try:
        seekable = cast("IO[bytes]", source).seekable()
    except Exception:
        return False
    if inspect.iscoroutine(seekable):
        seekable.close()
        return False
    return seekable is True


def _name(source: object) -> str | None:
    name = getattr(source, "name", None)
    if not isinstance(name, (str, os.PathLike)):
        return None
    base = Path(os.fspath(cast("str", name))).name
    return None if base.startswith("<") else base or None


def target_of(source_name: str | None, destination: str | os.PathLike[str] | None, *, implicit: bool) -> str:
    """The path in the machine. One that ends with a slash is a directory that the file is put in."""
    target = "" if destination is None else os.fspath(destination)
    if target and not target.endswith("/"):
        return target
    if source_name is None or not (target or implicit):
        raise invalid("The destination must be given in full: the source has no name.")
    return target + source_name


def transport_of(source: UploadSource, *, resumable: bool | str, checksum: str) -> UploadTransport:
    if checksum == "sha256" or resumable is True:
        if source.length is None:
            raise invalid("Parts can only be sent from a file that can seek; leave spool_to_disk on.")
        return UploadTransport.RESUMABLE
    is_large = source.length is not None and source.length > DIRECT_BYTES
    return UploadTransport.RESUMABLE if is_large and resumable == "auto" else UploadTransport.DIRECT


def check_options(resumable: bool | str, checksum: str, spool_to_disk: bool | str) -> None:
    for name, value in (("resumable", resumable), ("spool_to_disk", spool_to_disk)):
        if value not in (True, False, "auto"):
            raise ValueError(f'{name} must be True, False or "auto", not {value!r}')
    if checksum not in ("auto", "sha256"):
        raise ValueError(f'checksum must be "auto" or "sha256", not {checksum!r}')


class PartReader:
    """The parts of a source, which may be read in any order. ``checksum`` is right if they are read in their own."""

    def __init__(self, source: UploadSource, session: UploadSessionInfo) -> None:
        self._source = source
        self._session = session
        self._hash = hashlib.sha256()

    def read(self, number: int) -> bytes:
        begin = number * self._session.part_size
        wanted = max(0, min(self._session.part_size, self._session.content_length - begin))
        self._source.content.seek(self._source.offset + begin)
        data = _exactly(self._source.content, wanted)
        self._hash.update(data)
        return data

    def checksum(self) -> str:
        """SHA-256 of the whole, in hex."""
        return self._source.checksum or self._hash.hexdigest()


def _exactly(file: IO[bytes], length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        piece = file.read(length - len(data))
        if not piece:
            raise invalid("The source ended before its length: it was changed during the upload.")
        data += piece
    return bytes(data)


def checksum_of(source: UploadSource) -> str:
    """SHA-256 in hex, of everything from ``offset`` on."""
    if source.checksum is not None:
        return source.checksum
    digest = hashlib.sha256()
    source.content.seek(source.offset)
    while piece := source.content.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()
