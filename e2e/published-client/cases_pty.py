"""Terminals."""

from harness import case, refused, shared, until
from nullspace import AsyncMachine, NotFoundError


def seen(session, what):
    """Reads until it was on the screen. What is typed is there too: a mark to wait for is typed otherwise than it is printed."""
    got = bytearray()
    for chunk in session:
        got += chunk
        if what in got:
            return
    raise AssertionError(got)


@case
def terminal_shows_what_is_typed_and_what_is_printed():
    session = shared().pty.create_session(cols=90, rows=20, cwd="/srv", envs={"A": "ü"})
    session.send_input("stty size; pwd; echo $A $TERM; tput colors\n")
    session.send_input(b"exit 7\n")
    out = []
    result = session.wait(on_data=out.append, timeout=30)
    text = b"".join(out).decode()
    assert result.exit_code == 7, (result, text)
    for part in ("20 90", "/srv", "ü xterm-256color"):
        assert part in text, text


@case
def terminal_is_resized():
    session = shared().pty.create_session(cols=80, rows=24)
    session.resize(101, 31)
    session.send_input("stty size\n")
    seen(session, b"31 101")
    shared().pty.resize_session(session.session_id, 55, 11)
    session.send_input("stty size\n")
    seen(session, b"11 55")
    session.kill()


@case
def terminal_outlives_its_connection():
    pty = shared().pty
    session = pty.create_session()
    session.send_input("MARK=kept; echo mar''ked\n")
    seen(session, b"marked")
    session.disconnect()
    assert session.session_id in {one.session_id for one in pty.list_sessions()}
    again = pty.connect(session_id=session.session_id)
    again.send_input("echo $MARK-$MARK\n")
    seen(again, b"kept-kept")
    pty.kill_session(session.session_id)
    until(lambda: session.session_id not in {one.session_id for one in pty.list_sessions()})
    refused(lambda: pty.get_session_info(session.session_id), "session_not_found", NotFoundError)


@case
def control_c_reaches_the_program():
    session = shared().pty.create_session()
    # Longer than a case may take: nothing but the signal ends it.
    session.send_input("sleep 1000\n")
    until(lambda: shared().commands.run("pgrep", ["-fx", "sleep 1000"]).exit_code == 0)
    session.send_input(b"\x03")
    seen(session, b"^C")
    session.send_input("echo code-$?\n")
    seen(session, b"code-130")
    session.kill()


@case
async def async_terminal():
    machine = await AsyncMachine.connect(shared().id)
    session = await machine.pty.create_session(cols=70, rows=15)
    await session.send_input("stty size; exit 3\n")
    out = []
    assert (await session.wait(on_data=out.append, timeout=30)).exit_code == 3
    assert b"15 70" in b"".join(out)
