"""The async client, which is a transport of its own."""

import asyncio

from harness import RUN, case
from nullspace import AsyncMachine, MachineError, MachineQuery, NotFoundError


@case
async def async_quick_example():
    async with await AsyncMachine.create(template="base", timeout=300, metadata={"run": RUN}) as machine:
        result = await machine.commands.run("python3 --version", shell=True)
        assert result.stdout.startswith("Python 3."), result
        assert (await machine.get_info()).status == "running"
    try:
        await AsyncMachine.get_info_by_id(machine.id)
    except NotFoundError as error:
        assert error.code == "machine_not_found"
    else:
        raise AssertionError("the machine is still there")


@case
async def async_five_machines_at_once():
    async def one(number):
        async with await AsyncMachine.create(timeout=300, metadata={"run": RUN, "five": True}) as machine:
            outputs = await asyncio.gather(*(machine.commands.run("echo", [f"{number}.{n}"]) for n in range(3)))
            return machine.id, [output.stdout for output in outputs]

    results = await asyncio.gather(*(one(number) for number in range(5)))
    assert [outputs for _, outputs in results] == [[f"{a}.{b}\n" for b in range(3)] for a in range(5)]
    assert len({machine_id for machine_id, _ in results}) == 5
    left = await AsyncMachine.list(query=MachineQuery(metadata={"run": RUN, "five": True}))
    assert [info.id async for info in left] == []


@case
async def async_create_joins_its_repeat():
    key = f"{RUN}-joined"
    pair = await asyncio.gather(*(AsyncMachine.create(metadata={"run": RUN}, idempotency_key=key) for _ in range(2)))
    assert pair[0].id == pair[1].id
    await pair[0].kill()
    await pair[1].close()


@case
async def async_refusals():
    for call, code in (
        (AsyncMachine.connect("mch_aaaaaaaaaaaaaaaaaaaa"), "machine_not_found"),
        (AsyncMachine.create(template="no-such-template"), "template_not_found"),
        (AsyncMachine.list(fields=["colour"]), "invalid_fields"),
    ):
        try:
            await call
        except MachineError as error:
            assert error.code == code, error
        else:
            raise AssertionError(f"not refused: {code}")
