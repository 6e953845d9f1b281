"""Where the client looks for key and URL. Traffic goes to the daemon under test all the same."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

from harness import case, refused, shared
from nullspace import Machine

URL = os.environ["NULLSPACE_API_URL"].rstrip("/")
KEY = os.environ["NULLSPACE_API_KEY"]
NAMES = ("NULLSPACE_API_KEY", "NULLSPACE_TOKEN", "NULLSPACE_API_URL", "NULLSPACE_BASE_URL", "XDG_CONFIG_HOME")


@contextlib.contextmanager
def settings(**environment):
    """An empty home and directory, and these variables only."""
    before = dict(os.environ)
    cwd = os.getcwd()
    with tempfile.TemporaryDirectory() as home:
        for name in NAMES:
            os.environ.pop(name, None)
        os.environ.update(HOME=home, **environment)
        os.chdir(home)
        try:
            yield Path(home)
        finally:
            os.chdir(cwd)
            os.environ.clear()
            os.environ.update(before)


def reaches_the_daemon():
    assert Machine.get_info_by_id(shared().id, fields=["id"]) == {"id": shared().id}


@case
def no_key():
    shared()
    with settings(NULLSPACE_API_URL=URL):
        refused(lambda: Machine.get_info_by_id("mch_a"), "missing_api_key", kind=None)
        refused(Machine.create, "missing_api_key", kind=None)


@case
def base_url_with_trailing_slash():
    shared()
    for url in (f"{URL}/", f"{URL}//"):
        with settings(NULLSPACE_BASE_URL=url, NULLSPACE_TOKEN=KEY):
            reaches_the_daemon()
            assert Machine.connect(shared().id).commands.run("echo", ["slash"]).stdout == "slash\n"


@case
def arguments():
    shared()
    with settings():
        assert Machine.connect(shared().id, api_key=KEY, base_url=URL).id == shared().id


@case
def config_file_as_the_daemon_writes_it():
    shared()
    with settings() as home:
        file = home / ".config" / "nullspace" / "config.json"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps({"api_key": KEY, "base_url": URL}))
        reaches_the_daemon()
