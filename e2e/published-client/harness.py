"""What the cases share: their list, machines to work on, and how a refusal is checked."""

import contextlib
import os
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from nullspace import Machine, MachineError

CASES = []

# Every machine of this run carries it, so that lists can be told apart from what else runs on the host.
RUN = uuid.uuid4().hex


# "ours" when the same cases run with the SDK of this repository.
CLIENT = os.environ.get("NULLSPACE_SUITE_CLIENT", "published")


def case(function):
    CASES.append(function)
    return function


def published_only(function):
    """A case for a call that our SDK does not have."""
    return case(function) if CLIENT == "published" else function


def ours_only(function):
    """A case for a call that only our SDK has."""
    return case(function) if CLIENT == "ours" else function


def until(look, is_wanted=bool, within=30):
    """What `look` gives as soon as that is wanted."""
    deadline = time.monotonic() + within
    while not is_wanted(seen := look()):
        assert time.monotonic() < deadline, f"not within {within} s; last seen: {seen!r}"
        time.sleep(0.1)
    return seen


_machines = []


def create(**options):
    """A machine that is destroyed at the end of the run, if not before."""
    return mine(Machine.create(**{"timeout": 600, **options}))


def mine(machine):
    """For a machine that came about otherwise: destroyed at the end of the run, if not before."""
    _machines.append(machine)
    return machine


def forget_machines():
    for machine in _machines:
        # A handle that was used to kill is closed; by id it does not matter.
        with contextlib.suppress(MachineError):
            Machine.kill_by_id(machine.id)


@cache
def shared():
    """One machine for all cases that leave it as it was."""
    return create(metadata={"run": RUN, "role": "shared"}, envs={"FROM_CREATE": "yes"})


@cache
def group():
    """Three machines for the lists, newest last."""
    with ThreadPoolExecutor(3) as pool:
        return list(pool.map(lambda n: create(metadata={"run": RUN, "role": "group", "n": n}), range(3)))


def refused(call, code, kind=MachineError):
    """The error of a call that must fail with `code`, as exactly this class; None for any."""
    try:
        answer = call()
    except MachineError as error:
        assert error.code == code, f"code is {error.code}: {error}"
        assert kind in (None, type(error)), f"{error.code} arrived as {type(error).__name__}"
        return error
    raise AssertionError(f"not refused, but {answer!r}")
