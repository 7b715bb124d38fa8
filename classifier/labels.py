"""The four labels, and the one true order of their probability columns."""

from typing import Final, Literal, get_args

Label = Literal["content", "navigation", "ad", "paywall"]

LABELS: Final[tuple[Label, ...]] = get_args(Label)
"""Column order of every array of label probabilities."""

CONTENT, NAVIGATION, AD, PAYWALL = range(len(LABELS))
