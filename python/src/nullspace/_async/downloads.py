"""How files get out of a machine."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import IO

from .._background import tell
from .._blocking import async_blocking
from .._download import discard, local_directory, local_file, prepare, put_in_place
from .._extract import extract
from .._operation import Operation
from .._operations import files
from .._transfers import DownloadProgress, DownloadProgressPhase, DownloadResult
from .client import AsyncClient

Callback = Callable[[DownloadProgress], None]


class AsyncDownloads:
    """Downloads from one machine. See ``AsyncFileTransfers`` for what the arguments mean."""

    def __init__(self, client: AsyncClient, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id

    async def file(
        self,
        path: str,
        destination: str | os.PathLike[str] | None,
        *,
        user: str | None,
        overwrite: bool,
        progress: Callback | None,
    ) -> DownloadResult:
        local = local_file(path, destination)
        length = await self._save(
            files.download(self._machine_id, path, user), local, overwrite=overwrite, progress=progress
        )
        return DownloadResult(path=str(local), kind="file", bytes_downloaded=length)

    async def archive(
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
        length = await self._save(operation, local, overwrite=overwrite, progress=progress)
        return DownloadResult(path=str(local), kind="directory_archive", bytes_downloaded=length, archive_format="tar")

    async def directory(
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
                    await self._copy(operation, archive, telling)
                    telling.tell(DownloadProgressPhase.EXTRACTING)
                    archive.seek(0)
                    await async_blocking(partial(extract, archive, part))
                await async_blocking(partial(put_in_place, part, local, overwrite=overwrite))
            finally:
                await async_blocking(partial(discard, part))
        return DownloadResult(
            path=str(local), kind="directory", bytes_downloaded=telling.completed, archive_format="tar", extracted=True
        )

    async def _save(
        self, operation: Operation[None], local: Path, *, overwrite: bool, progress: Callback | None
    ) -> int:
        part = prepare(local, overwrite=overwrite)
        with _Telling(progress) as telling:
            try:
                with part.open("xb") as file:
                    await self._copy(operation, file, telling)
                await async_blocking(partial(put_in_place, part, local, overwrite=overwrite))
            finally:
                await async_blocking(partial(discard, part))
        return telling.completed

    async def _copy(self, operation: Operation[None], file: IO[bytes], telling: _Telling) -> None:
        async with await self._client.open(operation) as body:
            telling.total = body.length
            async for piece in body:
                await async_blocking(partial(file.write, piece))
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
