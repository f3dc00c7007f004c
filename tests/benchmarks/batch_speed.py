"""Pictures a minute of a batch, against a plain loop over `dress` on the same machine.

    python -m tests.benchmarks.batch_speed [--people 20] [--garments 15] [--parts 1] [--workers N]

People and garments are rendered. The plain loop is what one writes first: one engine, its memory
of 32 people and 32 garments as it is by default (all of these fit), and for every row
`engine.dress(person, garment)` and `look.save(...)`. Loading the model counts for both. With more
than one part, loop and batch take turns, each doing that share of the people.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

from tests.benchmarks.batch_rows import _processor_time
from tryon import TryOn
from tryon.batch import Row, Summary, run_batch
from tryon.errors import InputError

CATEGORY = "upper"


def render(folder: Path, people: int, garments: int) -> None:
    """Photos of 768 x 1024: `people/p00.jpg`, `garments/g00.jpg` and so on, where they lack.

    All can be used: a rendered person whom the pose model does not find is left out.
    """
    engine = TryOn("none", remember=0)
    seed = 5000
    for kind, count in (("people", people), ("garments", garments)):
        for number in range(count):
            path = folder / kind / f"{kind[0]}{number:02d}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            while not path.exists():
                seed += 1
                _save_if_usable(engine, seed, path)


def _save_if_usable(engine: TryOn, seed: int, path: Path) -> None:
    from tryon.data.synthetic.scene import render_sample

    sample = render_sample(seed, (1024, 768))
    if sample.category != CATEGORY:
        return
    person = Image.fromarray(sample.person.image)
    garment = Image.fromarray(sample.new_garment.photo.image)
    try:
        engine.dress(person, garment, category=CATEGORY)
    except InputError:
        return
    (person if path.parent.name == "people" else garment).save(path, quality=95)


def plain_loop(root: Path, people: list[str], garments: list[str], out: Path) -> None:
    """In a process of its own, with as many threads as torch takes by itself."""
    out.mkdir()
    engine = TryOn("mini")
    for person in people:
        for garment in garments:
            name = f"{Path(person).stem}__{Path(garment).stem}"
            seed = Row(name, 1, person).seed
            look = engine.dress(root / person, root / garment, category=CATEGORY, seed=seed)
            look.save(out / f"{name}.jpg")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--people", type=int, default=20)
    parser.add_argument("--garments", type=int, default=15)
    parser.add_argument("--parts", type=int, default=1)
    parser.add_argument("--workers", type=int)
    parser.add_argument("--photos", type=Path, help="where the rendered photos are kept")
    parser.add_argument("--loop", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.loop:
        root, people, garments, out = json.loads(arguments.loop)
        plain_loop(Path(root), people, garments, Path(out))
        return
    with tempfile.TemporaryDirectory() as folder:
        root = arguments.photos or Path(folder) / "in"
        render(root, arguments.people, arguments.garments)
        compare(root, Path(folder), arguments)


def compare(root: Path, folder: Path, arguments: argparse.Namespace) -> None:
    garments = [f"garments/g{n:02d}.jpg" for n in range(arguments.garments)]
    wall, processor = {"loop": 0.0, "batch": 0.0}, {"loop": 0.0, "batch": 0.0}
    pictures, share, summary = 0, 0.0, None
    for part in range(arguments.parts):
        numbers = range(part, arguments.people, arguments.parts)
        people = [f"people/p{n:02d}.jpg" for n in numbers]
        loop, out = folder / f"loop-{part}", folder / f"batch-{part}"
        start, before = time.perf_counter(), _processor_time()
        told = json.dumps([str(root), people, garments, str(loop)])
        command = [sys.executable, "-m", "tests.benchmarks.batch_speed", "--loop", told]
        subprocess.run(command, check=True)
        wall["loop"] += time.perf_counter() - start
        processor["loop"] += _processor_time() - before
        start, before = time.perf_counter(), _processor_time()
        rows = [{"people": people, "garments": garments, "category": CATEGORY}]
        summary = run_batch(rows, out, "mini", root=str(root), workers=arguments.workers)
        wall["batch"] += time.perf_counter() - start
        processor["batch"] += _processor_time() - before
        pictures += int(summary.tally["done"])
        assert summary.tally["done"] == len(people) * len(garments)
        share = same_share(loop, out)
    for name in ("loop", "batch"):
        print(
            f"{name:>6} {pictures} pictures in {wall[name]:.1f} s: "
            f"{60 * pictures / wall[name]:.1f} a minute, "
            f"{processor[name] / pictures:.3f} CPU s each"
        )
    print(f"{share:.0%} of the last part's pictures have the very same pixels")
    print(f"ratio {wall['loop'] / wall['batch']:.2f}")
    assert summary is not None
    show_stages(summary)


def same_share(loop: Path, out: Path) -> float:
    """How many pictures have the very same pixels; threads may change the last bits of the rest."""
    same = []
    for path in (out / "looks").rglob("*.jpg"):
        other = loop / f"{path.name.split('.')[0]}.jpg"
        with Image.open(path) as one, Image.open(other) as two:
            same.append(one.tobytes() == two.tobytes())
            difference = np.abs(np.asarray(one, np.int16) - np.asarray(two, np.int16))
            assert difference.mean() < 0.5, path.name
    return sum(same) / len(same)


def show_stages(summary: Summary) -> None:
    print("where the time of the batch's last part goes, over all threads:")
    for name, stage in summary.tally["stages"].items():
        print(
            f"  {name:<10} {stage['seconds']:7.1f} s {stage['share']:6.1%} p50 {stage['p50']:.3f}"
        )


if __name__ == "__main__":
    main()
