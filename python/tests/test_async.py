from __future__ import annotations

import asyncio

import pytest

from fakehost import DROP, EXEC, MACHINE, Answer, Asked, FakeHost, refusal
from nullspace import AsyncMachine, AsyncTemplate, NotFoundError


def answer(asked: Asked) -> Answer:
    if asked.method == "DELETE":
        return Answer(200, {"id": "mch_a", "status": "destroyed"})
    if asked.path.endswith("/exec"):
        return Answer(200, {**EXEC, "stdout": asked.body["args"][0]})
    if asked.path == "/v1/templates":
        return Answer(200, [])
    if asked.method == "POST":
        return Answer(201, MACHINE)
    token = asked.query.get("next_token")
    more = {"has_next": True, "next_token": "t"} if token is None else {"has_next": False}
    return Answer(200, {"items": [MACHINE], **more})


def test_five_machines_at_once(host: FakeHost) -> None:
    host.route = answer

    async def one(number: int) -> str:
        async with await AsyncMachine.create() as machine:
            return (await machine.commands.run("echo", [str(number)])).stdout

    async def five() -> list[str]:
        return await asyncio.gather(*(one(number) for number in range(5)))

    assert asyncio.run(five()) == ["0", "1", "2", "3", "4"]
    assert sorted(asked.method for asked in host.asked) == ["DELETE"] * 5 + ["POST"] * 10


def test_pages_and_templates(host: FakeHost) -> None:
    host.route = answer

    async def ids() -> list[str]:
        assert await AsyncTemplate.list() == []
        return [info.id async for info in await AsyncMachine.list()]

    assert asyncio.run(ids()) == ["mch_a", "mch_a"]


def test_lost_answer_and_refusal(host: FakeHost) -> None:
    host.says(DROP, refusal(404, "machine_not_found"))

    async def connect() -> None:
        await AsyncMachine.connect("mch_b")

    with pytest.raises(NotFoundError):
        asyncio.run(connect())
