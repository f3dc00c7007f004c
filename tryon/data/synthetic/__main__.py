"""`python -m tryon.data.synthetic sheet|folder`: look at samples, or write many."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.progress import track

from tryon.data.synthetic.scene import render_sample
from tryon.data.synthetic.sheet import contact_sheet
from tryon.data.synthetic.writer import write_folder
from tryon.errors import TryOnError


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    size = (options.height, round(options.height * 3 / 4))
    seeds = range(options.seed, options.seed + options.count)
    try:
        if options.command == "sheet":
            samples = [
                render_sample(seed, size, fabric_folder=options.fabrics)
                for seed in track(seeds, "rendering")
            ]
            contact_sheet(samples).save(options.out)
        else:
            write_folder(
                options.out,
                track(seeds, "writing"),
                size,
                worn_photos=options.worn,
                fabric_folder=options.fabrics,
            )
    except TryOnError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code
    return 0


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m tryon.data.synthetic", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True)
    for name, words in (("sheet", "a contact sheet"), ("folder", "a folder of samples")):
        command = commands.add_parser(name, help=f"write {words}")
        command.add_argument("out", type=Path, help="file" if name == "sheet" else "folder")
        command.add_argument("--count", type=int, default=8, help="how many samples")
        command.add_argument("--seed", type=int, default=0, help="the first seed")
        command.add_argument("--height", type=int, default=256, help="pixels; the width is 3/4")
        command.add_argument("--fabrics", type=Path, help="folder of photos to crop fabrics from")
        if name == "folder":
            command.add_argument("--worn", action="store_true", help="also worn garment photos")
    return top


if __name__ == "__main__":
    sys.exit(main())
