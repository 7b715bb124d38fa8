"""pagesieve: labels the blocks of a web page, extracts by the labels, and tells whether a gate stands before the text.

    from classifier import Sieve
    reading = Sieve().read(html_bytes, url="https://...")
    reading.text, reading.access.level, reading.blocks[0].label
"""

from classifier.access import Access, Evidence
from classifier.blocks import Limits
from classifier.labels import LABELS, Label
from classifier.metadata import Metadata
from classifier.model import Model
from classifier.modelfile import ModelFileError, load_model
from classifier.sieve import Block, LimitExceeded, Reading, Sieve

__all__ = [
    "LABELS",
    "Access",
    "Block",
    "Evidence",
    "Label",
    "LimitExceeded",
    "Limits",
    "Metadata",
    "Model",
    "ModelFileError",
    "Reading",
    "Sieve",
    "__version__",
    "load_model",
]

__version__ = "0.1.0"
