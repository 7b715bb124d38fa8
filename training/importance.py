"""What each group of inputs is worth: predictions of pages of unseen sites with the group blanked.

Blanked inputs are at their mean, which the networks met in training too (``Settings.blank``). What is lost without a
group is what no other group tells; groups that tell the same lose little each.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from classifier.features import GROUPS
from classifier.labels import LABELS
from classifier.layout import Floats, Longs
from training.fit import Predictions, input_groups
from training.readings import UNTUNED
from training.samples import COMPOSED, UNKNOWN
from training.tune import Tuned, macro_f1, mean_f1

Row = tuple[str, ...]

EVERY: Final = 3
"""Of the corpora's pages every third is read again: each group costs one reading of all."""


def importances(
    predictions: Predictions, tuned: Sequence[Tuned], progress: Callable[[str], None] = lambda _: None
) -> list[Row]:
    """Rows of a table: group, gold's macro-F1 of blocks, word-F1 of main text by blocks; the first is with all."""
    names = ("all", *GROUPS, "words (lexical)", "names (lexical)", "addresses (lexical)", "class vocabulary")
    groups: list[Longs] = [np.zeros(0, np.int64), *input_groups()]
    rows: list[Row] = []
    whole = (0.0, 0.0)
    for name, group in zip(names, groups, strict=True):
        progress(f"importance: {name}")
        found = _measured(predictions, tuned, group)
        if not rows:
            whole = found
            rows.append((name, *(f"{value:.3f}" for value in found)))
        else:
            rows.append((f"without {name}", *(f"{v:.3f} ({v - w:+.3f})" for v, w in zip(found, whole, strict=True))))
    return rows


def _measured(predictions: Predictions, tuned: Sequence[Tuned], group: Longs) -> tuple[float, float]:
    labels, found, pages = [], [], []
    for index, logits in _blanked(predictions, group):
        sample = predictions.stack.samples[index]
        how = tuned[predictions.stack.folds[index]] if tuned else UNTUNED
        if sample.corpus == "gold":
            known = sample.labels != UNKNOWN
            weights = np.array([how.thresholds[f"weight_{label}"] for label in LABELS], np.float32)
            shares = how.calibration.label_probabilities(logits[:, :-1]) * weights
            labels.append(sample.labels[known])
            found.append(shares.argmax(axis=1)[known])
        elif float((sample.main != UNKNOWN).mean()) > 0.5:
            pages.append((sample, how.calibration.main_probabilities(logits[:, -1]), how.thresholds))
    macro = macro_f1(np.concatenate(labels), np.concatenate(found)) if labels else float("nan")
    return macro, mean_f1(pages) if pages else float("nan")


def _blanked(predictions: Predictions, group: Longs) -> Iterator[tuple[int, Floats]]:
    stack = predictions.stack
    for index, (sample, fold) in enumerate(zip(stack.samples, stack.folds.tolist(), strict=True)):
        if sample.corpus == COMPOSED or (sample.corpus != "gold" and index % EVERY):
            continue
        network = predictions.networks[fold]
        inputs = stack.inputs(index, predictions.scores)
        inputs[:, group] = network.mean[group]
        yield index, network.logits(inputs, sample.near)
