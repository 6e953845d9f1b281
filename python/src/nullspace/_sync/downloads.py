# Generated from _async/downloads.py by tools/gen_sync.py; do not edit.

"""How files get out of a machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from .._background import tell
from .._blocking import blocking
from .._download import discard, local_directory, local_file, prepare, put_in_place
from .._extract import extract
from .._operation import Operation
from .._operations import files
from .._transfers import DownloadProgress, DownloadProgressPhase, DownloadResult
from .client import Client

Callback = Callable[[DownloadProgress], None]


class Downloads:
    """Downloads from one machine. See ``FileTransfers`` for what the arguments mean."""

    def __init__(self, client: Client, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id

    def file(
        self,
        path: str,
        destination: str | os.PathLike[str] | None,
        *,
        user: str | None,
        overwrite: bool,
        progress: Callback | None,
    ) -> DownloadResult:
        local = local_file(path, destination)
        length = self._save(
            files.download(self._machine_id, path, user), local, overwrite=overwrite, progress=progress
        )
        return DownloadResult(path=str(local), kind="file", bytes_downloaded=length)

    def archive(
        self,
        path: str,
        destination: str | os.PathLike[str] | None,
        *,
        user: str | None,
        overwrite: bool,
        progress: Callback | None,
    ) -> DownloadResult:
        local = local_file(path, destination, suffix=".tar")
        operation = files.download(self._machine_id, path, user, archive=True)
        length = self._save(operation, local, overwrite=overwrite, progress=progress)
        return DownloadResult(path=str(local), kind="directory_archive", bytes_downloaded=length, archive_format="tar")

    def directory(
        self,
        path: str,
        destination: str | os.PathLike[str] | None,
        *,
        user: str | None,
        overwrite: bool,
        progress: Callback | None,
    ) -> DownloadResult:
        local = local_directory(path, destination)
        part = prepare(local, overwrite=overwrite)
        with _Telling(progress) as telling:
            try:
                # On the same disk, which has room for it or has not; temporary directories are often in memory.
                with tempfile.TemporaryFile(dir=part.parent, prefix=".nullspace-") as archive:
                    operation = files.download(self._machine_id, path, user, archive=True)
                    self._copy(operation, archive, telling)
                    telling.tell(DownloadProgressPhase.EXTRACTING)
                    archive.seek(0)
                    blocking(partial(extract, archive, part))
                blocking(partial(put_in_place, part, local, overwrite=overwrite))
            finally:
                blocking(partial(discard, part))
        return DownloadResult(
            path=str(local), kind="directory", bytes_downloaded=telling.completed, archive_format="tar", extracted=True
        )

    def _save(
        self, operation: Operation[None], local: Path, *, overwrite: bool, progress: Callback | None
    ) -> int:
        part = prepare(local, overwrite=overwrite)
        with _Telling(progress) as telling:
            try:
                with part.open("xb") as file:
                    self._copy(operation, file, telling)
                blocking(partial(put_in_place, part, local, overwrite=overwrite))
            finally:
                blocking(partial(discard, part))
        return telling.completed

    def _copy(self, operation: Operation[None], file: IO[bytes], telling: _Telling) -> None:
        with self._client.open(operation) as body:
            telling.total = body.length
            for piece in body:
                blocking(partial(file.write, piece))
                telling.completed += len(piece)
                telling.tell(DownloadProgressPhase.DOWNLOADING)


class _Telling:
    """Tells a callback how far one download is; what the callback raises ends the download."""

    def __init__(self, callback: Callback | None) -> None:
        self.completed = 0
        self.total: int | None = None
        self._callback = callback

    def tell(self, phase: DownloadProgressPhase) -> None:
        if self._callback is not None:
            self._callback(DownloadProgress(phase, self.completed, self.total))

    def __enter__(self) -> _Telling:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if error is None:
            self.tell(DownloadProgressPhase.COMPLETED)
        else:
            # A callback that ended it by raising may raise again: the error stays the one of the download.
            tell(self.tell, DownloadProgressPhase.FAILED)
