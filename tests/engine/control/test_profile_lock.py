"""One engine a profile, and whoever is second learns who is first."""

import multiprocessing
import os
import signal
import subprocess
import sys

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.lock import ProfileLock, holder
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.model.errors import UserError

HOLD = """
import sys, time
from pathlib import Path
from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.lock import ProfileLock
lock = ProfileLock(Paths.of(Path(sys.argv[1])))
lock.acquire("slskdn serve")
print("held", flush=True)
time.sleep(600)
"""


def test_a_second_engine_is_refused_and_told_who_holds_the_profile(tmp_path):
    paths = Paths.of(tmp_path)
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    try:
        assert child.stdout.readline() == "held\n"
        with pytest.raises(UserError) as caught:
            ProfileLock(paths).acquire("in this window")
        assert caught.value.code == "locked" and caught.value.exit_code == 9
        assert f"pid {child.pid} (slskdn serve) since 20" in caught.value.message and "slskdn stop" in caught.value.hint
        assert holder(paths).pid == child.pid and holder(paths).how == "slskdn serve"
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert holder(paths) is None
    with ProfileLock(paths, VirtualClock()) as lock:
        lock.acquire("after a kill")
        assert str(holder(paths)) == f"pid {os.getpid()} (after a kill) since 2026-01-01T00:00:00Z"


def test_released_it_can_be_taken_again_and_the_file_is_private(tmp_path):
    paths = Paths.of(tmp_path)
    lock = ProfileLock(paths)
    assert holder(paths) is None
    for how in ("first", "second"):
        lock.acquire(how)
        assert holder(paths).how == how
        with pytest.raises(UserError):
            ProfileLock(paths).acquire("other")
        lock.release()
        lock.release()
    assert holder(paths) is None and paths.lock_file.stat().st_mode & 0o777 == 0o600


def test_a_worker_process_does_not_keep_the_profile(tmp_path):
    """Audio workers are spawned: they must not hold on to the lock of an engine that was killed."""
    paths = Paths.of(tmp_path)
    lock = ProfileLock(paths)
    lock.acquire("engine")
    worker = multiprocessing.get_context("spawn").Process(target=_stay)
    worker.start()
    try:
        lock.release()
        ProfileLock(paths).acquire("next")
    finally:
        worker.kill()
        worker.join()


def _stay():
    signal.pause()


def test_a_link_in_place_of_the_lock_file_is_not_followed(tmp_path):
    paths = Paths.of(tmp_path)
    paths.lock_file.parent.mkdir(parents=True)
    (tmp_path / "precious").write_text("keep")
    paths.lock_file.symlink_to(tmp_path / "precious")
    with pytest.raises(UserError) as caught:
        ProfileLock(paths).acquire("x")
    assert caught.value.code == "disk" and (tmp_path / "precious").read_text() == "keep"


@pytest.mark.parametrize("content", ["", "12x\n", "\0\0\0", "-5\nyesterday"])
def test_rubbish_in_the_lock_file_is_no_reason_to_fail(tmp_path, content):
    paths = Paths.of(tmp_path)
    lock = ProfileLock(paths)
    lock.acquire("x")
    paths.lock_file.write_text(content)
    assert holder(paths).pid == 0
    with pytest.raises(UserError, match="another process"):
        ProfileLock(paths).acquire("y")
    lock.release()
