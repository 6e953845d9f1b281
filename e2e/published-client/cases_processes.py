"""Commands in the background and live ones, their output, input and end."""

import asyncio

from harness import case, create, refused, shared, until
from nullspace import AsyncMachine, Machine, MachineError, NotFoundError

SMALL = {"vcpus": 1, "memory_mb": 256}


def listed(machine, pid):
    return {one.pid: one for one in machine.commands.list()}.get(pid)


@case
def background_runs_on_and_its_timeout_does_not_end_it():
    machine = shared()
    command = machine.commands.run("echo begun; sleep 3; echo ended", shell=True, background=True, timeout=1)
    assert listed(machine, command.pid).running
    assert command.wait().exit_code == 0
    logs = machine.commands.get_logs(command.pid)
    assert (logs.stdout, logs.stderr, logs.output) == ("begun\nended\n", "", "begun\nended\n")
    ended = listed(machine, command.pid)
    assert (ended.running, ended.command) == (False, "echo begun; sleep 3; echo ended")


@case
def background_output_is_read_while_it_comes():
    machine = shared()
    command = machine.commands.run("echo one; echo aside >&2; read x; echo two $x", shell=True, background=True)
    out, err = "", ""
    for stdout, stderr, _ in command:
        # It goes on only when what it printed first was read.
        if stdout and not out:
            machine.commands.send_stdin(command.pid, "go\n")
        out += stdout or ""
        err += stderr or ""
    assert (out, err) == ("one\ntwo go\n", "aside\n")
    assert command.wait().exit_code == 0


@case
def background_exit_codes():
    for script, code in (("exit 7", 7), ("kill -TERM $$", 143)):
        assert shared().commands.run(script, shell=True, background=True).wait().exit_code == code, script


@case
def kill_ends_the_whole_group():
    machine = shared()
    command = machine.commands.run("sleep 300 & echo $!; wait", shell=True, background=True)
    child = until(lambda: machine.commands.get_logs(command.pid).stdout).strip()
    command.kill()
    assert not listed(machine, command.pid).running
    assert command.wait().exit_code == 137
    until(lambda: machine.commands.run("test", ["-e", f"/proc/{child}"]).exit_code == 1)


@case
def stdin_is_sent_to_a_background_command():
    machine = shared()
    command = machine.commands.run("read a; read b; echo got $a $b", shell=True, background=True)
    machine.commands.send_stdin(command.pid, "one\n")
    machine.commands.send_stdin(command.pid, "zwö\n")
    assert command.wait().stdout == "got one zwö\n"


@case
def live_output_comes_as_it_is_printed():
    out, err = [], []
    result = shared().commands.run(
        "echo one; echo two >&2; sleep 0.5; echo drei ü", shell=True, on_stdout=out.append, on_stderr=err.append
    )
    assert result.exit_code == 0
    assert ("".join(out), "".join(err)) == ("one\ndrei ü\n", "two\n")


@case
def live_output_of_much():
    sizes = []
    # Two characters in three bytes: pieces end within one.
    result = shared().commands.run(
        "yes é | head -c 3000000", shell=True, on_stdout=lambda data: sizes.append(len(data)), timeout=120
    )
    assert (result.exit_code, sum(sizes)) == (0, 2_000_000)
    assert result.stdout == "é\n" * 1_000_000


@case
def live_timeout_is_an_error():
    try:
        shared().commands.run("echo begun; sleep 60", shell=True, on_stdout=lambda _: None, timeout=1)
    except (RuntimeError, MachineError) as error:
        assert "in time" in str(error), error
    else:
        raise AssertionError("it ended by itself")


@case
def live_start_that_fails_says_why():
    for options in ({"cwd": "/no/such"}, {"cwd": "/workspace/.nullspace"}):
        try:
            shared().commands.run("true", on_stdout=lambda _: None, **options)
        except (RuntimeError, MachineError) as error:
            assert "cwd" in str(error), error
        else:
            raise AssertionError(options)


@case
def connect_replays_and_follows():
    machine = shared()
    command = machine.commands.run("echo before; read x; echo after $x", shell=True, background=True)
    until(lambda: machine.commands.get_logs(command.pid).stdout == "before\n")
    out = []
    again = machine.commands.connect(command.pid, on_stdout=out.append)
    machine.commands.send_stdin(command.pid, "go\n")
    assert again.wait().exit_code == 0
    assert "".join(out) == "before\nafter go\n", out


@case
def connect_to_what_has_ended():
    machine = shared()
    command = machine.commands.run("echo all", shell=True, background=True)
    command.wait()
    out = []
    assert machine.commands.connect(command.pid, on_stdout=out.append).wait().exit_code == 0
    assert "".join(out) == "all\n"


@case
def unknown_pids():
    commands = shared().commands
    for call in (lambda: commands.get_logs(4_000_000), lambda: commands.kill(4_000_000), lambda: commands.send_stdin(4_000_000, "x")):
        refused(call, "process_not_found", NotFoundError)


@case
def processes_live_through_a_pause_and_in_a_fork():
    machine = create(**SMALL)
    running = machine.commands.run("echo one; read x; echo two $x", shell=True, background=True)
    ended = machine.commands.run("echo done; exit 4", shell=True, background=True)
    ended.wait()
    machine.pause()
    machine = Machine.resume(machine.id)
    child = machine.fork()
    for one in (machine, child):
        assert listed(one, running.pid).running and not listed(one, ended.pid).running
        logs = one.commands.get_logs(ended.pid)
        assert (logs.stdout, logs.exit_code) == ("done\n", 4)
        one.commands.send_stdin(running.pid, f"{one.id}\n")
        until(lambda one=one: one.commands.get_logs(running.pid).stdout == f"one\ntwo {one.id}\n")
    child.kill()
    machine.kill()


@case
async def async_processes():
    machine = await AsyncMachine.connect(shared().id)
    out = []
    command = await machine.commands.run("echo begun; read x; echo got $x", shell=True, background=True, on_stdout=out.append)
    await machine.commands.send_stdin(command.pid, "it\n")
    assert (await command.wait()).exit_code == 0
    assert "".join(out) == "begun\ngot it\n", out
    results = await asyncio.gather(*(machine.commands.run(f"echo {n}", shell=True, on_stdout=lambda _: None) for n in range(10)))
    assert [result.stdout for result in results] == [f"{n}\n" for n in range(10)]
