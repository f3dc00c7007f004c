"""What paints the rows: the engine as a batch sees it, and how a worker gets one of its own."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

from PIL.Image import Image

from tryon.accelerators import may_have_cuda

if TYPE_CHECKING:
    from tryon.options import DressOptions
    from tryon.perception import PoseName


class Engine(Protocol):
    """The part of `tryon.TryOn` that a batch uses.

    `prepare_person`, `prepare_garment`, `plan` and `finish` are called from several threads.
    """

    def prepare_person(self, source: Any, *, clock: Any = None) -> Any: ...

    def prepare_garment(self, source: Any, category: Any, photo_kind: Any) -> Any: ...

    def plan(
        self, person: Any, garment: Any, options: DressOptions, *, mask: Any = None
    ) -> Any: ...

    def paint(self, plans: Sequence[Any]) -> list[Image]: ...

    def finish(self, plan: Any, painted: Image) -> Any: ...


class EngineSource(Protocol):
    """Makes an engine in the process that uses it; can be sent there.

    revision: changes whenever the same inputs would give other pixels.
    """

    @property
    def revision(self) -> str: ...

    def open(self, worker: int) -> Engine: ...


@dataclass(frozen=True)
class ModelEngine:
    """`TryOn` with one of its models. Worker number n takes CUDA device n, in turns.

    threads: of the model on a CPU, None: one for a small model, which gains more by further
        workers, and all that there are for a large one.
    catalog: of garments that go by their SKU.
    """

    model: str = "mini"
    device: str | None = None
    dtype: str | None = None
    pose: PoseName = "blazepose"
    threads: int | None = None
    catalog: str | None = None
    preload: ClassVar[tuple[str, ...]] = ("tryon.engine",)  # takes ten seconds of a core to import

    @property
    def revision(self) -> str:
        """Of everything that was trained: the family, the body map, the pose model's name."""
        from tryon.models import find_family
        from tryon.weights import ASSETS

        digest = hashlib.sha256(f"{self.pose} {self.dtype}".encode())
        roots: list[Path | None] = [ASSETS / "bodymap"]
        if self.model != "none":
            paths, config = find_family(self.model)
            digest.update(repr(config).encode())
            folders = [folder for folder, _ in paths.controlnets]
            roots += [paths.base, paths.ip_adapter, paths.image_encoder, *folders]
        for root in roots:
            if root is not None:
                digest.update(_weights_digest(root).encode())
        return digest.hexdigest()[:16]

    @property
    def is_small(self) -> bool:
        """Whether several of it fit on one machine."""
        from tryon.accelerators import LARGE
        from tryon.models import find_family, weight_bytes

        return self.model == "none" or weight_bytes(find_family(self.model)[0]) <= LARGE

    def open(self, worker: int) -> Engine:
        """Load the engine. Raises WeightsError, OptionError or DependencyError."""
        import torch

        from tryon.engine import TryOn

        torch.set_num_threads(self.threads or (1 if self.is_small else cores()))
        device = self.device
        if device in (None, "cuda") and (count := torch.cuda.device_count()):
            device = f"cuda:{worker % count}"
        return TryOn(
            self.model,
            device=device,
            dtype=self.dtype,
            pose=self.pose,
            remember=0,
            catalog=self.catalog,
        )


@dataclass(frozen=True)
class LoadedEngine:
    """An engine that is here already; it stays in this process."""

    engine: Engine
    revision: str

    def open(self, worker: int) -> Engine:
        return self.engine


ROWS_OF_A_WORKER = 12  # that one process paints while another one loads torch and the model


def default_workers(source: ModelEngine, rows: int) -> int:
    """One process a GPU; on a CPU, one a core for small models, one in all for large ones; and no
    more than `rows` are worth the loading of."""
    if (source.device or "cuda").startswith("cuda") and may_have_cuda():
        import torch

        if count := torch.cuda.device_count():
            return 1 if source.device and ":" in source.device else count
    most = cores() if source.is_small else 1
    return max(1, min(most, rows // ROWS_OF_A_WORKER))


def cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _weights_digest(root: Path) -> str:
    """sha256 of the weights and settings below a folder, or of one file."""
    kinds = {".safetensors", ".json", ".txt"}
    files = [root] if root.is_file() else sorted(root.rglob("*"))
    digest = hashlib.sha256()
    for file in files:
        if file.is_file() and file.suffix in kinds:
            with open(file, "rb") as stream:
                content = hashlib.file_digest(stream, "sha256").hexdigest()
            digest.update(f"{file.name} {content}\n".encode())
    return digest.hexdigest()
