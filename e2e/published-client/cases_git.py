"""Git in a machine."""

import uuid

from harness import case, create, shared
from nullspace import AsyncMachine, GitError, GitHttpsAuth

try:
    from nullspace import GitSshAuth
except ImportError:
    from nullspace.git import GitSshAuth


def new_place():
    return f"/srv/git-{uuid.uuid4().hex[:8]}"


def run(machine, script, **options):
    result = machine.commands.run(script, shell=True, **options)
    assert result.exit_code == 0, result
    return result.stdout.strip()


def upstream(machine):
    """The address of a bare repository with one commit."""
    place = new_place()
    author = "-c user.name=First -c user.email=first@example.com"
    run(machine, f"git init -q -b main --bare {place}.git && git clone -q {place}.git {place}")
    run(
        machine,
        f"echo one > file && git add . && git {author} commit -qm first && git push -q origin HEAD:main",
        cwd=place,
    )
    run(machine, f"rm -r {place}")
    return f"file://{place}.git"


def cloned(machine):
    path = new_place()
    machine.git.clone(upstream(machine), path)
    machine.git.configure_user("Me", "me@example.com", scope="local", path=path)
    return path


def failed(call, *words):
    try:
        call()
    except GitError as error:
        assert error.code == "git_error", error.code
        for word in words:
            assert word in str(error), error
        return error
    raise AssertionError("not refused")


@case
def git_clone_status_and_log():
    machine = shared()
    path = cloned(machine)
    status = machine.git.status(path=path)
    assert (status.branch, status.clean, status.detached, status.ahead, status.behind) == ("main", True, False, 0, 0), (
        status
    )
    (commit,) = machine.git.log(path=path)
    assert (commit.author_name, commit.author_email, commit.message) == ("First", "first@example.com", "first"), commit
    assert commit.sha == run(machine, "git rev-parse HEAD", cwd=path)


@case
def git_clones_into_the_working_directory_of_a_new_machine():
    machine = create(vcpus=1, memory_mb=256)
    machine.git.clone(upstream(machine))
    assert machine.git.status().branch == "main"
    machine.kill()


@case
def git_clone_of_a_branch_and_of_some_depth():
    machine = shared()
    path = cloned(machine)
    run(machine, "git commit -q --allow-empty -m second", cwd=path)
    shallow = new_place()
    machine.git.clone(f"file://{path}", shallow, branch="main", depth=1)
    assert [commit.message for commit in machine.git.log(path=shallow)] == ["second"]


@case
def git_changes_are_told_staged_and_committed():
    machine = shared()
    path = cloned(machine)
    run(machine, "echo two >> file && echo new > 'a new one' && git mv file moved && echo three >> moved", cwd=path)
    changed = {entry.path: entry for entry in machine.git.status(path=path).changed}
    assert (changed["moved"].status, changed["moved"].staged, changed["moved"].unstaged) == ("renamed", True, True), (
        changed
    )
    assert changed["moved"].original_path == "file"
    assert (changed["a new one"].status, changed["a new one"].staged) == ("untracked", False)
    machine.git.add(path, files=["a new one"])
    assert {entry.path: entry.status for entry in machine.git.status(path=path).changed}["a new one"] == "added"
    machine.git.commit("all of it", path=path)
    assert machine.git.status(path=path).clean
    failed(lambda: machine.git.commit("nothing", path=path), "nothing to commit")


@case
def git_commit_of_named_files_by_a_named_author():
    machine = shared()
    path = cloned(machine)
    run(machine, "echo 1 > one && echo 2 > two", cwd=path)
    machine.git.commit("one", ["one"], path=path, author_name="Zoë", author_email="zoe@example.com")
    assert machine.git.status(path=path).changed_files == ["two"]
    (commit,) = machine.git.log(path=path, limit=1)
    assert (commit.author_name, commit.author_email, commit.message) == ("Zoë", "zoe@example.com", "one"), commit
    machine.git.add(path)
    assert machine.git.status(path=path).changed[0].staged


