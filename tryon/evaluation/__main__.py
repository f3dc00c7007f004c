"""`python -m tryon.evaluation --layout synthetic|folder`: measure, and write the report."""

from __future__ import annotations

import argparse
import logging
import sys
from pathlib import Path
from typing import Any

from tryon.errors import OptionError, TryOnError
from tryon.evaluation.methods import ABLATIONS, METHODS, PREVIEWS
from tryon.evaluation.photographs import PhotographEvaluation
from tryon.evaluation.protocol import Evaluation, evaluate
from tryon.evaluation.synthetic import SyntheticEvaluation

_SETS = {"previews": PREVIEWS, "ablations": ABLATIONS}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = parser().parse_args(arguments)
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if options.verbose else logging.WARNING,
        format="tryon: %(message)s",
    )
    try:
        report = evaluate(configuration(options))
        if options.out is not None:
            report.write(options.out)
    except TryOnError as error:
        sys.stderr.write(f"tryon: {error}\n")
        return error.exit_code
    sys.stdout.write(report.markdown())
    return 0


def configuration(options: argparse.Namespace) -> Evaluation:
    """What the command line asks for. Raises OptionError."""
    chosen: dict[str, Any] = {"model": options.model, "device": options.device}
    chosen["seed"] = options.seed
    if options.methods:
        names = [name for item in options.methods for name in _SETS.get(item, (item,))]
        chosen["methods"] = tuple(dict.fromkeys(names))
    if options.layout == "folder":
        if options.people is None or options.garments is None:
            raise OptionError("the layout 'folder' needs --people and --garments")
        return PhotographEvaluation(
            people=options.people,
            garments=options.garments,
            category=options.category or "auto",
            only=tuple(options.only),
            **chosen,
        )
    if options.category:
        chosen["categories"] = (options.category,)
    return SyntheticEvaluation(
        count=options.count,
        size=(options.height, round(options.height * 3 / 4)),
        people="estimated" if options.estimated else "noisy",
        area="true" if options.true_area else "own",
        maps=not options.no_maps,
        pose=options.pose,
        fabrics=options.fabrics,
        **chosen,
    )


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="python -m tryon.evaluation", description=__doc__)
    add = top.add_argument
    add("--layout", choices=("synthetic", "folder"), default="synthetic")
    add(
        "--methods",
        nargs="+",
        metavar="METHOD",
        help=f"previews, ablations, or any of: {', '.join(METHODS)}",
    )
    add(
        "--category", choices=("upper", "lower", "dress"), help="only this; folder: of all garments"
    )
    add("--out", type=Path, help="folder for report.json, report.md and contact sheets")
    add("--model", default="mini", help="family, folder or checkpoint, for the methods that paint")
    add("--device", help="cpu, cuda, mps")
    add("--seed", type=int, default=0, help="of the model's noise")
    add("--verbose", "-v", action="store_true", help="log what happens")
    synthetic = top.add_argument_group("synthetic")
    add = synthetic.add_argument
    add("--count", type=int, default=20, help="samples of each category")
    add("--height", type=int, default=512, help="pixels; the width is 3/4")
    add("--estimated", action="store_true", help="joints by the estimator, not truth with noise")
    add("--true-area", action="store_true", help="repaint what is truly to be repainted")
    add("--no-maps", action="store_true", help="leave out the errors of body map and placement")
    add("--pose", action="store_true", help="also compare the poses of results and truth")
    add("--fabrics", type=Path, help="folder of photos to crop fabrics from")
    folder = top.add_argument_group("folder")
    folder.add_argument("--people", type=Path, help="folder of photos of people")
    folder.add_argument("--garments", type=Path, help="folder of photos of garments")
    folder.add_argument("--only", nargs="*", default=[], help="names of garment photos, if not all")
    return top


if __name__ == "__main__":
    sys.exit(main())
