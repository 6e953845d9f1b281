from __future__ import annotations

import asyncio
import threading
from contextlib import closing

import pytest

from fakehost import MACHINE, Answer, Asked, FakeHost, refusal
from nullspace import AsyncMachine, Machine, MachineError

LEASE = Answer(200, {"timeout_ms": 300000, "timeout_action": "destroy"})
LONGEST_WAIT = 10.0


class Refreshes:
    """Counts them and can be waited for."""

    def __init__(self, host: FakeHost, answer: Answer = LEASE, after: int = 99) -> None:
        self._answer = answer
        self._after = after
        self.count = 0
        self._third = threading.Event()
        host.route = self._serve

    def _serve(self, asked: Asked) -> Answer:
        if not asked.path.endswith("/timeout"):
            return Answer(200, MACHINE)
        assert asked.body == {"timeout_ms": 300000, "timeout_action": "hibernate"}
        self.count += 1
        if self.count >= 3:
            self._third.set()
        return self._answer if self.count > self._after else LEASE

    def wait_for_three(self) -> None:
        assert self._third.wait(LONGEST_WAIT)


def test_time_begins_anew_within_the_block(host: FakeHost) -> None:
    refreshes = Refreshes(host)
    machine = Machine.connect("mch_a")
    with machine.keep_alive(refresh_every_secs=0.01, timeout_action="hibernate"):
        assert refreshes.count >= 1
        refreshes.wait_for_three()
    count = refreshes.count
    machine.get_info()
    assert refreshes.count == count
    machine.close()


def test_what_a_refresh_fails_with_comes_out_at_the_end(host: FakeHost) -> None:
    refreshes = Refreshes(host, refusal(404, "machine_not_found"), after=2)
    machine = Machine.connect("mch_a")
    keeping = machine.keep_alive(refresh_every_secs=0.01, timeout_action="hibernate").start()
    with pytest.raises(MachineError, match="already"):
        keeping.start()
    refreshes.wait_for_three()
    with pytest.raises(MachineError) as caught:
        keeping.stop()
    assert caught.value.code == "machine_not_found"
    keeping.stop()
    machine.close()


def test_what_the_block_raises_comes_first(host: FakeHost) -> None:
    refreshes = Refreshes(host, refusal(404, "machine_not_found"), after=2)

    def work() -> None:
        with machine.keep_alive(refresh_every_secs=0.01, timeout_action="hibernate"):
            refreshes.wait_for_three()
            raise ZeroDivisionError

    with closing(Machine.connect("mch_a")) as machine, pytest.raises(ZeroDivisionError):
        work()


def test_the_first_refresh_fails_at_once(host: FakeHost) -> None:
    Refreshes(host, refusal(409, "machine_not_ready"), after=0)
    with closing(Machine.connect("mch_a")) as machine, pytest.raises(MachineError) as caught:
        machine.keep_alive(timeout_action="hibernate").start()
    assert caught.value.code == "machine_not_ready"


@pytest.mark.parametrize("options", [{"timeout_secs": 0}, {"refresh_every_secs": 0}])
def test_times_that_make_no_sense(host: FakeHost, options: dict[str, float]) -> None:
    host.says(Answer(200, MACHINE))
    with closing(Machine.connect("mch_a")) as machine, pytest.raises(ValueError, match="greater than 0"):
        machine.keep_alive(**options)


def test_async(host: FakeHost) -> None:
    refreshes = Refreshes(host)

    async def keep() -> int:
        machine = await AsyncMachine.connect("mch_a")
        async with machine.keep_alive(refresh_every_secs=0.01, timeout_action="hibernate"):
            await asyncio.to_thread(refreshes.wait_for_three)
        count = refreshes.count
        await machine.get_info()
        await machine.close()
        return refreshes.count - count

    assert asyncio.run(keep()) == 0
