"""Refusals: which class and code they arrive as, and what they carry."""

from harness import RUN, case, create, refused, shared
from nullspace import AuthError, ConflictError, Machine, NotFoundError, NotImplementedError

# Options that the wire knows and the daemon does not have. A case that fails because one is built now: take it off.
NOT_BUILT = {
    "volumes": {"volumes": [{"ref": "vol_1", "mount_path": "/data"}]},
    "network": {"network": {"allow_public_traffic": False}},
    "warm pool": {"warm_pool": "twp_1", "warm_pool_mode": "prefer"},
}


@case
def unknown_template():
    error = refused(lambda: create(template="no-such-template"), "template_not_found", NotFoundError)
    assert "no-such-template" in str(error)


@case
def unknown_machine():
    for machine_id in ("mch_aaaaaaaaaaaaaaaaaaaa", "nonsense", "a/b", "ü"):
        refused(lambda machine_id=machine_id: Machine.connect(machine_id), "machine_not_found", NotFoundError)


@case
def errors_carry_what_helps():
    error = refused(lambda: Machine.connect("mch_aaaaaaaaaaaaaaaaaaaa"), "machine_not_found", NotFoundError)
    assert error.request_id
    assert error.retryable is False
    assert error.suggested_action


@case
def options_out_of_range():
    out_of_range = {"vcpus": 0, "memory_mb": 1, "disk_mb": 1, "timeout": 0, "cwd": "relative", "envs": {"1": "x"}}
    for options in ({name: value} for name, value in out_of_range.items()):
        refused(lambda options=options: create(**options), "invalid_request")


@case
def idempotency_key_for_another_request():
    key = f"{RUN}-other"
    machine = create(metadata={"run": RUN}, idempotency_key=key)
    other = {"run": RUN, "more": 1}
    refused(lambda: create(metadata=other, idempotency_key=key), "idempotency_conflict", ConflictError)
    machine.kill()


@case
def wrong_key():
    for key in (f"ns_live_{'a' * 40}", "nonsense"):
        refused(lambda key=key: list(Machine.list(api_key=key)), "unauthorized", AuthError)
        refused(lambda key=key: Machine.connect(shared().id, api_key=key), "unauthorized", AuthError)
        refused(lambda key=key: Machine.create(api_key=key), "unauthorized", AuthError)


@case
def options_not_built():
    for name, options in NOT_BUILT.items():
        error = refused(lambda options=options: create(**options), "not_implemented", NotImplementedError)
        assert error.suggested_action, name


@case
def no_rate_limit():
    for _ in range(100):
        Machine.get_info_by_id(shared().id, fields=["id"])
