"""What each model process runs on."""

import os
from dataclasses import dataclass

from server.settings import Settings


@dataclass(frozen=True, slots=True)
class DeviceShare:
    """A model process's device, and its number of CPU threads; None: PyTorch's choice, which is all cores."""

    device: str
    threads: int | None


def device_shares(settings: Settings, default_device: str, cores: int | None = None) -> list[DeviceShare]:
    """Of each model process, in the order of `devices`; several on the CPU share its cores if `threads` is not set.

    `default_device`: of the preset. `cores`: that this process may use, if not those of the machine.
    """
    devices = settings.model_devices(default_device)
    on_cpu = devices.count("cpu")
    split = max(1, (cores or usable_cores()) // on_cpu) if on_cpu > 1 and settings.threads is None else settings.threads
    return [DeviceShare(device, split if device == "cpu" else settings.threads) for device in devices]


def usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
