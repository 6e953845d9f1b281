"""The sync classes against a scripted daemon. The async ones are the same code; test_async has what differs."""

from __future__ import annotations

import types
import uuid
from typing import Any

import pytest

from fakehost import DROP, EXEC, MACHINE, Answer, FakeHost, refusal
from nullspace import (
    AuthError,
    Machine,
    MachineError,
    MachineQuery,
    MachineStatus,
    NotFoundError,
    NotImplementedError,
    RateLimitError,
    Template,
)
from nullspace._operations.machines import CreateOptions, create_body

CREATED = Answer(201, MACHINE)
DESTROYED = Answer(200, {"id": "mch_a", "status": "destroyed"})


def test_quick_example(host: FakeHost) -> None:
    host.says(CREATED, Answer(200, EXEC), DESTROYED)
    with Machine.create(template="base", timeout=300) as machine:
        result = machine.commands.run("python3 --version", shell=True)
        assert (machine.id, result.stdout.strip(), result.exit_code, result.pid) == ("mch_a", "hi", 0, 7)
    create, run, destroy = host.asked
    assert (create.method, create.path) == ("POST", "/v1/machines")
    assert create.body == {
        "template": "base",
        "vcpus": 2,
        "memory_mb": 512,
        "internet_access": True,
        "timeout_ms": 300000,
    }
    assert create.headers["Authorization"] == "Bearer ns_live_test"
    assert uuid.UUID(create.headers["Idempotency-Key"])
    assert (run.method, run.path) == ("POST", "/v1/machines/mch_a/exec")
    assert run.body == {"command": "python3 --version", "timeout_secs": 30, "shell": True}
    assert (destroy.method, destroy.path, destroy.content) == ("DELETE", "/v1/machines/mch_a", b"")


def test_every_option_of_create_is_sent() -> None:
    options: dict[str, Any] = {
        "template": "desktop",
        "vcpus": 4,
        "memory_mb": 1024,
        "disk_mb": 4096,
        "timeout": 1.5,
        "timeout_action": "hibernate",
        "on_timeout": "pause",
        "inactivity_timeout_ms": 1,
        "auto_delete_after_ms": 2,
        "ephemeral": False,
        "auto_resume": True,
        "cwd": "/x",
        "envs": {"A": "1"},
        "metadata": {"a": [1]},
        "internet_access": False,
        "network": {"allow_public_traffic": False},
        "volumes": [{"ref": "v", "mount_path": "/v"}],
        "desktop": {"dpi": 96},
        "warm_pool": "twp_1",
        "warm_pool_mode": "prefer",
        "warm_pool_wait_ms": 3,
    }
    pool = {"id": "twp_1", "mode": "prefer", "wait_ms": 3}
    expected = {name: value for name, value in options.items() if not name.startswith(("warm_pool", "on_", "timeout"))}
    assert create_body(CreateOptions(**options)) == {
        **expected,
        "timeout_ms": 1500,
        "timeout_action": "hibernate",
        "lifecycle": {"on_timeout": "pause"},
        "warm_pool": pool,
    }
    assert set(options) | {"snapshot_id"} == set(CreateOptions.__dataclass_fields__)


def test_create_passes_every_option_on(monkeypatch: pytest.MonkeyPatch, host: FakeHost) -> None:
    host.says(CREATED)
    seen: list[CreateOptions] = []
    monkeypatch.setattr("nullspace._operations.machines.create_body", lambda options: seen.append(options) or {})
    given: dict[str, Any] = {name: object() for name in CreateOptions.__dataclass_fields__}
    Machine.create(**given).close()
    assert seen == [CreateOptions(**given)]


@pytest.mark.parametrize(("template", "memory_mb"), [(None, 512), ("base", 512), ("code-interpreter", 2048)])
def test_default_memory(template: str | None, memory_mb: int) -> None:
    assert create_body(CreateOptions(template=template))["memory_mb"] == memory_mb


def test_create_from_snapshot() -> None:
    body = create_body(CreateOptions(snapshot_id="snap_1", auto_resume=True))
    assert body == {"snapshot_id": "snap_1", "timeout_ms": 300000, "auto_resume": True}
    with pytest.raises(MachineError, match="vcpus, envs cannot be given together with snapshot_id"):
        create_body(CreateOptions(snapshot_id="snap_1", vcpus=2, envs={}))


def test_create_repeats_with_the_same_key(host: FakeHost, waits: list[float]) -> None:
    host.says(DROP, refusal(409, "transition_in_progress"), DROP, CREATED)
    Machine.create(idempotency_key="mine").close()
    assert [asked.headers["Idempotency-Key"] for asked in host.asked] == ["mine"] * 4
    assert len({asked.content for asked in host.asked}) == 1
    assert waits == [0.5, 1, 2]


