"""Commands: run to their end, or started and then listed, read, written to and ended by their pid."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .. import _wire
from .._models import CommandLogs, CommandResult
from .._monitor_frames import ProcessInfo
from .._operation import Operation, given
from .._retry import READ, REPEATABLE
from ..errors import MachineError
from .life import path_of

DEFAULT_TIMEOUT = 30.0

# The daemon ends the command at its time limit; this much longer is waited for the answer about it.
_GRACE = 30.0


@dataclass(frozen=True)
class CommandLine:
    """What to run, and where."""

    command: str
    args: Sequence[str] | None
    shell: bool
    cwd: str | None
    envs: Mapping[str, str] | None
    user: str | None = None

    def wire(self) -> dict[str, Any]:
        if isinstance(self.args, str):
            raise MachineError('args must be a list of strings, e.g. ["-l"].', code="invalid_request")
        if self.shell and self.args:
            raise MachineError("With shell=True the arguments belong into the command line.", code="invalid_request")
        return {
            "command": self.command,
            **({"shell": True} if self.shell else {}),
            **given(
                {
                    "args": list(self.args) if self.args else None,
                    "cwd": self.cwd,
                    "envs": None if self.envs is None else dict(self.envs),
                    "user": self.user,
                }
            ),
        }


def run(machine_id: str, line: CommandLine, timeout: float) -> Operation[CommandResult]:
    return Operation(
        method="POST",
        path=path_of(machine_id, "exec"),
        body={**line.wire(), "timeout_secs": _plain(timeout)},
        read=CommandResult.from_wire,
        silence=timeout + _GRACE,
    )


def start(machine_id: str, line: CommandLine) -> Operation[int]:
    """Gives the pid."""
    return Operation(
        method="POST",
        path=path_of(machine_id, "exec"),
        body={**line.wire(), "background": True},
        read=_wire.answer(_wire.field("pid", _wire.integer)),
    )


def live_start(line: CommandLine, timeout: float | None) -> dict[str, Any]:
    """For the first frame of a channel. Without ``timeout`` it runs in the background."""
    time = {"background": True} if timeout is None else {"timeout_secs": _plain(timeout)}
    return {**line.wire(), **time}


def channel(machine_id: str) -> str:
    return path_of(machine_id, "ws?channel=exec")


def listing(machine_id: str) -> Operation[list[ProcessInfo]]:
    return Operation(
        method="GET",
        path=path_of(machine_id, "processes"),
        read=_wire.answer(_wire.array(ProcessInfo.from_wire)),
        retry=READ,
    )


def logs(machine_id: str, pid: int) -> Operation[CommandLogs]:
    return Operation(method="GET", path=_process(machine_id, pid, "logs"), read=CommandLogs.from_wire, retry=READ)


def send_stdin(machine_id: str, pid: int, data: str | bytes) -> Operation[None]:
    return Operation(method="POST", path=_process(machine_id, pid, "stdin"), body=_input(data), read=lambda _: None)


def kill(machine_id: str, pid: int) -> Operation[None]:
    return Operation(method="POST", path=_process(machine_id, pid, "kill"), read=lambda _: None, retry=REPEATABLE)


def _input(data: str | bytes) -> dict[str, str]:
    if isinstance(data, str):
        return {"data": data}
    try:
        return {"data": str(data, "utf-8")}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(data).decode("ascii")}


def _process(machine_id: str, pid: int, what: str) -> str:
    return path_of(machine_id, f"processes/{int(pid)}/{what}")


def _plain(seconds: float) -> float:
    return int(seconds) if float(seconds).is_integer() else seconds
