"""How many synthetic samples one core renders in a second, in processor time of one thread.

    OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 python -m tests.benchmarks.renderer [--count 100] \\
        [--seed 1000] [--rounds 3]

A sample is all that `render_sample` gives: the person in two outfits, a flat-lay photo of every
piece, keypoints, labels, body map and agnostic mask. Rounds take turns between the kinds of
sample; the compiled kernels are warm.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import cv2
import torch

from tryon.data.synthetic.sample import Sample
from tryon.data.synthetic.scene import render_sample

KINDS: dict[str, Callable[[int], Sample]] = {
    "256x192": partial(render_sample, size=(256, 192)),
    "512x384": partial(render_sample, size=(512, 384)),
    "256x192, worn photos too": partial(render_sample, size=(256, 192), worn_photos=True),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=100, help="samples of each kind in a round")
    parser.add_argument("--seed", type=int, default=1000, help="the first seed")
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    seeds = range(arguments.seed, arguments.seed + arguments.count)
    for render in KINDS.values():
        for seed in seeds[:10]:
            render(seed)
    best = dict.fromkeys(KINDS, 0.0)
    for number in range(arguments.rounds):
        for name, render in KINDS.items():
            start = time.process_time()
            for seed in seeds:
                render(seed)
            rate = len(seeds) / (time.process_time() - start)
            best[name] = max(best[name], rate)
            print(f"round {number + 1}  {rate:5.1f} samples/s  {1000 / rate:5.1f} ms  {name}")
    for name, rate in best.items():
        print(f"best     {rate:5.1f} samples/s  {name}")


if __name__ == "__main__":
    main()
