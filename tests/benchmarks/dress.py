"""Where the time of one picture goes: seconds by stage, and each stage's share of the whole.

    python -m tests.benchmarks.dress [--model mini] [--person PHOTO --garment PHOTO] [--repeat 5]

Without photos, the astronaut of scikit-image is scaled to 768 x 1024 and dressed in the example
shirt. The engine is warm; the photos are not remembered from picture to picture.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import time
from pathlib import Path

from PIL import Image

from tryon import TryOn

EXAMPLES = Path(__file__).resolve().parents[2] / "demo" / "examples"


def astronaut() -> Image.Image:
    from skimage import data

    return Image.fromarray(data.astronaut()).crop((64, 0, 448, 512)).resize((768, 1024))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="mini")
    parser.add_argument("--person", type=Path)
    parser.add_argument("--garment", type=Path, default=EXAMPLES / "shirt.jpg")
    parser.add_argument("--category", default="upper")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()

    start = time.perf_counter()
    engine = TryOn(arguments.model, threads=arguments.threads, remember=0)
    loaded = time.perf_counter() - start
    person = astronaut() if arguments.person is None else arguments.person
    runs = []
    for run in range(arguments.repeat + 1):
        look = engine.dress(person, arguments.garment, category=arguments.category)
        if run:  # the first one warms up
            runs.append(look.seconds)
    medians = {stage: statistics.median(seconds[stage] for seconds in runs) for stage in runs[0]}
    print(f"load {loaded:.2f} s; median of {arguments.repeat} pictures of {look.image.size}:")
    for stage, seconds in medians.items():
        print(f"  {stage:<10} {1000 * seconds:8.0f} ms {seconds / medians['total']:7.1%}")
    outside = medians["total"] - medians["denoise"] - medians["decode"]
    print(f"  outside the model {outside:.3f} s")
    print(f"  peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20:.2f} GiB")


if __name__ == "__main__":
    main()
