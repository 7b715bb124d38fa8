"""Imported by nobody but the server that workers are forked from: what every worker needs is loaded there, once.

So a worker that a page has killed is replaced in hundredths of a second, and workers share the memory of the models.
"""

from contextlib import suppress

from classifier.sieve import Sieve

with suppress(Exception):  # a model that cannot be loaded is told by the worker that wants it
    Sieve().read("<p>Warm.</p>")
    Sieve().read_text("Warm.")
