# Generated from _async/git.py by tools/gen_sync.py; do not edit.

"""Git in a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .._git import (
    CREDENTIALS,
    SSH_CONFIG,
    WORKSPACE,
    GitAuth,
    GitBranches,
    GitStatus,
    check_result,
    config_scope,
    credential_line,
    failed_call,
    git_error,
    refuse_credentials,
    repository,
)
from .._models import GitCommit
from .._operation import Operation
from .._operations import git
from .._operations.commands import DEFAULT_TIMEOUT
from ..errors import MachineError, NotFoundError
from .client import Client
from .commands import Commands
from .files import Files

T = TypeVar("T")

_FETCH_TIMEOUT = 600.0


class Git:
    """Git repositories in a machine; reached as ``machine.git``.

    ``path`` is the repository, ``/workspace`` unless given. ``auth`` is for one call: it is kept nowhere in the
    machine. Every call raises ``GitError`` when git fails or cannot be run, whatever the reason;
    ``details["wrapped_code"]`` has the code of the refusal.
    """

    def __init__(self, client: Client, machine_id: str, commands: Commands, files: Files) -> None:
        self._client = client
        self._machine_id = machine_id
        self._commands = commands
        self._files = files

    def clone(
        self,
        url: str,
        path: str = WORKSPACE,
        *,
        branch: str | None = None,
        depth: int | None = None,
        auth: GitAuth | None = None,
    ) -> str:
        """Clones a repository to ``path``. The address may not hold credentials. Gives the path."""
        refuse_credentials(url, "clone")
        operation = git.clone(self._machine_id, url, repository(path), branch=branch, depth=depth, auth=auth)
        return self._call("clone", operation)

    def status(self, *, path: str = WORKSPACE) -> GitStatus:
        """Branch and changed files."""
        return self._call("status", git.status(self._machine_id, repository(path)))

    def log(self, *, path: str = WORKSPACE, limit: int | None = None) -> list[GitCommit]:
        """Commits, newest first, 50 unless ``limit`` says otherwise."""
        return self._call("log", git.log(self._machine_id, repository(path), limit))

    def branches(self, path: str = WORKSPACE) -> GitBranches:
        """Local branches."""
        return self._call("branch", git.branches(self._machine_id, repository(path)))

    def create_branch(self, path: str, name: str) -> None:
        """Creates a branch where HEAD is, and stays on the present one."""
        operation = git.change_branch(self._machine_id, repository(path), name, "create", force=False)
        self._call("branch", operation)

    def delete_branch(self, path: str, name: str, *, force: bool = False) -> None:
        """Deletes a branch; with ``force`` also one that is not merged."""
        operation = git.change_branch(self._machine_id, repository(path), name, "delete", force=force)
        self._call("branch", operation)

    def checkout(self, branch: str, *, path: str = WORKSPACE, create: bool = False) -> None:
        """Switches to a branch, tag or commit; with ``create`` to a new branch."""
        self._call("checkout", git.checkout(self._machine_id, repository(path), branch, create=create))

    def add(self, path: str = WORKSPACE, *, files: Sequence[str] | None = None) -> None:
        """Stages files, all changes unless ``files`` names some."""
        if files is not None and not files:
            raise git_error("git add: files must not be empty.")
        self._call("add", git.add(self._machine_id, repository(path), files))

    def commit(
        self,
        message: str,
        files: Sequence[str] | None = None,
        *,
        path: str | None = None,
        cwd: str | None = None,
        author_name: str | None = None,
        author_email: str | None = None,
    ) -> str:
        """Commits all changes, or those of ``files``; with an empty list, what is staged. Gives the commit's id.

        Args:
            path, cwd: the repository, in either word.
            author_name, author_email: both or neither; default is what git is configured with.
        """
        if (author_name is None) != (author_email is None):
            raise git_error("git commit: author_name and author_email go together.")
        operation = git.commit(
            self._machine_id,
            repository(path, cwd),
            message,
            files,
            author_name=author_name,
            author_email=author_email,
        )
        return self._call("commit", operation)

    def pull(
        self,
        *,
        path: str = WORKSPACE,
        remote: str = "origin",
        branch: str | None = None,
        auth: GitAuth | None = None,
    ) -> str:
        """Fetches and integrates. Gives what git says of it."""
        return self._call(
            "pull", git.pull(self._machine_id, repository(path), remote=remote, branch=branch, auth=auth)
        )

    def push(
        self,
        *,
        remote: str = "origin",
        branch: str | None = None,
        path: str = WORKSPACE,
        set_upstream: bool = False,
        auth: GitAuth | None = None,
    ) -> str:
        """Pushes a branch, the present one unless given. Gives what git says of it."""
        operation = git.push(
            self._machine_id, repository(path), remote=remote, branch=branch, set_upstream=set_upstream, auth=auth
        )
        return self._call("push", operation)

    def diff(self, *, path: str = WORKSPACE) -> str:
        """What is changed and not staged."""
        return self._run("diff", ["-C", repository(path), "diff"])

    def remote_add(self, path: str, name: str, url: str, *, fetch: bool = False, overwrite: bool = False) -> None:
        """Adds a remote; with ``overwrite`` in place of one of that name, with ``fetch`` fetches from it."""
        refuse_credentials(url, "remote add")
        inside = ["-C", repository(path), "remote"]
        if overwrite:
            # There may be none.
            self._commands.run("git", [*inside, "remove", name])
        more = ["-f"] if fetch else []
        self._run(
            "remote add", [*inside, "add", *more, name, url], timeout=_FETCH_TIMEOUT if fetch else DEFAULT_TIMEOUT
        )

    def set_config(self, key: str, value: str, *, scope: str = "global", path: str | None = None) -> None:
        """Sets an option, ``global`` for root or ``local`` to a repository."""
        self._run("config", [*config_scope(scope, path), key, value])

    def get_config(self, key: str, *, scope: str = "global", path: str | None = None) -> str:
        """The value of an option. Raises ``GitError`` when it has none."""
        return (self._run("config", [*config_scope(scope, path), "--get", key])).strip()

    def configure_user(self, name: str, email: str, *, scope: str = "global", path: str | None = None) -> None:
        """Whom commits are of."""
        self.set_config("user.name", name, scope=scope, path=path)
        self.set_config("user.email", email, scope=scope, path=path)

    def dangerously_authenticate(
        self, username: str, password: str, *, host: str = "github.com", protocol: str = "https"
    ) -> None:
        """Stores credentials in the machine, where every program in it, and every snapshot of it, has them. Prefer
        ``auth``."""
        self._run("config", ["config", "--global", "credential.helper", f"store --file {CREDENTIALS}"])
        try:
            known = self._files.read(CREDENTIALS)
        except NotFoundError:
            known = ""
        line = credential_line(protocol, host, username, password)
        # In front: git takes the first line that fits.
        self._files.write(CREDENTIALS, line + known, mode="0600")

    def add_ssh_key(self, private_key: str) -> None:
        """Stores a private key in the machine, for every host, and trusts every host. Prefer ``auth``."""
        self._files.make_dir("/root/.ssh")
        self._files.set_permissions("/root/.ssh", "0700")
        self._files.write("/root/.ssh/id_rsa", private_key, mode="0600")
        self._files.write("/root/.ssh/config", SSH_CONFIG, mode="0600")

    def _call(self, what: str, operation: Operation[T]) -> T:
        try:
            return self._client.send(operation)
        except MachineError as error:
            raise failed_call(what, error) from error

    def _run(self, what: str, args: list[str], *, timeout: float = DEFAULT_TIMEOUT) -> str:
        return check_result(what, self._commands.run("git", args, timeout=timeout))
