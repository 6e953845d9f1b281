# Generated from _async/uploads.py by tools/gen_sync.py; do not edit.

"""How files get into a machine."""

from __future__ import annotations

import contextlib
import logging
import os
import random
from collections.abc import Generator, Callable, Sequence
from functools import partial

from .._archive import directory_archive, file_count
from .._blocking import blocking
from .._content import chunks
from .._models import CompleteUploadResponse, UploadKind, UploadSessionInfo, UploadSessionStatus
from .._operations import files, uploads
from .._pool import Pool
from .._retry import TransportError
from .._transfers import UploadProgress, UploadProgressPhase, UploadResult, UploadTracker, UploadTransport
from .._upload_source import (
    PartReader,
    UploadSource,
    spooled_source,
    check_options,
    checksum_of,
    direct_source,
    target_of,
    transport_of,
    unspooled_source,
)
from ..errors import MachineError
from .client import Client

log = logging.getLogger("nullspace")

Callback = Callable[[UploadProgress], None]


class Uploads:
    """Uploads to one machine. See ``FileTransfers`` for what the arguments mean."""

    def __init__(self, client: Client, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id

    def file(
        self,
        source: object,
        destination: str | os.PathLike[str] | None,
        *,
        user: str | None,
        resumable: bool | str,
        checksum: str,
        max_concurrency: int | None,
        spool_to_disk: bool | str,
        progress: Callback | None,
    ) -> UploadResult:
        check_options(resumable, checksum, spool_to_disk)
        ready = self._ready(source, spool=spool_to_disk is not False)
        try:
            target = target_of(ready.name, destination, implicit=ready.is_path)
            transport = transport_of(ready, resumable=resumable, checksum=checksum)
            tracker = UploadTracker(progress, transport, target_path=target, bytes_total=ready.length)
            if transport == UploadTransport.DIRECT:
                return self._direct(ready, target, user, tracker)
            with tracker.failing():
                return self._begin(ready, target, user, "merge", max_concurrency, tracker)
        finally:
            ready.close()

    def directory(
        self,
        source: str | os.PathLike[str],
        destination: str | os.PathLike[str] | None,
        *,
        user: str | None,
        conflict: str,
        ignore_patterns: Sequence[str] | None,
        max_concurrency: int | None,
        progress: Callback | None,
    ) -> UploadResult:
        tracker = UploadTracker(progress, UploadTransport.RESUMABLE)
        with tracker.failing():
            ready = self._packed(source, ignore_patterns, tracker)
            try:
                target = target_of(ready.name, destination, implicit=True)
                return self._begin(ready, target, user, conflict, max_concurrency, tracker)
            finally:
                ready.close()

    def resume(
        self,
        upload_id: str,
        source: object,
        *,
        ignore_patterns: Sequence[str] | None,
        max_concurrency: int | None,
        progress: Callback | None,
    ) -> UploadResult:
        tracker = UploadTracker(progress, UploadTransport.RESUMABLE, upload_id=upload_id)
        tracker.tell(UploadProgressPhase.REFRESHING_STATUS)
        session = self._client.send(uploads.session(self._machine_id, upload_id))
        first = session.part_count if session.next_part is None else session.next_part
        tracker.follows(session, first_part=first)
        with tracker.failing():
            if session.status == UploadSessionStatus.COMPLETED:
                return self._completed(session, source, ignore_patterns, tracker)
            uploads.refuse_ended(session)
            if session.kind == UploadKind.DIRECTORY_TAR:
                ready = self._packed(source, ignore_patterns, tracker)
            else:
                ready = self._ready(source, spool=True)
            try:
                # Of the whole: the daemon is to notice a mixture of two files.
                ready.checksum = blocking(lambda: checksum_of(ready))
                _check_same(session, ready)
                tracker.tell(UploadProgressPhase.CREATED)
                return self._finish(session, ready, first, max_concurrency, tracker, resumed=True)
            finally:
                ready.close()

    def _ready(self, source: object, *, spool: bool) -> UploadSource:
        ready = blocking(lambda: direct_source(source))
        if ready is not None:
            return ready
        return spooled_source(source) if spool else unspooled_source(source)

    def _packed(
        self, source: object, ignore_patterns: Sequence[str] | None, tracker: UploadTracker
    ) -> UploadSource:
        tracker.tell(UploadProgressPhase.PREPARING, message="packing the directory")
        ready = blocking(lambda: directory_archive(source, ignore_patterns))
        tracker.bytes_total = ready.length
        tracker.tell(UploadProgressPhase.PREPARING, message="the directory is packed")
        return ready

    def _direct(
        self, source: UploadSource, target: str, user: str | None, tracker: UploadTracker
    ) -> UploadResult:
        tracker.tell(UploadProgressPhase.CREATED)
        with tracker.failing():
            operation = files.upload(self._machine_id, target, user)
            self._client.send(operation, lambda: self._told(source, tracker))
            info = self._client.send(files.info(self._machine_id, target, user))
        tracker.tell(UploadProgressPhase.COMPLETED)
        return tracker.sent(info.path)

    def _told(self, source: UploadSource, tracker: UploadTracker) -> Generator[bytes, None, None]:
        for piece in chunks(source.content):
            tracker.bytes_completed += len(piece)
            tracker.tell(UploadProgressPhase.UPLOADING)
            yield piece

    def _begin(
        self,
        source: UploadSource,
        target: str,
        user: str | None,
        conflict: str,
        max_concurrency: int | None,
        tracker: UploadTracker,
    ) -> UploadResult:
        tracker.target_path = target
        session = self._client.send(uploads.create(self._machine_id, source, target, user, conflict=conflict))
        tracker.follows(session)
        tracker.tell(UploadProgressPhase.CREATED)
        return self._finish(session, source, 0, max_concurrency, tracker, resumed=False)

    def _finish(
        self,
        session: UploadSessionInfo,
        source: UploadSource,
        first: int,
        max_concurrency: int | None,
        tracker: UploadTracker,
        *,
        resumed: bool,
    ) -> UploadResult:
        """Sends the parts from ``first`` on and has them put in place."""
        reader = PartReader(source, session)
        at_once = max(1, min(max_concurrency or session.max_concurrency, session.max_concurrency))
        with Pool(at_once, tracker.part_done) as pool:
            for number in range(first, session.part_count):
                data = blocking(partial(reader.read, number))
                pool.put(partial(self._part, session.upload_id, number, data, tracker))
            pool.rest()
        tracker.tell(UploadProgressPhase.COMPLETING)
        answer = self._client.send(uploads.complete(self._machine_id, session.upload_id, reader.checksum()))
        return self._published(answer, source.file_count, tracker, resumed=resumed)

    def _part(self, upload_id: str, number: int, data: bytes, tracker: UploadTracker) -> tuple[int, int]:
        """Sends one part, and again when its connection is lost, unless the upload has come to its end meanwhile."""
        operation = uploads.part(self._machine_id, upload_id, number, data)
        for attempt, delay in enumerate(uploads.PART_DELAYS, start=2):
            try:
                self._client.send(operation)
                return number, len(data)
            except TransportError as error:
                log.debug("part %d of upload %s: %s", number, upload_id, error.message)
                tracker.tell(UploadProgressPhase.RETRYING, part_number=number, attempt=attempt, message=error.message)
            # Not all at the same time: the parts lost their connections together.
            self._client.sleep(delay * random.uniform(1, 1.25))
            with contextlib.suppress(TransportError):
                session = self._client.send(uploads.session(self._machine_id, upload_id))
                uploads.refuse_ended(session)
                if session.status == UploadSessionStatus.COMPLETED:
                    return number, len(data)
        self._client.send(operation)
        return number, len(data)

    def _completed(
        self,
        session: UploadSessionInfo,
        source: object,
        ignore_patterns: Sequence[str] | None,
        tracker: UploadTracker,
    ) -> UploadResult:
        count = 1
        if session.kind == UploadKind.DIRECTORY_TAR:
            count = blocking(lambda: file_count(source, ignore_patterns))
        answer = CompleteUploadResponse(session, session.content_length, count)
        return self._published(answer, count, tracker, resumed=True)

    def _published(
        self, answer: CompleteUploadResponse, count: int, tracker: UploadTracker, *, resumed: bool
    ) -> UploadResult:
        session = answer.session
        path = session.target_path
        # It is there; only its full path may not be known.
        with contextlib.suppress(MachineError):
            info = self._client.send(files.info(self._machine_id, path, session.user))
            path = info.path
        tracker.bytes_completed = session.content_length
        tracker.parts_completed = session.part_count
        tracker.tell(UploadProgressPhase.COMPLETED)
        return tracker.published(answer, path, file_count=count, resumed=resumed)


def _check_same(session: UploadSessionInfo, source: UploadSource) -> None:
    if source.length != session.content_length:
        raise uploads.failure(
            session,
            "size_limit_exceeded",
            f"The upload is of {session.content_length} bytes, but the source has {source.length}.",
        )
    if session.whole_checksum_sha256 not in (None, source.checksum):
        raise uploads.failure(session, "whole_checksum_mismatch", "The source is not what the upload was begun with.")
