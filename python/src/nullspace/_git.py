"""What calls about git take and give back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Union
from urllib.parse import quote, urlsplit

from ._models import CommandResult, GitChangedFile, GitStatusReport
from .errors import GitError, MachineError, rewritten

WORKSPACE = "/workspace"
CREDENTIALS = "/root/.git-credentials"

SSH_CONFIG = """\
# Written by nullspace: the key is used for every host, and no host is known beforehand.
Host *
    IdentityFile /root/.ssh/id_rsa
    IdentitiesOnly yes
    StrictHostKeyChecking no
    UserKnownHostsFile /dev/null
"""


@dataclass(frozen=True)
class GitHttpsAuth:
    """For one call over https. With a token: as ``password``, or where the provider says."""

    username: str
    password: str = field(repr=False)

    def __post_init__(self) -> None:
        if not self.username or not self.password:
            raise ValueError("username and password must not be empty")

    def to_wire(self) -> dict[str, str]:
        return {"kind": "https", "username": self.username, "password": self.password}


@dataclass(frozen=True)
class GitSshAuth:
    """For one call over ssh: the text of a private key."""

    private_key: str = field(repr=False)
    passphrase: str | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        if not self.private_key:
            raise ValueError("private_key must not be empty")

    def to_wire(self) -> dict[str, str]:
        more = {} if self.passphrase is None else {"passphrase": self.passphrase}
        return {"kind": "ssh", "private_key": self.private_key, **more}


GitAuth = Union[GitHttpsAuth, GitSshAuth]


@dataclass(frozen=True)
class GitStatus:
    """The state of a repository. ``branch`` is ``HEAD`` when it is detached; ``changed_files`` are the paths of
    ``changed``; ``ahead`` and ``behind`` are None without an upstream."""

    branch: str
    clean: bool
    changed_files: list[str]
    detached: bool = False
    ahead: int | None = None
    behind: int | None = None
    changed: list[GitChangedFile] = field(default_factory=list[GitChangedFile])

    @classmethod
    def of(cls, report: GitStatusReport) -> GitStatus:
        return cls(
            branch=report.branch or "HEAD",
            clean=report.clean,
            changed_files=[one.path for one in report.changed],
            detached=report.detached,
            ahead=report.ahead,
            behind=report.behind,
            changed=report.changed,
        )


@dataclass(frozen=True)
class GitBranches:
    """Local branches; ``current_branch`` is empty when it is detached."""

    current_branch: str
    branches: list[str]


def git_error(message: str, *, exit_code: int = 128, stderr: str = "") -> GitError:
    error = GitError(message, code="git_error")
    error.exit_code = exit_code
    error.stderr = stderr
    return error


def failed_call(what: str, error: MachineError) -> GitError:
    """``error`` as what callers of git look out for; it says itself what kind it was."""
    wrapped = rewritten(error, GitError, code="git_error", message=f"git {what} failed: {error.message}")
    exit_code, output = error.details.get("exit_code"), error.details.get("output")
    wrapped.exit_code = exit_code if isinstance(exit_code, int) else 128
    wrapped.stderr = output if isinstance(output, str) else error.message
    return wrapped


def check_result(what: str, result: CommandResult) -> str:
    """What git printed."""
    if result.exit_code != 0:
        raise git_error(
            f"git {what} failed with exit code {result.exit_code}: {result.stderr.strip()}",
            exit_code=result.exit_code,
            stderr=result.stderr,
        )
    return result.stdout


def refuse_credentials(url: str, what: str) -> None:
    """They would be kept in the machine. A user name in front of an ssh address is none."""
    try:
        parts = urlsplit(url)
        has_some = parts.username is not None or parts.password is not None
    except ValueError:
        return
    if parts.scheme in ("http", "https") and has_some:
        raise git_error(f"git {what}: the address must not hold credentials; give them as auth=GitHttpsAuth(...).")


def repository(path: str | None, cwd: str | None = None) -> str:
    """``cwd`` is another word for ``path``."""
    if path is not None and cwd is not None and path != cwd:
        raise git_error(f"path and cwd are two words for one thing, but {path!r} is not {cwd!r}.")
    return path or cwd or WORKSPACE


def config_scope(scope: str, path: str | None) -> list[str]:
    """Arguments before and after ``config``."""
    if scope.lower() not in ("global", "local"):
        raise git_error(f'scope must be "global" or "local", not {scope!r}.')
    if scope.lower() == "local" and path is None:
        raise git_error('scope="local" needs a path.')
    return [*(["-C", path] if path is not None else []), "config", f"--{scope.lower()}"]


def credential_line(protocol: str, host: str, username: str, password: str) -> str:
    return f"{protocol}://{quote(username, safe='')}:{quote(password, safe='')}@{host}\n"
