"""Calls about git: over their routes, and by running it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from fakehost import EXEC, MACHINE, Answer, FakeHost, refusal
from nullspace import (
    AsyncMachine,
    GitBranches,
    GitChangedFile,
    GitCommit,
    GitError,
    GitHttpsAuth,
    GitSshAuth,
    Machine,
)

BASE = "/v1/machines/mch_a"
HTTPS = GitHttpsAuth("me", "s3cret")
SSH = GitSshAuth("KEY", passphrase="p")
OK = Answer(200, {"ok": True})
SUMMARY = Answer(200, {"summary": "up to date"})


@pytest.fixture
def machine(host: FakeHost) -> Iterator[Machine]:
    host.says(Answer(201, MACHINE))
    with Machine.create() as machine:
        host.asked.clear()
        yield machine
        host.says(Answer(200, {"id": "mch_a", "status": "destroyed"}))


CALLS: list[tuple[Callable[[Machine], Any], Answer, tuple[str, str, Any], Any]] = [
    (
        lambda m: m.git.clone("https://h/r.git"),
        Answer(200, {"path": "/workspace"}),
        ("POST", "clone", {"url": "https://h/r.git", "path": "/workspace"}),
        "/workspace",
    ),
    (
        lambda m: m.git.clone("https://h/r.git", "/r", branch="b", depth=1, auth=HTTPS),
        Answer(200, {"path": "/r"}),
        (
            "POST",
            "clone",
            {
                "url": "https://h/r.git",
                "path": "/r",
                "branch": "b",
                "depth": 1,
                "auth": {"kind": "https", "username": "me", "password": "s3cret"},
            },
        ),
        "/r",
    ),
    (
        lambda m: m.git.log(path="/r", limit=1),
        Answer(
            200,
            {
                "commits": [
                    {
                        "sha": "1",
                        "author_name": "n",
                        "author_email": "e",
                        "date": "2026-01-01T00:00:00Z",
                        "message": "m",
                    }
                ]
            },
        ),
        ("GET", "log", {"path": "/r", "limit": "1"}),
        [GitCommit("1", "n", "e", "2026-01-01T00:00:00Z", "m")],
    ),
    (
        lambda m: m.git.branches("/r"),
        Answer(200, {"branches": ["a", "b"], "current": "a"}),
        ("GET", "branch", {"path": "/r"}),
        GitBranches("a", ["a", "b"]),
    ),
    (
        lambda m: m.git.branches(),
        Answer(200, {"branches": []}),
        ("GET", "branch", {"path": "/workspace"}),
        GitBranches("", []),
    ),
    (
        lambda m: m.git.create_branch("/r", "b"),
        OK,
        ("POST", "branch", {"path": "/r", "action": "create", "name": "b"}),
        None,
    ),
    (
        lambda m: m.git.delete_branch("/r", "b", force=True),
        OK,
        ("POST", "branch", {"path": "/r", "action": "delete", "name": "b", "force": True}),
        None,
    ),
    (
        lambda m: m.git.checkout("b", path="/r", create=True),
        OK,
        ("POST", "checkout", {"path": "/r", "ref": "b", "create": True}),
        None,
    ),
    (lambda m: m.git.add("/r"), OK, ("POST", "add", {"path": "/r", "files": []}), None),
    (lambda m: m.git.add("/r", files=["a"]), OK, ("POST", "add", {"path": "/r", "files": ["a"]}), None),
    (
        lambda m: m.git.commit("m", cwd="/r"),
        Answer(200, {"sha": "1"}),
        ("POST", "commit", {"path": "/r", "message": "m", "add_all": True}),
        "1",
    ),
    (
        lambda m: m.git.commit("m", [], path="/r", author_name="n", author_email="e"),
        Answer(200, {"sha": "1"}),
        (
            "POST",
            "commit",
            {"path": "/r", "message": "m", "add_all": False, "files": [], "author_name": "n", "author_email": "e"},
        ),
        "1",
    ),
    (
        lambda m: m.git.pull(path="/r", branch="b", auth=SSH),
        SUMMARY,
        (
            "POST",
            "pull",
            {
                "path": "/r",
                "remote": "origin",
                "branch": "b",
                "auth": {"kind": "ssh", "private_key": "KEY", "passphrase": "p"},
            },
        ),
        "up to date",
    ),
    (
        lambda m: m.git.push(path="/r", set_upstream=True),
        SUMMARY,
        ("POST", "push", {"path": "/r", "remote": "origin", "set_upstream": True}),
        "up to date",
    ),
]


@pytest.mark.parametrize(("call", "answer", "asked", "value"), CALLS)
def test_what_is_sent_and_what_comes_of_it(
    host: FakeHost, machine: Machine, call: Callable[[Machine], Any], answer: Answer, asked: Any, value: Any
) -> None:
    host.says(answer)
    assert call(machine) == value
    sent = host.asked[-1]
    assert (sent.method, sent.path, sent.body if sent.content else sent.query) == (
        asked[0],
        f"{BASE}/git/{asked[1]}",
        asked[2],
    )


def test_status(host: FakeHost, machine: Machine) -> None:
    changed = {"path": "b", "status": "renamed", "staged": True, "unstaged": False, "original_path": "a"}
    host.says(
        Answer(
            200, {"branch": "main", "detached": False, "clean": False, "ahead": 1, "behind": 0, "changed": [changed]}
        ),
        Answer(200, {"detached": True, "clean": True, "changed": []}),
    )
    status = machine.git.status(path="/r")
    assert (status.branch, status.clean, status.ahead, status.behind) == ("main", False, 1, 0)
    assert status.changed_files == ["b"]
    assert status.changed == [GitChangedFile("b", "renamed", True, False, "a")]
    status = machine.git.status()
    assert (status.branch, status.detached, status.clean, status.ahead) == ("HEAD", True, True, None)


def test_refusals(host: FakeHost, machine: Machine) -> None:
    host.says(
        refusal(409, "git_error", details={"exit_code": 1, "output": "fatal: no"}), refusal(404, "machine_not_found")
    )
    with pytest.raises(GitError, match="git pull failed: refused") as caught:
        machine.git.pull()
    assert (caught.value.exit_code, caught.value.stderr, caught.value.request_id) == (1, "fatal: no", "req_1")
    with pytest.raises(GitError) as caught:
        machine.git.status()
    assert (caught.value.code, caught.value.exit_code) == ("git_error", 128)
    assert caught.value.details["wrapped_code"] == "machine_not_found"


@pytest.mark.parametrize(
    "call",
    [
        lambda m: m.git.clone("https://me:pw@h/r.git"),
        lambda m: m.git.clone("http://token@h/r.git"),
        lambda m: m.git.remote_add("/r", "origin", "https://me:pw@h/r.git"),
        lambda m: m.git.add(files=[]),
        lambda m: m.git.commit("m", author_name="n"),
        lambda m: m.git.commit("m", path="/a", cwd="/b"),
        lambda m: m.git.set_config("k", "v", scope="local"),
        lambda m: m.git.get_config("k", scope="system"),
    ],
)
def test_what_makes_no_sense(host: FakeHost, machine: Machine, call: Callable[[Machine], Any]) -> None:
    with pytest.raises(GitError) as caught:
        call(machine)
    assert caught.value.exit_code == 128
    assert "pw" not in str(caught.value)
    assert host.asked == []


def test_credentials_are_checked_and_not_shown() -> None:
    assert "s3cret" not in repr(HTTPS)
    assert "KEY" not in repr(SSH)
    for bad in (lambda: GitHttpsAuth("", "x"), lambda: GitHttpsAuth("x", ""), lambda: GitSshAuth("")):
        with pytest.raises(ValueError, match="must not be empty"):
            bad()


def ran(host: FakeHost) -> list[list[str]]:
    assert {asked.body["command"] for asked in host.asked} == {"git"}
    return [asked.body["args"] for asked in host.asked]


def test_what_is_run(host: FakeHost, machine: Machine) -> None:
    host.route = lambda _: Answer(200, EXEC)
    assert machine.git.diff(path="/r") == "hi\n"
    machine.git.remote_add("/r", "up", "git@h:r.git", fetch=True, overwrite=True)
    machine.git.set_config("k", "v")
    assert machine.git.get_config("k", scope="Local", path="/r") == "hi"
    machine.git.configure_user("n", "e")
    assert ran(host) == [
        ["-C", "/r", "diff"],
        ["-C", "/r", "remote", "remove", "up"],
        ["-C", "/r", "remote", "add", "-f", "up", "git@h:r.git"],
        ["config", "--global", "k", "v"],
        ["-C", "/r", "config", "--local", "--get", "k"],
        ["config", "--global", "user.name", "n"],
        ["config", "--global", "user.email", "e"],
    ]


def test_what_fails_when_run(host: FakeHost, machine: Machine) -> None:
    host.says(Answer(200, {**EXEC, "exit_code": 129, "stderr": "usage: git diff\n"}))
    with pytest.raises(GitError, match="git diff failed with exit code 129: usage") as caught:
        machine.git.diff()
    assert (caught.value.exit_code, caught.value.stderr) == (129, "usage: git diff\n")


def test_credentials_that_stay(host: FakeHost, machine: Machine) -> None:
    info = {
        **dict.fromkeys(("name", "path", "mode", "permissions", "owner", "group"), ""),
        "type": "file",
        "is_dir": False,
        "size": 0,
        "modified_time": "2026-01-01T00:00:00Z",
    }
    host.says(Answer(200, EXEC), refusal(404, "file_not_found"), Answer(200, info))
    machine.git.dangerously_authenticate("me", "p@ss/w")
    assert host.asked[0].body["args"] == [
        "config",
        "--global",
        "credential.helper",
        "store --file /root/.git-credentials",
    ]
    written = host.asked[2].body
    assert (written["content"], written["mode"]) == ("https://me:p%40ss%2Fw@github.com\n", "0600")
    host.asked.clear()
    host.says(Answer(200, EXEC), Answer(200, {"content": "https://a:b@c\n"}), Answer(200, info))
    machine.git.dangerously_authenticate("me", "x", host="h:1", protocol="http")
    assert host.asked[2].body["content"] == "http://me:x@h:1\nhttps://a:b@c\n"
    host.asked.clear()
    host.says(Answer(204), Answer(204), Answer(200, info), Answer(200, info))
    machine.git.add_ssh_key("KEY")
    written = [asked.body for asked in host.asked[2:]]
    assert [(one["path"], one["mode"]) for one in written] == [
        ("/root/.ssh/id_rsa", "0600"),
        ("/root/.ssh/config", "0600"),
    ]
    assert written[0]["content"] == "KEY"
    assert "IdentityFile /root/.ssh/id_rsa" in written[1]["content"]


def test_async(host: FakeHost) -> None:
    async def run() -> None:
        host.says(Answer(201, MACHINE), Answer(200, {"branches": ["a"], "current": "a"}), Answer(200, EXEC))
        async with await AsyncMachine.create() as machine:
            assert (await machine.git.branches()).current_branch == "a"
            assert await machine.git.diff() == "hi\n"
            host.says(refusal(409, "git_error"), Answer(200, {"id": "mch_a", "status": "destroyed"}))
            with pytest.raises(GitError):
                await machine.git.checkout("b")

    asyncio.run(run())
