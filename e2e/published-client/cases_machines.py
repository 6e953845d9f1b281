"""Create, read, list, connect, destroy."""

import contextlib
import io
from datetime import datetime, timedelta, timezone
from pathlib import Path

from harness import RUN, case, create, group, refused, shared
from nullspace import Machine, MachineQuery, MachineStatus, MachineTimeoutAction, NotFoundError

QUICK_EXAMPLE = """\
from nullspace import Machine

with Machine.create(template="base", timeout=300) as machine:
    result = machine.commands.run("python3 --version", shell=True)
    print(machine.id, result.stdout.strip())
"""


@case
def quick_example_verbatim():
    ours = Path(__file__).resolve().parents[2] / "examples" / "quick.py"
    assert ours.read_text() == QUICK_EXAMPLE
    out = io.StringIO()
    scope = {}
    with contextlib.redirect_stdout(out):
        exec(compile(QUICK_EXAMPLE, "quick.py", "exec"), scope)
    machine_id, version = out.getvalue().strip().split(" ", 1)
    assert machine_id == scope["machine"].id
    assert version.startswith("Python 3."), version
    refused(lambda: Machine.get_info_by_id(machine_id), "machine_not_found", NotFoundError)


@case
def create_with_options():
    metadata = {"run": RUN, "text": "ü", "nested": {"list": [1, None, True]}}
    machine = create(
        vcpus=1, memory_mb=256, timeout=120, cwd="/tmp", envs={"A": "1 2", "B": "ü=\"'"}, metadata=metadata,
        on_timeout="destroy", timeout_action="destroy", auto_resume=False, internet_access=True,
    )  # fmt: skip
    info = machine.get_info()
    assert info.status is MachineStatus.RUNNING
    assert (info.config.vcpus, info.config.memory_mb, info.template) == (1, 256, "base")
    assert info.metadata == metadata
    assert info.cwd == "/tmp"
    assert (info.timeout_ms, info.timeout_action) == (120_000, MachineTimeoutAction.DESTROY)
    assert 0 < info.remaining_ms <= 120_000
    assert info.expires_at == info.timeout_at
    now = datetime.now(timezone.utc)
    assert timedelta(0) < info.timeout_at - now <= timedelta(seconds=121)
    assert now - timedelta(seconds=120) < info.created_at <= info.started_at <= now + timedelta(seconds=2)
    assert machine.commands.run("pwd").stdout == "/tmp\n"
    assert machine.commands.run("printenv", ["A"]).stdout == "1 2\n"
    assert machine.commands.run("printenv", ["B"]).stdout == "ü=\"'\n"
    machine.kill()


@case
def create_defaults():
    info = shared().get_info()
    assert (info.config.vcpus, info.config.memory_mb) == (2, 512)
    assert info.cwd == "/workspace"
    assert info.ephemeral is False


@case
def create_is_idempotent():
    first = create(metadata={"run": RUN}, idempotency_key=f"{RUN}-same")
    second = create(metadata={"run": RUN}, idempotency_key=f"{RUN}-same")
    assert first.id == second.id
    other = create(metadata={"run": RUN})
    assert other.id != first.id
    first.kill()
    other.kill()


@case
def list_bare():
    wanted = {shared().id, *(machine.id for machine in group())}
    assert wanted <= {info.id for info in Machine.list()}


@case
def list_with_filters():
    wanted = {machine.id for machine in group()}

    def found(**query):
        return {info.id for info in Machine.list(query=MachineQuery(**query))}

    assert found(metadata={"run": RUN, "role": "group"}) == wanted
    assert found(metadata={"run": RUN, "n": 1}) == {group()[1].id}
    assert found(metadata={"run": RUN, "n": "1"}) == set()
    assert found(metadata={"run": RUN, "role": "group"}, template="base") == wanted
    assert found(metadata={"run": RUN}, template="no-such") == set()
    running = [MachineStatus.RUNNING]
    assert found(metadata={"run": RUN, "role": "group"}, state=running) == wanted
    assert found(metadata={"run": RUN}, state=[MachineStatus.PAUSED, MachineStatus.ERROR]) == set()
    assert shared().id in {info.id for info in Machine.list(state="running")}


@case
def list_with_filters_of_any_json():
    values = {
        "yes": True,
        "no": False,
        "nothing": None,
        "number": 1.5,
        "list": [1, "a"],
        "object": {"b": 1, "a": [True]},
        "ü '": "\n",
    }
    machine = create(metadata={"run": RUN, **values})
    for name, value in values.items():
        found = [info.id for info in Machine.list(query=MachineQuery(metadata={"run": RUN, name: value}))]
        assert found == [machine.id], f"{name}: {found}"
        other = Machine.list(query=MachineQuery(metadata={"run": RUN, name: "other"}))
        assert [info.id for info in other] == [], name
    machine.kill()


