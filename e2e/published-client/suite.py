"""Drives a daemon with the published client `nullspace-sdk`, unmodified, or with our own SDK: one suite for both.

Run by the tests beside it, or by hand:

    NULLSPACE_API_URL=... NULLSPACE_API_KEY=... python suite.py [PART OF A NAME]

Prints one JSON line per try of a case: {"name", "ok", "detail"}. A case is a function marked `@case`; it asserts plainly.
"""

import asyncio
import inspect
import json
import os
import signal
import sys
import traceback

import cases_async
import cases_commands
import cases_config
import cases_errors
import cases_events
import cases_files
import cases_git
import cases_lifecycle
import cases_machines
import cases_monitor
import cases_ours
import cases_processes
import cases_pty
import cases_snapshots
import cases_transfers
import cases_watch
from harness import CASES, forget_machines

MODULES = (
    cases_machines,
    cases_commands,
    cases_processes,
    cases_pty,
    cases_files,
    cases_transfers,
    cases_watch,
    cases_git,
    cases_errors,
    cases_config,
    cases_async,
    cases_lifecycle,
    cases_snapshots,
    cases_events,
    cases_monitor,
    cases_ours,
)


CASE_SECONDS = 120


class TooLong(BaseException):
    """Not an Exception: a case that retries on errors is to end as well."""


def too_long(_signal, _frame):
    raise TooLong(f"the case did not end within {CASE_SECONDS} s")


def run(case):
    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(CASE_SECONDS)
    try:
        if inspect.iscoroutinefunction(case):
            asyncio.run(case())
        else:
            case()
    except BaseException:
        return {"name": case.__name__, "ok": False, "detail": traceback.format_exc(limit=-4)}
    finally:
        signal.alarm(0)
    return {"name": case.__name__, "ok": True, "detail": ""}


def tries(case):
    """In CI a case gets a second try, as every test there; a line for each."""
    first = run(case)
    return [first] if first["ok"] or not os.environ.get("CI") else [first, run(case)]


def main(part=""):
    try:
        for case in CASES:
            if part in case.__name__:
                for one in tries(case):
                    print(json.dumps(one), flush=True)
    finally:
        forget_machines()


if __name__ == "__main__":
    main(*sys.argv[1:2])
