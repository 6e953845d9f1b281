"""Commands run to their end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._models import CommandResult
from .._operation import Operation, given, segment
from ..errors import MachineError

DEFAULT_TIMEOUT = 30.0

# The daemon ends the command at its time limit; this much longer is waited for the answer about it.
_GRACE = 30.0


def run(
    machine_id: str,
    command: str,
    args: Sequence[str] | None,
    *,
    shell: bool,
    cwd: str | None,
    envs: Mapping[str, str] | None,
    timeout: float,
) -> Operation[CommandResult]:
    if isinstance(args, str):
        raise MachineError('args must be a list of strings, e.g. ["-l"].', code="invalid_request")
    if shell and args:
        raise MachineError("With shell=True the arguments belong into the command line.", code="invalid_request")
    return Operation(
        method="POST",
        path=f"/v1/machines/{segment(machine_id, 'machine_id')}/exec",
        body={
            "command": command,
            "timeout_secs": int(timeout) if float(timeout).is_integer() else timeout,
            **({"shell": True} if shell else {}),
            **given({"args": list(args) if args else None, "cwd": cwd, "envs": envs}),
        },
        read=CommandResult.from_wire,
        silence=timeout + _GRACE,
    )
