"""How the machine fares while a run goes on: processors, memory, disks, network, the process and its children, GPUs."""

from weft.training.system.gpu import Nvidia, open_nvidia
from weft.training.system.limits import Limits, read_limits
from weft.training.system.sampler import SystemSampler

__all__ = ["Limits", "Nvidia", "SystemSampler", "open_nvidia", "read_limits"]
