"""What can be said of accelerators without loading torch, which takes ten seconds of a core."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tryon.errors import OptionError

LARGE = 10**9  # bytes of weights from which memory, not rounding, is the worry
# Of NVIDIA's driver, of the same in Windows' subsystem for Linux, and of AMD's.
_DRIVERS = ("/dev/nvidiactl", "/proc/driver/nvidia", "/dev/dxg", "/dev/kfd")


def may_have_cuda() -> bool:
    """False where there is no driver for torch's `cuda`; what torch finds may still be nothing."""
    return not sys.platform.startswith("linux") or any(Path(file).exists() for file in _DRIVERS)


def check_device_name(name: str | None) -> None:
    """Raise OptionError for the name of a device that cannot be one of this machine."""
    if name is None:
        return
    if not re.fullmatch(r"cpu|mps|cuda(:\d+)?", name):
        raise OptionError(f"device is {name!r}", remedy="Choose cpu, cuda, cuda:1, mps, say.")
    missing = name.startswith("cuda") and not may_have_cuda()
    if missing or (name == "mps" and sys.platform != "darwin"):
        raise OptionError(f"the device {name!r} is not on this machine", remedy="Leave it out.")
