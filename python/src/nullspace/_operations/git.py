"""Git in a machine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .. import _wire
from .._git import GitAuth, GitBranches, GitStatus
from .._models import GitCommit, GitHistory, GitStatusReport
from .._operation import Operation, given
from .._retry import READ
from .life import path_of

SILENCE = 120.0
REMOTE_SILENCE = 1800.0
"""Seconds for calls that wait for another host."""


def clone(
    machine_id: str, url: str, path: str, *, branch: str | None, depth: int | None, auth: GitAuth | None
) -> Operation[str]:
    more = given({"branch": branch or None, "depth": depth, "auth": _auth(auth)})
    return _post(machine_id, "clone", {"url": url, "path": path, **more}, "path", silence=REMOTE_SILENCE)


def status(machine_id: str, path: str) -> Operation[GitStatus]:
    return Operation(
        method="GET",
        path=_route(machine_id, "status"),
        query={"path": path},
        read=lambda document: GitStatus.of(GitStatusReport.from_wire(document)),
        retry=READ,
        silence=SILENCE,
    )


def log(machine_id: str, path: str, limit: int | None) -> Operation[list[GitCommit]]:
    return Operation(
        method="GET",
        path=_route(machine_id, "log"),
        query={"path": path, **given({"limit": None if limit is None else str(limit)})},
        read=lambda document: GitHistory.from_wire(document).commits,
        retry=READ,
        silence=SILENCE,
    )


def branches(machine_id: str, path: str) -> Operation[GitBranches]:
    return Operation(
        method="GET",
        path=_route(machine_id, "branch"),
        query={"path": path},
        read=_branches,
        retry=READ,
        silence=SILENCE,
    )


def change_branch(machine_id: str, path: str, name: str, action: str, *, force: bool) -> Operation[None]:
    more = {"force": True} if force else {}
    return _change(machine_id, "branch", {"path": path, "action": action, "name": name, **more})


def checkout(machine_id: str, path: str, ref: str, *, create: bool) -> Operation[None]:
    return _change(machine_id, "checkout", {"path": path, "ref": ref, "create": create})


def add(machine_id: str, path: str, files: Sequence[str] | None) -> Operation[None]:
    return _change(machine_id, "add", {"path": path, "files": list(files or ())})


def commit(
    machine_id: str,
    path: str,
    message: str,
    files: Sequence[str] | None,
    *,
    author_name: str | None,
    author_email: str | None,
) -> Operation[str]:
    more = given(
        {
            "files": None if files is None else list(files),
            "author_name": author_name,
            "author_email": author_email,
        }
    )
    return _post(machine_id, "commit", {"path": path, "message": message, "add_all": files is None, **more}, "sha")


def pull(machine_id: str, path: str, *, remote: str, branch: str | None, auth: GitAuth | None) -> Operation[str]:
    more = given({"branch": branch or None, "auth": _auth(auth)})
    body = {"path": path, "remote": remote, **more}
    return _post(machine_id, "pull", body, "summary", silence=REMOTE_SILENCE)


def push(
    machine_id: str, path: str, *, remote: str, branch: str | None, set_upstream: bool, auth: GitAuth | None
) -> Operation[str]:
    more = given({"branch": branch or None, "auth": _auth(auth)})
    body = {"path": path, "remote": remote, "set_upstream": set_upstream, **more}
    return _post(machine_id, "push", body, "summary", silence=REMOTE_SILENCE)


def _post(machine_id: str, what: str, body: dict[str, Any], answer: str, *, silence: float = SILENCE) -> Operation[str]:
    return Operation(
        method="POST",
        path=_route(machine_id, what),
        body=body,
        read=_wire.answer(_wire.field(answer, _wire.string)),
        silence=silence,
    )


def _change(machine_id: str, what: str, body: dict[str, Any]) -> Operation[None]:
    return Operation(
        method="POST", path=_route(machine_id, what), body=body, read=lambda _document: None, silence=SILENCE
    )


def _branches(document: object) -> GitBranches:
    source = _wire.fields(document, "branches")
    return GitBranches(
        current_branch=_wire.optional(source, "current", _wire.string, "branches") or "",
        branches=_wire.required(source, "branches", _wire.array(_wire.string), "branches"),
    )


def _auth(auth: GitAuth | None) -> dict[str, str] | None:
    return None if auth is None else auth.to_wire()


def _route(machine_id: str, what: str) -> str:
    return path_of(machine_id, f"git/{what}")
