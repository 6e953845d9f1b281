# Generated from _async/handle.py by tools/gen_sync.py; do not edit.

"""What every part of a machine's class stands on."""

from __future__ import annotations

from .._models import MachineInfo
from .client import Client
from .commands import Commands
from .files import Files
from .git import Git
from .pty import Pty


class MachineHandle:
    """A machine as last read, and the client to speak of it."""

    def __init__(self, info: MachineInfo, client: Client) -> None:
        self.info = info
        self.commands = Commands(client, info.id)
        self.files = Files(client, info.id)
        self.git = Git(client, info.id, self.commands, self.files)
        self.pty = Pty(client, info.id)
        self._client = client

    @property
    def id(self) -> str:
        """The machine's id, ``mch_...``; the CLI and plain HTTP take the same."""
        return self.info.id

    @property
    def cwd(self) -> str:
        """Where its commands run unless they say otherwise."""
        return self.info.cwd

    def upload_url(self, path: str, *, user: str | None = None) -> str:
        """The address of ``files.upload_url``."""
        return (self.files.upload_url(path, user=user)).url

    def download_url(self, path: str, *, user: str | None = None) -> str:
        """``files.download_url``."""
        return self.files.download_url(path, user=user)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    def close(self) -> None:
        """Ends the connections of this handle. The machine lives on."""
        self._client.close()
