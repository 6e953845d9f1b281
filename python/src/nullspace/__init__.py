"""Nullspace: virtual machines for AI agents on your own host.

    from nullspace import Machine

    with Machine.create(template="base", timeout=300) as machine:
        result = machine.commands.run("python3 --version", shell=True)
        print(machine.id, result.stdout.strip())

``AsyncMachine`` is the same with ``await``. Every failure is a ``MachineError``.
"""

from ._async.commands import AsyncCommands
from ._async.machine import AsyncMachine
from ._async.pages import AsyncMachinePaginator
from ._async.templates import AsyncTemplate
from ._models import (
    CommandResult,
    MachineConfig,
    MachineInfo,
    MachineStatus,
    MachineTimeoutAction,
    TemplateInfo,
    TemplateVisibility,
)
from ._operations.machines import MachineQuery
from ._sync.commands import Commands
from ._sync.machine import Machine
from ._sync.pages import MachinePaginator
from ._sync.templates import Template
from ._version import __version__
from .errors import (
    AuthError,
    BuildError,
    ConflictError,
    FileUploadError,
    MachineError,
    NotFoundError,
    NotImplementedError,
    PermissionError,
    QuotaExceededError,
    RateLimitError,
    UploadChecksumError,
    UploadConflictError,
    UploadExpiredError,
    UploadLimitError,
    UploadPathError,
    UploadStateError,
)

__all__ = [
    "AsyncCommands",
    "AsyncMachine",
    "AsyncMachinePaginator",
    "AsyncTemplate",
    "AuthError",
    "BuildError",
    "CommandResult",
    "Commands",
    "ConflictError",
    "FileUploadError",
    "Machine",
    "MachineConfig",
    "MachineError",
    "MachineInfo",
    "MachinePaginator",
    "MachineQuery",
    "MachineStatus",
    "MachineTimeoutAction",
    "NotFoundError",
    "NotImplementedError",
    "PermissionError",
    "QuotaExceededError",
    "RateLimitError",
    "Template",
    "TemplateInfo",
    "TemplateVisibility",
    "UploadChecksumError",
    "UploadConflictError",
    "UploadExpiredError",
    "UploadLimitError",
    "UploadPathError",
    "UploadStateError",
    "__version__",
]
