# Generated from _async/once.py by tools/gen_sync.py; do not edit.

"""One command in a machine that is there for nothing else."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Sequence

from .._run_once import RunOnceResult
from ..errors import MachineError, NotFoundError
from .life import MachineLife

log = logging.getLogger("nullspace")


def run_in(
    machine: MachineLife,
    command: str,
    args: Sequence[str] | None,
    *,
    shell: bool,
    timeout: float,
    retention_seconds: float | None,
) -> RunOnceResult:
    """Runs it and destroys the machine; one in which it failed is kept that long instead, if that is given."""
    retained = False
    try:
        result = machine.commands.run(command, args, shell=shell, timeout=timeout)
        retained = result.exit_code != 0 and _retain(machine, retention_seconds)
        return RunOnceResult.of(result, machine.id, retained)
    except MachineError as error:
        retained = _retain(machine, retention_seconds)
        error.retained_machine_id = machine.id if retained else None
        raise
    finally:
        try:
            if not retained:
                # It may be gone already; its timeout ends it otherwise.
                with contextlib.suppress(MachineError):
                    machine.kill()
        finally:
            machine.close()


def _retain(machine: MachineLife, seconds: float | None) -> bool:
    """Whether it stays: one whose time cannot be begun anew stays until that is up."""
    if seconds is None:
        return False
    try:
        machine.set_timeout(seconds, timeout_action="destroy")
    except NotFoundError:
        return False
    except MachineError as error:
        log.debug("machine %s keeps its own time: %s", machine.id, error.code)
    log.warning("machine %s is kept for a look", machine.id)
    return True
