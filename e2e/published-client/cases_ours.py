"""What only our SDK has: many forks at once, families, the host's figures, kept failures, quotas, garbage."""

from harness import RUN, create, mine, ours_only, refused, until
from nullspace import Machine, NotFoundError

SMALL = {"vcpus": 1, "memory_mb": 256, "metadata": {"run": RUN}}


@ours_only
def many_forks_of_one_instant():
    parent = create(**SMALL)
    parent.commands.run("echo kept > /dev/shm/mark", shell=True)
    key = f"{RUN}-forks"
    children = [mine(child) for child in parent.fork_many(3, idempotency_key=key)]
    assert len({child.id for child in children}) == 3
    assert {child.id for child in parent.fork_many(3, idempotency_key=key)} == {child.id for child in children}
    assert [child.commands.run("cat", ["/dev/shm/mark"]).stdout for child in children] == ["kept\n"] * 3
    grandchild = mine(children[0].fork())
    children[0].kill()
    family = grandchild.lineage()
    assert (family.machine_id, family.root_machine_id) == (grandchild.id, parent.id)
    parents = {node.machine_id: node.parent_machine_id for node in family.nodes}
    assert parents[grandchild.id] == children[0].id
    assert [parents[child.id] for child in children] == [parent.id] * 3
    nodes = {node.machine_id: node for node in family.nodes}
    assert nodes[children[0].id].status == "destroyed"
    assert (nodes[parent.id].origin, nodes[grandchild.id].origin) == ("template", "fork")
    assert grandchild.get_info().parent_machine_id == children[0].id
    sample = until(parent.get_host_metrics)[-1]
    assert sample.memory_bytes > 2**20
    refused(lambda: parent.fork_many(0), "invalid_request")
    refused(lambda: parent.fork_many(65), "invalid_request")
    for machine in (parent, grandchild, *children[1:]):
        machine.kill()


@ours_only
def a_failed_run_is_kept_when_asked_for():
    options = {"vcpus": 1, "memory_mb": 256, "metadata": {"run": RUN}, "retain_on_failure": True}
    fine = Machine.run_once("true", **options)
    assert not fine.retained
    refused(lambda: Machine.get_info_by_id(fine.machine_id), "machine_not_found", NotFoundError)
    failed = Machine.run_once("echo here > /tmp/mark; exit 3", shell=True, retention_seconds=120, **options)
    assert (failed.exit_code, failed.retained) == (3, True)
    kept = mine(Machine.connect(failed.machine_id))
    assert kept.commands.run("cat", ["/tmp/mark"]).stdout == "here\n"
    assert (kept.get_info().timeout_ms, kept.get_info().timeout_action) == (120_000, "destroy")
    kept.kill()
    error = refused(lambda: Machine.run_once("no-such-program", **options), "exec_failed")
    mine(Machine.connect(error.retained_machine_id)).kill()


@ours_only
def host_quota_and_garbage():
    from nullspace import Host, Quota

    status = Host.status()
    assert {shape.state for shape in status.shapes} == {"ready"}
    assert status.machines.running >= 0
    before = Quota.get()
    assert before.used.machines >= 0
    try:
        changed = Quota.set("me", {"snapshots": None})
        assert (changed.limits.snapshots, changed.limits.machines) == (None, before.limits.machines)
    finally:
        Quota.set("me", {"snapshots": before.limits.snapshots})
    refused(lambda: Quota.get("own_aaaaaaaaaaaaaaaaaaaa"), "owner_not_found", NotFoundError)
    assert Host.collect_garbage(dry_run=True).dry_run
