"""The server that a machine is checked for."""

from dataclasses import dataclass

from lipar_core.config import Preset
from server.settings import Settings


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """The server that is to run: its settings, and its preset at the largest size that a session may have."""

    settings: Settings
    preset: Preset
    vram_gb: float | None = None  # of a GPU that is not in this machine, 2^30 bytes; None: the GPU's own
    checksums: bool = False  # read every weight file

    @property
    def device(self) -> str:
        """The first of the model processes' devices."""
        return self.settings.model_devices(self.preset.device)[0]

    @property
    def on_gpu(self) -> bool:
        return self.device.startswith("cuda")
