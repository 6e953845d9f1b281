"""What calls about files give back and how what they are given is checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from . import _wire

ReadFormat = Literal["text", "bytes", "stream", "blob"]


@dataclass(frozen=True)
class UploadUrl:
    """Where one file can be written without a key."""

    url: str
    token: str | None = None

    @classmethod
    def from_wire(cls, value: object, where: str = "UploadUrl") -> UploadUrl:
        source = _wire.fields(value, where)
        return cls(
            url=_wire.required(source, "url", _wire.string, where),
            token=_wire.optional(source, "token", _wire.string, where),
        )


@dataclass(frozen=True)
class FileEvent:
    """A change in a directory: ``create``, ``write``, ``remove``, ``rename`` or ``chmod``; or ``overflow``.

    An ``overflow`` says that changes may have been missed, anywhere in what is watched: look for yourself. Its ``path``
    is that of the watched directory as it was given, its ``name`` is empty.
    """

    type: str
    name: str
    path: str

    @property
    def event_type(self) -> str:
        """The same as ``type``."""
        return self.type


@dataclass(frozen=True)
class BatchWriteFailure:
    """A file of several that was not written."""

    path: str
    error: str


def read_format(format: str | None, encoding: str | None) -> str:
    """``text``, ``bytes`` or ``stream``. Raises ``ValueError`` for anything else."""
    if format is not None and encoding is not None:
        raise ValueError("give either format or encoding")
    if encoding is not None:
        if encoding not in ("utf8", "base64"):
            raise ValueError(f'encoding must be "utf8" or "base64", not {encoding!r}')
        return "text" if encoding == "utf8" else "bytes"
    if format not in (None, "text", "bytes", "stream", "blob"):
        raise ValueError(f'format must be "text", "bytes" or "stream", not {format!r}')
    return "bytes" if format == "blob" else format or "text"
