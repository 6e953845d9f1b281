"""What comes of a machine for one command."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from ._models import CommandResult


@dataclass(frozen=True)
class RunOnceResult(CommandResult):
    """A result with its machine: ``retained`` says whether that is still there."""

    machine_id: str = ""
    retained: bool = False

    @classmethod
    def of(cls, result: CommandResult, machine_id: str, retained: bool) -> RunOnceResult:
        return cls(**asdict(result), machine_id=machine_id, retained=retained)