@case
def list_in_pages():
    query = MachineQuery(metadata={"run": RUN, "role": "group"})
    page = Machine.list(query=query, limit=2)
    assert len(page.items) == 2
    assert page.has_next
    assert page.next_token
    rest = Machine.list(query=query, limit=2, next_token=page.next_token)
    assert len(rest.items) == 1
    assert not rest.has_next
    ids = [info.id for info in (*page.items, *rest.items)]
    assert sorted(ids) == sorted(machine.id for machine in group())
    assert [info.id for info in Machine.list(query=query, limit=1)] == ids


@case
def list_of_fields():
    query = MachineQuery(metadata={"run": RUN, "role": "group"})
    compact = Machine.list(query=query, fields=["id", "status", "metadata"])
    assert isinstance(compact, list)
    assert all(set(item) == {"id", "status", "metadata"} for item in compact), compact
    assert {item["id"] for item in compact} == {machine.id for machine in group()}
    refused(lambda: Machine.list(fields=["id", "colour"]), "invalid_fields")


@case
def get_info_by_id():
    assert Machine.get_info_by_id(shared().id).metadata == {"run": RUN, "role": "shared"}


@case
def get_info_of_fields():
    compact = Machine.get_info_by_id(shared().id, fields=["id", "status", "config"])
    assert set(compact) == {"id", "status", "config"}
    assert compact["id"] == shared().id
    assert compact["status"] == "running"
    assert compact["config"]["memory_mb"] == 512
    assert shared().get_info(fields="id") == {"id": shared().id}


@case
def get_info_of_every_documented_field():
    documented = (
        "id status config template metadata started_at timeout_ms timeout_at expires_at timeout_action created_at cwd"
        " snapshot_id traffic_access_token remaining_ms last_active_at inactivity_timeout_ms auto_delete_after_ms"
        " ephemeral"
    ).split()
    compact = Machine.get_info_by_id(shared().id, fields=documented)
    assert set(compact) <= set(documented)
    assert {"id", "status", "config", "template", "metadata", "created_at", "cwd"} <= set(compact)


@case
def invalid_field():
    error = refused(lambda: Machine.get_info_by_id(shared().id, fields=["id", "colour"]), "invalid_fields")
    assert "colour" in str(error)


@case
def connect():
    machine = Machine.connect(shared().id)
    assert machine.id == shared().id
    assert machine.commands.run("echo", ["connected"]).stdout == "connected\n"


@case
def is_running():
    assert shared().is_running()


@case
def kill_and_then_nothing():
    machine = create(metadata={"run": RUN})
    other_handle = Machine.connect(machine.id)
    machine.kill()
    for call in (
        other_handle.get_info,
        lambda: other_handle.commands.run("true"),
        other_handle.kill,
        lambda: Machine.connect(machine.id),
        lambda: Machine.kill_by_id(machine.id),
        lambda: Machine.get_info_by_id(machine.id, fields=["id"]),
    ):
        refused(call, "machine_not_found", NotFoundError)
    assert machine.id not in {info.id for info in Machine.list()}


@case
def kill_by_id():
    machine = create(metadata={"run": RUN})
    Machine.kill_by_id(machine.id)
    refused(machine.get_info, "machine_not_found", NotFoundError)


@case
def context_manager_destroys_also_after_an_error():
    try:
        with create(metadata={"run": RUN}) as machine:
            raise ZeroDivisionError
    except ZeroDivisionError:
        pass
    refused(lambda: Machine.get_info_by_id(machine.id), "machine_not_found", NotFoundError)


@case
def context_manager_bears_that_the_machine_is_gone():
    with create(metadata={"run": RUN}) as machine:
        Machine.kill_by_id(machine.id)


@case
def run_once():
    result = Machine.run_once("echo", ["once"], template="base", envs={"A": "1"}, metadata={"run": RUN, "role": "once"})
    assert (result.exit_code, result.stdout) == (0, "once\n")
    left = Machine.list(query=MachineQuery(metadata={"run": RUN, "role": "once"}))
    assert [info.id for info in left] == []


@case
def templates():
    from nullspace import Template

    base = next(template for template in Template.list() if template.name == "base")
    assert base.builtin
    assert [item for item in Template.list(fields=["name"]) if item == {"name": "base"}]
