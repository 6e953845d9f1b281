# Generated from _async/handle.py by tools/gen_sync.py; do not edit.

"""What every part of a machine's class stands on."""

from __future__ import annotations

from .._models import MachineInfo
from .client import Client
from .commands import Commands


class MachineHandle:
    """A machine as last read, and the client to speak of it."""

    def __init__(self, info: MachineInfo, client: Client) -> None:
        self.info = info
        self.commands = Commands(client, info.id)
        self._client = client

    @property
    def id(self) -> str:
        """The machine's id, ``mch_...``; the CLI and plain HTTP take the same."""
        return self.info.id

    @property
    def cwd(self) -> str:
        """Where its commands run unless they say otherwise."""
        return self.info.cwd

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id}>"

    def close(self) -> None:
        """Ends the connections of this handle. The machine lives on."""
        self._client.close()
