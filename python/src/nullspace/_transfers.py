"""How far an upload or a download is, and what came of it."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from datetime import datetime, timezone
from enum import Enum
from functools import partial

from ._background import tell
from ._models import CompleteUploadResponse, UploadKind, UploadSessionInfo
from .errors import FileUploadError, MachineError, rewritten


class UploadTransport(str, Enum):
    """How a file goes: in one request, or in parts that survive a cut."""

    DIRECT = "direct"
    RESUMABLE = "resumable"


class UploadProgressPhase(str, Enum):
    """Where an upload is."""

    PREPARING = "preparing"
    CREATED = "created"
    UPLOADING = "uploading"
    RETRYING = "retrying"
    REFRESHING_STATUS = "refreshing_status"
    COMPLETING = "completing"
    COMPLETED = "completed"
    FAILED = "failed"


class DownloadProgressPhase(str, Enum):
    """Where a download is."""

    DOWNLOADING = "downloading"
    EXTRACTING = "extracting"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True)
class UploadProgress:
    """How far an upload is. ``throughput_bps`` is in bytes per second since its beginning."""

    upload_id: str | None
    phase: UploadProgressPhase
    bytes_completed: int
    bytes_total: int | None = None
    parts_completed: int | None = None
    part_count: int | None = None
    part_number: int | None = None
    target_path: str | None = None
    transport: UploadTransport | None = None
    throughput_bps: float | None = None
    attempt: int | None = None
    message: str | None = None


@dataclass(frozen=True)
class DownloadProgress:
    """How far a download is; ``bytes_total`` is None for a directory."""

    phase: DownloadProgressPhase
    bytes_completed: int
    bytes_total: int | None = None
    transport: UploadTransport = UploadTransport.DIRECT


@dataclass(frozen=True)
class UploadResult:
    """A finished upload. ``file_count`` counts files and symlinks; ``session`` is None for a direct one."""

    kind: UploadKind
    target_path: str
    bytes_uploaded: int
    file_count: int
    transport: UploadTransport
    resumed: bool
    started_at: datetime
    completed_at: datetime
    upload_id: str | None = None
    session: UploadSessionInfo | None = None


@dataclass(frozen=True)
class DownloadResult:
    """A finished download: where it is, ``file``, ``directory`` or ``directory_archive``, and the bytes that came."""

    path: str
    kind: str
    bytes_downloaded: int
    archive_format: str | None = None
    extracted: bool = False


class UploadTracker:
    """Tells a callback how far one upload is. What that raises ends the upload, and is the cause of its error."""

    def __init__(
        self,
        callback: Callable[[UploadProgress], None] | None,
        transport: UploadTransport,
        *,
        upload_id: str | None = None,
        target_path: str | None = None,
        bytes_total: int | None = None,
    ) -> None:
        self.transport = transport
        self.started_at = datetime.now(timezone.utc)
        self.upload_id = upload_id
        self.target_path = target_path
        self.bytes_completed = 0
        self.bytes_total = bytes_total
        self.parts_completed: int | None = None
        self.part_count: int | None = None
        self._callback = callback
        self._started = time.monotonic()
        # Retries of parts are told by the threads that make them.
        self._telling = threading.Lock()

    def follows(self, session: UploadSessionInfo, *, first_part: int = 0) -> None:
        """From here on it is about that upload, of which the parts before ``first_part`` are there."""
        self.upload_id = session.upload_id
        self.target_path = session.target_path
        self.bytes_total = session.content_length
        self.part_count = session.part_count
        self.parts_completed = first_part
        self.bytes_completed = min(first_part * session.part_size, session.content_length)

    def part_done(self, part: tuple[int, int]) -> None:
        """A part is there: its number and its bytes."""
        number, length = part
        self.bytes_completed += length
        self.parts_completed = (self.parts_completed or 0) + 1
        self.tell(UploadProgressPhase.UPLOADING, part_number=number)

    def tell(
        self,
        phase: UploadProgressPhase,
        *,
        part_number: int | None = None,
        attempt: int | None = None,
        message: str | None = None,
    ) -> None:
        if self._callback is None:
            return
        with self._telling:
            self._callback(
                UploadProgress(
                    upload_id=self.upload_id,
                    phase=phase,
                    bytes_completed=self.bytes_completed,
                    bytes_total=self.bytes_total,
                    parts_completed=self.parts_completed,
                    part_count=self.part_count,
                    part_number=part_number,
                    target_path=self.target_path,
                    transport=self.transport,
                    throughput_bps=self.bytes_completed / max(time.monotonic() - self._started, 1e-9),
                    attempt=attempt,
                    message=message,
                )
            )

    @contextlib.contextmanager
    def failing(self) -> Generator[None, None, None]:
        """What fails inside is told. Once there is an upload, it names it, so that it can be resumed."""
        try:
            yield
        except Exception as error:
            # A callback that ended it by raising may raise again: the error stays the one of the upload.
            tell(partial(self.tell, message=str(error)), UploadProgressPhase.FAILED)
            if self.upload_id is None or (isinstance(error, FileUploadError) and error.upload_id):
                raise
            raise self._with_id(error) from error

    def sent(self, path: str) -> UploadResult:
        """Of a direct upload."""
        return UploadResult(
            kind=UploadKind.FILE,
            target_path=path,
            bytes_uploaded=self.bytes_completed,
            file_count=1,
            transport=self.transport,
            resumed=False,
            started_at=self.started_at,
            completed_at=datetime.now(timezone.utc),
        )

    def published(self, answer: CompleteUploadResponse, path: str, *, file_count: int, resumed: bool) -> UploadResult:
        """Of one in parts."""
        return UploadResult(
            kind=answer.session.kind,
            target_path=path,
            bytes_uploaded=answer.published_bytes,
            file_count=file_count,
            transport=self.transport,
            resumed=resumed,
            started_at=self.started_at,
            completed_at=datetime.now(timezone.utc),
            upload_id=answer.session.upload_id,
            session=answer.session,
        )

    def _with_id(self, error: Exception) -> FileUploadError:
        if isinstance(error, FileUploadError):
            wrapped = rewritten(error, type(error), code="file_upload_error")
            wrapped.reason, wrapped.part_number, wrapped.path = error.reason, error.part_number, error.path
        elif isinstance(error, MachineError):
            wrapped = rewritten(error, FileUploadError, code="file_upload_error")
        else:
            wrapped = FileUploadError(str(error) or type(error).__name__, code="file_upload_error")
        wrapped.upload_id = self.upload_id
        wrapped.path = wrapped.path or self.target_path
        return wrapped