@case
def git_branches():
    machine = shared()
    path = cloned(machine)
    machine.git.create_branch(path, "side")
    branches = machine.git.branches(path)
    assert (branches.current_branch, sorted(branches.branches)) == ("main", ["main", "side"]), branches
    machine.git.checkout("topic", path=path, create=True)
    assert machine.git.status(path=path).branch == "topic"
    run(machine, "git commit -q --allow-empty -m here", cwd=path)
    machine.git.checkout("main", path=path)
    machine.git.delete_branch(path, "side")
    failed(lambda: machine.git.delete_branch(path, "topic"), "not fully merged")
    machine.git.delete_branch(path, "topic", force=True)
    assert machine.git.branches(path).branches == ["main"]
    failed(lambda: machine.git.checkout("none", path=path), "none")


@case
def git_pull_and_push():
    machine = shared()
    url = upstream(machine)
    one, two = new_place(), new_place()
    for path in (one, two):
        machine.git.clone(url, path)
        machine.git.configure_user("Me", "me@example.com", scope="local", path=path)
    run(machine, "echo two >> file", cwd=one)
    machine.git.commit("second", path=one)
    assert machine.git.status(path=one).ahead == 1
    machine.git.push(path=one)
    machine.git.pull(path=two)
    assert [commit.message for commit in machine.git.log(path=two)] == ["second", "first"]
    machine.git.checkout("topic", path=two, create=True)
    machine.git.push(path=two, branch="topic", set_upstream=True)
    assert machine.git.status(path=two).ahead == 0
    failed(lambda: machine.git.pull(path=two, remote="nowhere"), "nowhere")


@case
def git_what_runs_as_a_command():
    machine = shared()
    path = cloned(machine)
    run(machine, "echo two >> file", cwd=path)
    assert "+two" in machine.git.diff(path=path)
    machine.git.remote_add(path, "other", upstream(machine), fetch=True)
    machine.git.remote_add(path, "other", upstream(machine), overwrite=True)
    assert run(machine, "git remote", cwd=path).split() == ["origin", "other"]
    machine.git.set_config("some.thing", "a value", scope="local", path=path)
    assert machine.git.get_config("some.thing", scope="local", path=path) == "a value"
    machine.git.set_config("some.other", "global")
    assert machine.git.get_config("some.other") == "global"
    failed(lambda: machine.git.get_config("some.none"))


@case
def git_failures_are_git_errors():
    machine = shared()
    failed(lambda: machine.git.status(path="/tmp"), "not a git repository")
    failed(lambda: machine.git.status(path="/no/such"), "/no/such")
    failed(lambda: machine.git.status(path="/workspace/.nullspace"), "reserved")
    failed(lambda: machine.git.clone("file:///no/such", new_place()), "/no/such")
    failed(lambda: machine.git.clone("ext::sh -c id", new_place()), "url")


@case
def git_credentials_must_fit():
    machine = shared()
    key = "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n"
    failed(
        lambda: machine.git.clone("git@example.com:a", new_place(), auth=GitHttpsAuth("name", "word-of-mine")),
        "auth.kind",
    )
    failed(lambda: machine.git.clone("https://example.com/a", new_place(), auth=GitSshAuth(key)), "auth.kind")
    # Nothing answers there: an error of git's own, that tells nothing of what it was given.
    error = failed(
        lambda: machine.git.clone("http://127.0.0.1:9/a", new_place(), auth=GitHttpsAuth("name-of-me", "word-of-mine"))
    )
    assert "word-of-mine" not in str(error), error
    assert "name-of-me" not in str(error), error


@case
async def async_git():
    machine = await AsyncMachine.connect(shared().id)
    path = new_place()
    await machine.git.clone(upstream(shared()), path)
    await machine.git.configure_user("Me", "me@example.com", scope="local", path=path)
    await machine.git.checkout("topic", path=path, create=True)
    await machine.commands.run("echo two >> file", shell=True, cwd=path)
    await machine.git.add(path)
    await machine.git.commit("second", path=path)
    await machine.git.push(path=path, branch="topic", set_upstream=True)
    assert (await machine.git.status(path=path)).clean
    assert [commit.message for commit in await machine.git.log(path=path, limit=1)] == ["second"]
    assert (await machine.git.branches(path)).current_branch == "topic"