def test_create_refused_for_good(host: FakeHost, waits: list[float]) -> None:
    host.says(refusal(501, "not_implemented", suggested_action="Leave volumes out.", request_id="req_x"))
    with pytest.raises(NotImplementedError) as caught:
        Machine.create(volumes=[{"ref": "v", "mount_path": "/v"}])
    assert (caught.value.suggested_action, caught.value.request_id) == ("Leave volumes out.", "req_x")
    assert waits == []


def test_run_is_not_repeated_when_its_answer_is_lost(host: FakeHost, waits: list[float]) -> None:
    host.says(CREATED, DROP)
    machine = Machine.create()
    with pytest.raises(MachineError, match="connection was lost") as caught:
        machine.commands.run("date")
    assert caught.value.code == "transport_error"
    assert waits == []
    machine.close()


def test_run_passes_everything_exactly(host: FakeHost) -> None:
    host.says(CREATED, Answer(200, raw=b"  \n " + b'{"exit_code":3,"stdout":"","stderr":"x","pid":1,"more":1}'))
    machine = Machine.create()
    args = ["a b", "q\"'", "l\nl", "ü€", ""]
    result = machine.commands.run("/bin/x", tuple(args), cwd="/w", envs=types.MappingProxyType({"K": "v"}), timeout=1.5)
    assert result.exit_code == 3
    assert host.asked[1].body == {
        "command": "/bin/x",
        "args": args,
        "cwd": "/w",
        "envs": {"K": "v"},
        "timeout_secs": 1.5,
    }
    assert "ü€".encode() in host.asked[1].content
    machine.close()


@pytest.mark.parametrize(("args", "shell"), [(["x"], True), ("-l", False)])
def test_run_refuses_what_makes_no_sense(host: FakeHost, args: Any, shell: bool) -> None:
    host.says(CREATED)
    machine = Machine.create()
    with pytest.raises(MachineError) as caught:
        machine.commands.run("ls", args, shell=shell)
    assert caught.value.code == "invalid_request"
    assert len(host.asked) == 1
    machine.close()


def test_block_ends_although_the_machine_is_gone(host: FakeHost) -> None:
    host.says(CREATED, refusal(404, "machine_not_found"))
    with pytest.raises(ZeroDivisionError), Machine.create():
        raise ZeroDivisionError


def test_kill_waits_for_its_turn(host: FakeHost, waits: list[float]) -> None:
    host.says(CREATED, refusal(409, "transition_in_progress"), DESTROYED)
    with Machine.create():
        pass
    assert waits == [0.5]


def test_kill_answered_without_a_body(host: FakeHost) -> None:
    host.says(Answer(204))
    Machine.kill_by_id("mch_a")


def test_connect_and_get_info(host: FakeHost) -> None:
    host.says(Answer(200, MACHINE), Answer(200, {**MACHINE, "status": "paused"}), Answer(200, {"id": "mch_a"}))
    machine = Machine.connect("mch_a")
    assert machine.get_info().status == MachineStatus.PAUSED
    assert machine.info.status == "paused"
    assert machine.get_info(fields=["id"]) == {"id": "mch_a"}
    assert host.asked[2].query == {"fields": "id"}
    machine.close()


def test_is_running(host: FakeHost) -> None:
    host.says(Answer(200, MACHINE), Answer(200, MACHINE), Answer(200, {**MACHINE, "status": "error"}))
    machine = Machine.connect("mch_a")
    assert machine.is_running()
    assert not machine.is_running()
    machine.close()


def test_get_info_by_id(host: FakeHost) -> None:
    host.says(Answer(200, MACHINE), Answer(200, {"id": "mch_a", "created_at": "raw"}))
    assert Machine.get_info_by_id("mch_a").template == "base"
    assert Machine.get_info_by_id("mch_a", fields="id,created_at")["created_at"] == "raw"
    assert host.asked[1].query == {"fields": "id,created_at"}


def test_reads_are_repeated(host: FakeHost, waits: list[float]) -> None:
    host.says(DROP, DROP, Answer(200, MACHINE), DROP, DROP, DROP)
    Machine.get_info_by_id("mch_a")
    with pytest.raises(MachineError):
        Machine.get_info_by_id("mch_a")
    assert waits == [0.5, 1, 0.5, 1]


@pytest.mark.parametrize("machine_id", ["", ".", ".."])
def test_ids_that_would_change_the_path(host: FakeHost, machine_id: str) -> None:
    with pytest.raises(MachineError, match="machine_id"):
        Machine.kill_by_id(machine_id)
    assert host.asked == []


def test_ids_are_encoded(host: FakeHost) -> None:
    host.says(refusal(404, "machine_not_found"))
    with pytest.raises(NotFoundError):
        Machine.connect("a/b?c")
    assert host.asked[0].path == "/v1/machines/a%2Fb%3Fc"


def page(*ids: str, token: str | None = None) -> Answer:
    items = [{**MACHINE, "id": one} for one in ids]
    return Answer(200, {"items": items, "has_next": token is not None, **({"next_token": token} if token else {})})


