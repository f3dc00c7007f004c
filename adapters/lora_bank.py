"""Thousands of garments within reach: LoRA files kept in memory, the last used ones."""

from __future__ import annotations

import logging
from collections import OrderedDict
from os import stat_result
from pathlib import Path
from threading import Lock

from tryon.adapters.lora_format import Lora, read_lora
from tryon.errors import WeightsMissingError

logger = logging.getLogger(__name__)


class LoraBank:
    """LoRAs by file, each read once, in ordinary memory and in the file's own format.

    A file that was written anew is read anew. capacity: bytes of matrices that are kept; those
    that were not asked for the longest go first, and one that is larger alone is kept alone.
    May be used by several threads.
    """

    def __init__(self, capacity: int = 2 << 30) -> None:
        self.capacity = capacity
        self.nbytes = 0
        self._kept: OrderedDict[Path, tuple[tuple[int, ...], Lora]] = OrderedDict()
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self._kept)

    def get(self, file: Path) -> Lora:
        """What is in the file, the same object as long as it is kept.

        Raises WeightsMissingError or LoraFormatError, see `read_lora`.
        """
        try:
            version = _version(file.stat())
        except OSError as error:
            raise WeightsMissingError("no such file", path=file) from error
        with self._lock:
            if file in self._kept and self._kept[file][0] == version:
                self._kept.move_to_end(file)
                return self._kept[file][1]
            self._forget(file)
            lora = read_lora(file)
            if lora.words:
                logger.warning(
                    "%s: its learned words are not used: %s", file, ", ".join(lora.words)
                )
            self._kept[file] = version, lora
            self.nbytes += lora.nbytes
            while self.nbytes > self.capacity and len(self._kept) > 1:
                self._forget(next(iter(self._kept)))
            return lora

    def _forget(self, file: Path) -> None:
        if file in self._kept:
            self.nbytes -= self._kept.pop(file)[1].nbytes


def _version(stat: stat_result) -> tuple[int, ...]:
    """Changes when a file is written in place or replaced."""
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
