"""A catalogue of a thousand garments: time to add, look up and list, and memory.

    python -m tests.benchmarks.catalog [--count 1000]

Every garment has a photo of 384 x 512, a stored atlas of 1.2 MB and a LoRA of 1.6 MB.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image

from tryon.catalog import Catalog


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=1000)
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder:
        catalog = Catalog(folder)
        photo = Path(folder) / "photo.jpg"
        noise = np.random.default_rng(0).integers(0, 255, (64, 48, 3), np.uint8)
        Image.fromarray(noise).resize((384, 512)).save(photo)
        lora, atlas = os.urandom(1_600_000), os.urandom(1_200_000)
        start = time.perf_counter()
        for number in range(arguments.count):
            sku = f"sku-{number:05d}"
            catalog.add(sku, [photo], category="upper", caption="a shirt")
            catalog.set_atlas(sku, atlas, "key")
            catalog.set_lora(sku, lora, base="sd15")
        each = (time.perf_counter() - start) / arguments.count
        print(f"added: {1000 * each:.1f} ms each, with atlas and LoRA")
        before = resident()
        start = time.perf_counter()
        found = catalog.list()
        seconds = time.perf_counter() - start
        print(
            f"listed: {len(found)} in {1000 * seconds:.0f} ms, "
            f"{(resident() - before) / 2**20:.1f} MiB more, {resident() / 2**20:.0f} MiB in all"
        )
        times = []
        for number in range(0, arguments.count, max(1, arguments.count // 100)):
            start = time.perf_counter()
            garment = catalog.get(f"sku-{number:05d}")
            catalog.lora_file(garment, "sd15")
            times.append(time.perf_counter() - start)
        print(f"looked up, LoRA checked: median {1000 * statistics.median(times):.2f} ms")
        times = []
        for number in range(0, arguments.count, max(1, arguments.count // 100)):
            start = time.perf_counter()
            catalog.get(f"sku-{number:05d}")
            times.append(time.perf_counter() - start)
        print(f"looked up: median {1000 * statistics.median(times):.2f} ms")
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10:.0f} MiB")


def resident() -> int:
    """Bytes of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


if __name__ == "__main__":
    main()