def test_list_follows_pages(host: FakeHost) -> None:
    host.says(page("a", "b", token="t1"), page(token="t2"), page("c"))
    listed = Machine.list(state=["running", MachineStatus.PAUSED], template="base", metadata={"k": "ü"}, limit=2)
    assert host.asked[0].query == {
        "state": "running,paused",
        "template": "base",
        "metadata": '{"k": "ü"}',
        "limit": "2",
    }
    assert listed.has_next
    assert [info.id for info in listed] == ["a", "b", "c"]
    assert [asked.query.get("next_token") for asked in host.asked] == [None, "t1", "t2"]
    assert listed.next_items() == []


def test_list_by_query(host: FakeHost) -> None:
    host.says(page())
    assert list(Machine.list(query=MachineQuery(state=MachineStatus.ERROR))) == []
    assert host.asked[0].query == {"state": "error", "limit": "100"}
    with pytest.raises(MachineError, match="not both"):
        Machine.list(query=MachineQuery(), state="running")


def test_list_of_fields(host: FakeHost) -> None:
    first = Answer(200, {"items": [{"id": "a"}], "has_next": True, "next_token": "t"})
    last = Answer(200, {"items": [{"id": "b"}], "has_next": False})
    host.says(first, last, first)
    assert Machine.list(fields=iter(["id"])) == [{"id": "a"}, {"id": "b"}]
    assert [asked.query["fields"] for asked in host.asked] == ["id", "id"]
    assert Machine.list(fields="id", limit=1) == [{"id": "a"}]


def test_run_once(host: FakeHost) -> None:
    host.says(CREATED, Answer(200, EXEC), DESTROYED)
    assert Machine.run_once("echo", ["hi"], template="base", timeout=5, envs={"A": "1"}).stdout == "hi\n"
    assert host.asked[0].body["timeout_ms"] == 65000
    assert host.asked[0].body["envs"] == {"A": "1"}
    assert host.asked[1].body == {"command": "echo", "args": ["hi"], "timeout_secs": 5}


def test_templates(host: FakeHost) -> None:
    template = {
        "id": "t",
        "name": "base",
        "description": "",
        "builtin": True,
        "canonical_ref": "base:latest",
        "namespace_slug": "builtin",
        "visibility": "public",
        "tags": ["latest"],
        "default_tag": "latest",
        "shapes": [{"vcpus": 2, "memory_mb": 512}],
    }
    host.says(Answer(200, [template]), Answer(200, [{"name": "base"}]))
    assert Template.list()[0].shapes[0].vcpus == 2
    assert Template.list(fields=["name"]) == [{"name": "base"}]


def test_rate_limit(host: FakeHost, waits: list[float]) -> None:
    slow = Answer(429, raw=b"slow", headers={"retry-after": "0.2"})
    host.says(slow, Answer(200, MACHINE), *([slow] * 4))
    Machine.get_info_by_id("mch_a")
    with pytest.raises(RateLimitError) as caught:
        Machine.get_info_by_id("mch_a")
    assert caught.value.retry_after == 0.2
    assert waits == [0.2] * 4


def test_no_daemon(host: FakeHost, waits: list[float]) -> None:
    with pytest.raises(MachineError, match=r"Cannot reach http://127\.0\.0\.1:1:") as caught:
        Machine.create(base_url="http://127.0.0.1:1/")
    assert caught.value.code == "transport_error"
    assert waits == [0.5, 1, 2]


def test_silence(host: FakeHost, waits: list[float]) -> None:
    def slow(asked: object) -> Answer:
        import time

        time.sleep(0.3)
        return DROP

    host.route = slow
    with pytest.raises(MachineError, match=r"nothing from the daemon for 0\.05 s"):
        Machine.create(request_timeout=0.05)


@pytest.mark.parametrize("answer", [Answer(200, raw=b"<html>"), Answer(200, [1]), Answer(204)])
def test_answers_that_do_not_fit(host: FakeHost, answer: Answer) -> None:
    host.says(answer)
    with pytest.raises(MachineError) as caught:
        Machine.get_info_by_id("mch_a")
    assert (caught.value.code, caught.value.request_id) == ("invalid_response", "req_1")


def test_redirects_are_not_followed(host: FakeHost) -> None:
    host.says(Answer(307, headers={"location": "http://127.0.0.1:1/"}))
    with pytest.raises(MachineError, match="redirects"):
        Machine.get_info_by_id("mch_a")


def test_path_prefix(host: FakeHost) -> None:
    host.says(Answer(200, MACHINE))
    Machine.get_info_by_id("mch_a", base_url=f"{host.url}/pre/")
    assert host.asked[0].path == "/pre/v1/machines/mch_a"


def test_missing_key(host: FakeHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NULLSPACE_API_KEY")
    with pytest.raises(AuthError) as caught:
        Machine.create()
    assert caught.value.code == "missing_api_key"
    assert host.asked == []
