"""The one door to every evaluation."""

from __future__ import annotations

from tryon.evaluation.datasets import DatasetEvaluation, evaluate_dataset
from tryon.evaluation.photographs import PhotographEvaluation, evaluate_photographs
from tryon.evaluation.report import OnCase, Report, quiet
from tryon.evaluation.synthetic import SyntheticEvaluation, evaluate_synthetic

Evaluation = SyntheticEvaluation | PhotographEvaluation | DatasetEvaluation


def evaluate(config: Evaluation, *, on_case: OnCase = quiet) -> Report:
    """Measure what the configuration says: held-out synthetic people, photographs, or a data set.

    Raises OptionError, ImageNotFoundError, InputError, WeightsError or DependencyError.
    """
    if isinstance(config, SyntheticEvaluation):
        return evaluate_synthetic(config, on_case=on_case)
    if isinstance(config, DatasetEvaluation):
        return evaluate_dataset(config, on_case=on_case)
    return evaluate_photographs(config, on_case=on_case)
