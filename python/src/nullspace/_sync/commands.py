# Generated from _async/commands.py by tools/gen_sync.py; do not edit.

"""Commands in a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._models import CommandResult
from .._operations import commands
from .client import Client


class Commands:
    """Runs commands; reached as ``machine.commands``."""

    def __init__(self, client: Client, machine_id: str) -> None:
        self._client = client
        self._machine_id = machine_id

    def run(
        self,
        command: str,
        args: Sequence[str] | None = None,
        *,
        shell: bool = False,
        cwd: str | None = None,
        envs: Mapping[str, str] | None = None,
        timeout: float = commands.DEFAULT_TIMEOUT,
    ) -> CommandResult:
        """Runs a command to its end. Its standard input is empty.

        A non-zero exit code is a result, not an error. The call is never repeated by itself, since the command may have
        run. A command whose time is up in its first ten seconds raises ``exec_timeout``; later it is a result with exit
        code 124, ``pid`` 0, the last 4 KiB of each output, and the reason at the end of ``stderr``.

        Args:
            command: a program, by name or path; with ``shell`` a line for the shell.
            args: passed to the program exactly as they are. Not together with ``shell``.
            shell: whether a shell runs ``command``.
            cwd: absolute path of an existing directory; default is the machine's working directory.
            envs: environment variables for this command only, on top of the machine's.
            timeout: seconds after which the command and all it started are ended.

        Raises:
            NotFoundError: the machine does not exist (any more).
            ConflictError: the machine is not running (``machine_not_ready``).
            MachineError: the program could not be started (``exec_failed``), its time was up in the first ten seconds
                (``exec_timeout``), the daemon holds too much output (``capacity_exceeded``), the arguments make no
                sense (``invalid_request``), or there was no answer (``transport_error``).
        """
        return self._client.send(
            commands.run(self._machine_id, command, args, shell=shell, cwd=cwd, envs=envs, timeout=timeout)
        )
