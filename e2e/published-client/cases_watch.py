"""Directories of a machine that are watched."""

import time

from harness import case, refused, shared, until
from places import async_place, place


@case
def changes_are_told():
    files = shared().files
    with place() as at:
        files.make_dir(f"{at}/deep")
        told, ends = [], []
        with files.watch_dir(at, told.append, recursive=True, on_exit=ends.append):
            # Nothing is missed from here on.
            files.write(f"{at}/a.txt", "1")
            files.write(f"{at}/deep/b.txt", "2")
            files.remove(f"{at}/a.txt")

            def seen(path):
                return {event.type for event in told if event.path == path}

            until(lambda: "remove" in seen(f"{at}/a.txt"))
            until(lambda: seen(f"{at}/deep/b.txt") & {"create", "rename", "write"})
            assert {event.event_type for event in told} == {event.type for event in told}
            assert any(event.name.endswith("a.txt") for event in told)
        until(lambda: ends)
        assert ends == [None]


@case
def only_the_directory_itself_is_watched():
    files = shared().files
    with place() as at:
        files.make_dir(f"{at}/deep")
        told = []
        with files.watch_dir(at, told.append):
            files.write(f"{at}/deep/unseen", "1")
            files.write(f"{at}/seen", "1")
            until(lambda: any(event.path == f"{at}/seen" for event in told))
        assert not any("unseen" in event.path for event in told)


@case
def a_watch_ends_when_its_time_is_up():
    ends = []
    with place() as at:
        started = time.monotonic()
        shared().files.watch_dir(at, lambda event: None, timeout=1, on_exit=ends.append)
        until(lambda: ends)
        assert ends == [None]
        assert time.monotonic() - started > 0.9


@case
def what_is_missing_cannot_be_watched():
    with place() as at:
        refused(lambda: shared().files.watch_dir(f"{at}/missing", lambda event: None), "watch_error")


@case
async def async_watch():
    async with async_place() as (files, at):
        told = []
        async with await files.watch_dir(at, told.append):
            await files.write(f"{at}/seen", "1")
            deadline = time.monotonic() + 30
            while not any(event.path == f"{at}/seen" for event in told):
                assert time.monotonic() < deadline, told
                await files.exists(at)
