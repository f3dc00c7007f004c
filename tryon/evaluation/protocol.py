"""The one door to every evaluation."""

from __future__ import annotations

from tryon.evaluation.datasets import DatasetEvaluation, evaluate_dataset
from tryon.evaluation.pairs import PairsEvaluation, evaluate_pairs
from tryon.evaluation.photographs import PhotographEvaluation, evaluate_photographs
from tryon.evaluation.report import OnCase, Report, quiet
from tryon.evaluation.synthetic import SyntheticEvaluation, evaluate_synthetic

Evaluation = SyntheticEvaluation | PhotographEvaluation | DatasetEvaluation | PairsEvaluation


def evaluate(config: Evaluation, *, on_case: OnCase = quiet) -> Report:
    """Measure what the configuration says: synthetic people, photographs, pairs or a data set.

    Raises OptionError, ImageNotFoundError, InputError, WeightsError or DependencyError.
    """
    if isinstance(config, SyntheticEvaluation):
        return evaluate_synthetic(config, on_case=on_case)
    if isinstance(config, DatasetEvaluation):
        return evaluate_dataset(config, on_case=on_case)
    if isinstance(config, PairsEvaluation):
        return evaluate_pairs(config, on_case=on_case)
    return evaluate_photographs(config, on_case=on_case)
