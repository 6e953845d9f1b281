"""Commands that run to their end."""

import time

from harness import case, published_only, refused, shared
from nullspace import Machine

EXACT = [
    "plain",
    "two words",
    "  spaces  around  ",
    "it's",
    'say "so"',
    "$HOME `id` $(id) ; | & > < * ? ~ # !",
    "back\\slash",
    "line\nbreak",
    "tab\there",
    "ünïcödé €",
    "日本語 🚀",
    "--flag=value",
    "x" * 20_000,
]


def run(*args, **options):
    return shared().commands.run(*args, **options)


@case
def run_program():
    result = run("echo", ["hi", "there"])
    assert (result.exit_code, result.stdout, result.stderr) == (0, "hi there\n", "")
    assert result.pid > 0


@case
def run_with_exact_args():
    for text in EXACT:
        assert run("echo", [text]).stdout == f"{text}\n", text
    assert run("echo", ["a", "", "b  c"]).stdout == "a  b  c\n"


@case
def run_never_splits_a_command():
    refused(lambda: run("echo hi"), "exec_failed")


@case
def run_shell():
    result = run('echo one && echo two >&2; echo "$FROM_CREATE"', shell=True)
    assert (result.stdout, result.stderr, result.exit_code) == ("one\nyes\n", "two\n", 0)


@case
def run_shell_with_unicode_and_newlines():
    assert run("echo 'ü\n€'", shell=True).stdout == "ü\n€\n"


@case
def run_with_cwd():
    assert run("pwd", cwd="/tmp").stdout == "/tmp\n"
    assert run("pwd").stdout == "/workspace\n"


@case
def run_with_bad_cwd():
    refused(lambda: run("pwd", cwd="/no/such/directory"), "invalid_request")
    refused(lambda: run("pwd", cwd="relative"), "invalid_request")
    refused(lambda: run("pwd", cwd="/workspace/.nullspace"), "invalid_request")
    refused(lambda: run("pwd", cwd="/workspace/x/../.nullspace/y"), "invalid_request")


@case
def run_with_envs():
    assert run("printenv", ["EXTRA"], envs={"EXTRA": "a b\nü"}).stdout == "a b\nü\n"
    assert run("printenv", ["FROM_CREATE"], envs={"EXTRA": "1"}).stdout == "yes\n"
    assert run("printenv", ["FROM_CREATE"], envs={"FROM_CREATE": "over"}).stdout == "over\n"
    assert run("printenv", ["EXTRA"]).exit_code == 1


@case
def run_with_bad_envs():
    for envs in ({"1A": "x"}, {"A B": "x"}, {"A": "x\0y"}):
        refused(lambda envs=envs: run("true", envs=envs), "invalid_request")


@case
def run_with_nonzero_exit():
    assert run("false").exit_code == 1
    result = run("echo out; echo err >&2; exit 42", shell=True)
    assert (result.exit_code, result.stdout, result.stderr) == (42, "out\n", "err\n")


@case
def run_without_such_a_program():
    refused(lambda: run("no-such-program"), "exec_failed")
    refused(lambda: run("/no/such/program"), "exec_failed")
    assert run("no-such-program", shell=True).exit_code == 127


@case
def run_with_timeout():
    started = time.monotonic()
    refused(lambda: run("sleep", ["60"], timeout=1), "exec_timeout")
    assert 0.9 < time.monotonic() - started < 15
    refused(lambda: run("sleep 60", shell=True, timeout=1), "exec_timeout")
    assert run("echo", ["on"]).stdout == "on\n"


@case
def run_refuses_shell_with_args():
    refused(lambda: run("echo", ["x"], shell=True), "invalid_request")


@case
def run_has_empty_input():
    assert run("cat").stdout == ""


@published_only
def run_longer_than_a_connected_handle_bears_silence():
    """Such a handle gives up after 30 s without a byte, so the daemon must not be silent for that long."""
    result = Machine.connect(shared().id).commands.run("sleep 33; echo done", shell=True, timeout=60)
    assert (result.exit_code, result.stdout) == (0, "done\n")
