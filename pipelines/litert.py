"""TensorFlow Lite models run by LiteRT on the CPU."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from os import PathLike
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from tryon.errors import WeightsCorruptError, WeightsMissingError

CHATTER = b"INFO: Created TensorFlow Lite XNNPACK delegate"
_QUIETING = Lock()  # standard error is the process's


@contextmanager
def _without_chatter() -> Iterator[None]:
    """Leave out the line that the library writes to standard error, for which it has no switch."""
    with _QUIETING, TemporaryFile() as kept:
        try:
            sys.stderr.flush()
            before = os.dup(2)
        except (OSError, ValueError, AttributeError):  # there is none
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(before, 2)
            os.close(before)
            kept.seek(0)
            for line in kept:
                if not line.startswith(CHATTER):
                    os.write(2, line)


class LiteRTModel:
    """A `.tflite` file, loaded: float32 array in, named float32 arrays out.

    An interpreter owns its tensors and must not run twice at once, so calls from several
    threads take turns. The same input gives the same output, whatever the number of threads.
    """

    def __init__(self, path: str | PathLike[str], threads: int = 1) -> None:
        """Load the model at `path`, to run on `threads` CPU threads.

        Raises `WeightsMissingError` and `WeightsCorruptError`.
        """
        self.path = Path(path)
        if not self.path.is_file():
            raise WeightsMissingError("the model file is not there", path=path)
        try:
            with _without_chatter():
                self._interpreter = Interpreter(model_path=str(path), num_threads=threads)
                self._interpreter.allocate_tensors()
        except (ValueError, RuntimeError) as error:
            raise WeightsCorruptError(f"not a TensorFlow Lite model ({error})", path=path) from None
        self._input = self._interpreter.get_input_details()[0]["index"]
        self._outputs = {
            output["name"]: output["index"] for output in self._interpreter.get_output_details()
        }
        self._lock = Lock()

    def __call__(self, values: np.ndarray) -> dict[str, np.ndarray]:
        """Run the model on one float32 array (1, height, width, 3)."""
        with self._lock:
            self._interpreter.set_tensor(self._input, values)
            self._interpreter.invoke()
            return {name: self._interpreter.get_tensor(i) for name, i in self._outputs.items()}
