"""What machines use."""

from __future__ import annotations

from .. import _wire
from .._models import HostSample, MachineMetrics
from .._operation import Operation
from .._retry import READ
from .life import path_of


def samples(machine_id: str) -> Operation[list[MachineMetrics]]:
    return Operation(method="GET", path=path_of(machine_id, "metrics"), read=_samples, retry=READ)


def host_samples(machine_id: str) -> Operation[list[HostSample]]:
    return Operation(method="GET", path=path_of(machine_id, "host-metrics"), read=_host_samples, retry=READ)


def _samples(document: object) -> list[MachineMetrics]:
    return _wire.array(MachineMetrics.from_wire)(document, "metrics")


def _host_samples(document: object) -> list[HostSample]:
    return _wire.array(HostSample.from_wire)(document, "metrics")
