"""Files and directories between here and a machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from .._models import UploadConflictPolicy
from .._transfers import DownloadProgress, DownloadResult, UploadProgress, UploadResult
from .._upload_source import invalid, local_path
from .client import AsyncClient
from .downloads import AsyncDownloads
from .uploads import AsyncUploads


class AsyncFileTransfers:
    """Uploads and downloads; part of ``machine.files``."""

    def __init__(self, client: AsyncClient, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id
        self._uploads = AsyncUploads(client, machine_id)
        self._downloads = AsyncDownloads(client, machine_id)

    async def upload(
        self,
        source: object,
        destination: str | os.PathLike[str] | None = None,
        *,
        user: str | None = None,
        resumable: bool | str = "auto",
        checksum: str = "auto",
        max_concurrency: int | None = None,
        spool_to_disk: bool | str = "auto",
        progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadResult:
        """``upload_dir`` for a directory, ``upload_file`` for anything else. The options are for files only."""
        path = local_path(source)
        if path is not None and path.is_dir():
            options = (resumable, checksum, max_concurrency, spool_to_disk)
            if options != ("auto", "auto", None, "auto"):
                raise invalid("Of a directory only user and progress can be given here; see upload_dir.")
            return await self.upload_dir(path, destination, user=user, progress=progress)
        return await self.upload_file(
            source,
            destination,
            user=user,
            resumable=resumable,
            checksum=checksum,
            max_concurrency=max_concurrency,
            spool_to_disk=spool_to_disk,
            progress=progress,
        )

    async def upload_file(
        self,
        source: object,
        destination: str | os.PathLike[str] | None = None,
        *,
        user: str | None = None,
        resumable: bool | str = "auto",
        checksum: str = "auto",
        max_concurrency: int | None = None,
        spool_to_disk: bool | str = "auto",
        progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadResult:
        """Uploads one file. It is there whole or not at all.

        Up to 8 MiB it goes in one request. Longer ones go in parts, of which several are under way at once; a part
        whose connection is lost is sent again, and an upload that fails can be taken up again with ``resume_upload``.

        Args:
            source: a local path, a file object opened in binary mode, or an iterable of bytes.
            destination: path in the machine; one that ends with a slash is the directory to put it in. Default for a
                path is its name, in the machine's working directory.
            user: whose file it is, and whose rights are used; default is root.
            resumable: whether to send parts; default is by size.
            checksum: ``sha256`` sends parts as well, so that the whole is checked.
            max_concurrency: how many parts at once, at most as many as the daemon allows.
            spool_to_disk: whether what cannot seek is copied to a temporary file first. With False it goes in one
                request, however long it is.
            progress: called with each step; what it raises ends the upload, and is the cause of the
                ``FileUploadError``. Retries of parts are told from threads of their own.

        Raises:
            FileUploadError: it failed under way; ``upload_id`` names it if it had begun.
            MachineError: the source or the options make no sense (``invalid_request``), or as in ``write``.
        """
        return await self._uploads.file(
            source,
            destination,
            user=user,
            resumable=resumable,
            checksum=checksum,
            max_concurrency=max_concurrency,
            spool_to_disk=spool_to_disk,
            progress=progress,
        )

    async def upload_dir(
        self,
        source: str | os.PathLike[str],
        destination: str | os.PathLike[str] | None = None,
        *,
        user: str | None = None,
        conflict: UploadConflictPolicy | str = UploadConflictPolicy.MERGE,
        ignore_patterns: Sequence[str] | None = None,
        max_concurrency: int | None = None,
        progress: Callable[[UploadProgress], None] | None = None,
    ) -> UploadResult:
        """Uploads a directory: files, directories and symlinks that stay inside, with their permissions.

        Args:
            source: a local directory.
            destination: its path in the machine; default is its name, in the machine's working directory.
            conflict: what becomes of a directory that is there: ``merge``, ``replace``, or ``error``.
            ignore_patterns: what to leave out, as in a ``.gitignore``; come after those in ``.nullspaceignore``.
            user, max_concurrency, progress: see ``upload_file``.

        Raises:
            UploadConflictError: there is something at the destination, with ``conflict="error"``.
            FileUploadError: it failed under way; ``upload_id`` names it if it had begun.
            MachineError: it holds something else, or a symlink that leads out (``invalid_request``).
        """
        return await self._uploads.directory(
            source,
            destination,
            user=user,
            conflict=conflict,
            ignore_patterns=ignore_patterns,
            max_concurrency=max_concurrency,
            progress=progress,
        )

    async def resume_upload(
        self,
        upload_id: str,
        source: object,
        *,
        progress: Callable[[UploadProgress], None] | None = None,
        max_concurrency: int | None = None,
        ignore_patterns: Sequence[str] | None = None,
    ) -> UploadResult:
        """Sends what is missing of an upload in parts. Of one that is complete, says so.

        Args:
            upload_id: of a ``FileUploadError``, or from ``progress``.
            source: what the upload was begun with, unchanged.
            progress, max_concurrency: see ``upload_file``.
            ignore_patterns: as they were.

        Raises:
            NotFoundError: there is no such upload (any more).
            UploadChecksumError: the source is not the same.
            FileUploadError: it cannot go on, or failed again.
        """
        return await self._uploads.resume(
            upload_id, source, ignore_patterns=ignore_patterns, max_concurrency=max_concurrency, progress=progress
        )

    async def download_file(
        self,
        path: str,
        destination: str | os.PathLike[str] | None = None,
        *,
        user: str | None = None,
        overwrite: bool = False,
        progress: Callable[[DownloadProgress], None] | None = None,
    ) -> DownloadResult:
        """Downloads one file. It is there whole or not at all.

        Args:
            path: in the machine.
            destination: local path, or a directory that exists; default is the file's name.
            user: whose rights are used; default is root.
            overwrite: whether something at the local path is replaced; otherwise it is an error.
            progress: called with each step; what it raises ends the download.

        Raises:
            NotFoundError: there is no such file.
            MachineError: there is something at the local path (``invalid_request``), or the answer was cut
                (``transport_error``).
        """
        return await self._downloads.file(path, destination, user=user, overwrite=overwrite, progress=progress)

    async def download_dir(
        self,
        path: str,
        destination: str | os.PathLike[str] | None = None,
        *,
        user: str | None = None,
        archive: bool = False,
        overwrite: bool = False,
        progress: Callable[[DownloadProgress], None] | None = None,
    ) -> DownloadResult:
        """Downloads a directory. It is there whole or not at all.

        The machine is not trusted: nothing is written outside of the destination. Symlinks that lead out of it,
        devices, sockets and pipes are left out with a warning in the log ``nullspace``.

        Args:
            destination: local path of the directory; default is its name.
            archive: keep the tar as it comes, instead of unpacking it.
            overwrite: whether what is at the local path is removed; otherwise it is an error.
            path, user, progress: see ``download_file``.

        Raises:
            NotFoundError: there is no such directory.
            MachineError: as in ``download_file``, or the archive is not as it should be (``invalid_response``).
        """
        how = self._downloads.archive if archive else self._downloads.directory
        return await how(path, destination, user=user, overwrite=overwrite, progress=progress)
