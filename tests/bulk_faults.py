"""Readers for workers that do what hostile pages do, by order; importable where the workers are."""

import ctypes
import os
import re
import resource
import signal
import time


def reader():
    """Gives a reader of ``(number, fault, log)`` that notes in the log that it begins."""
    return _read


def _read(item):
    number, fault, log = item
    if log:
        with open(log, "a") as file:
            file.write(f"{number}\n")
    if fault:
        FAULTS[fault]()
    return number, "done"


def lost(item, reason):
    return item[0], reason


def _fill():
    held = []
    while True:
        held.append(bytes(1 << 26))  # never touched: address space is what is limited


def _overflow():
    raise RecursionError("too deep")


def _raise():
    raise ValueError("no good")


FAULTS = {
    "raise": _raise,
    "overflow": _overflow,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "crash": lambda: ctypes.string_at(0),
    "exit": lambda: os._exit(3),
    "memory": _fill,
    "abort": os.abort,
    "hang": lambda: re.match("(a+)+$", "a" * 60 + "b"),  # one call into C that never lets go
    "unpicklable": lambda: None,
}

REASONS = {
    "raise": "ValueError: no good",
    "overflow": "RecursionError: too deep",
    "kill": "WorkerDied: killed by SIGKILL",
    "crash": "WorkerDied: killed by SIGSEGV",
    "exit": "WorkerDied: exit code 3",
    "memory": "MemoryError: ",
    "abort": "WorkerDied: killed by SIGABRT",
    "hang": "TimedOut: not done after 3 s",
}


def identity():
    return lambda item: item


def slowly():
    """Gives every worker of a pool the time to come up."""

    def read(item):
        time.sleep(0.05)
        return item

    return read


def who():
    """Tells which process read, and the bytes that it holds."""
    return lambda item: (os.getpid(), rss())


def rss():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()


def unpicklable():
    return lambda item: (lambda: item) if item == 3 else item


def refuse():
    raise FileNotFoundError("no model there")


def die():
    os._exit(7)


def hang_and_tell():
    def read(path):
        with open(path, "w") as file:
            file.write(str(os.getpid()))
        time.sleep(600)

    return read
