"""What every part of a machine's class stands on."""

from __future__ import annotations

from .._models import MachineInfo
from .client import AsyncClient
from .commands import AsyncCommands
from .files import AsyncFiles
from .git import AsyncGit
from .pty import AsyncPty


class AsyncMachineHandle:
    """A machine as last read, and the client to speak of it."""

    def __init__(self, info: MachineInfo, client: AsyncClient) -> None:
        self.info = info
        self.commands = AsyncCommands(client, info.id)
        self.files = AsyncFiles(client, info.id)
        self.git = AsyncGit(client, info.id, self.commands, self.files)
        self.pty = AsyncPty(client, info.id)
        self._client = client

    @property
    def id(self) -> str:
        """The machine's id, ``mch_...``; the CLI and plain HTTP take the same."""
        return self.info.id

    @property
    def cwd(self) -> str:
        """Where its commands run unless they say otherwise."""
        return self.info.cwd

    async def upload_url(self, path: str, *, user: str | None = None) -> str:
        """The address of ``files.upload_url``."""
        return (await self.files.upload_url(path, user=user)).url

    async def download_url(self, path: str, *, user: str | None = None) -> str:
        """``files.download_url``."""
        return await self.files.download_url(path, user=user)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    async def close(self) -> None:
        """Ends the connections of this handle. The machine lives on."""
        await self._client.aclose()
