"""The screens in tmux, by keys only, at both sizes, as a user over SSH meets them."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = [pytest.mark.interop, pytest.mark.slow, pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")]


class Tmux:
    """A tmux server of its own with one window."""

    def __init__(self, width: int, height: int, command: str) -> None:
        self.socket = f"slskdn-test-{os.getpid()}-{width}"
        self.run("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height), command)

    def run(self, *args: str) -> str:
        return subprocess.run(["tmux", "-L", self.socket, *args], capture_output=True, text=True, check=True).stdout

    def keys(self, *keys: str) -> None:
        self.run("send-keys", *keys)

    def text(self) -> str:
        return self.run("capture-pane", "-p")

    def until(self, test: Callable[[str], bool], seconds: float = 60) -> str:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if test(text := self.text()):
                return text
            time.sleep(0.1)
        raise AssertionError(f"it did not come:\n{self.text()}")

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], capture_output=True, check=False)


@pytest.fixture(params=[(80, 24), (120, 36)], ids=["80x24", "120x36"])
def tmux(request: pytest.FixtureRequest) -> Iterator[Tmux]:
    width, height = request.param
    window = Tmux(width, height, f"cd {ROOT} && env LANG=C.UTF-8 LC_ALL=C.UTF-8 {sys.executable} -m tests.fakes.show --hz 4")
    yield window
    window.close()


def test_every_screen_can_be_reached_and_left_by_keys(tmux: Tmux) -> None:
    tmux.until(lambda text: "RESCUE" in text and "? help" in text)
    tmux.keys("5")
    tmux.until(lambda text: "Boards of Canada" in text and "LENGTH" in text)
    tmux.keys("t")
    tmux.until(lambda text: "received" in text and "banned" in text)
    tmux.keys("q")
    tmux.until(lambda text: "LENGTH" in text)
    tmux.keys("7")
    tmux.until(lambda text: "WHAT HAPPENED" in text and "is banned" in text)
    tmux.keys("1", "?")
    tmux.until(lambda text: "Help: Swarms" in text)
    tmux.keys("q")
    tmux.keys("C-p")
    tmux.until(lambda text: "Commands" in text and "type to narrow" in text)
    tmux.keys("Escape")
    tmux.until(lambda text: "type to narrow" not in text)
    tmux.keys(":", "frob", "Enter")
    tmux.until(lambda text: "there is no command 'frob'" in text)
    tmux.keys("n")
    tmux.until(lambda text: "New job" in text)
    tmux.keys("loveless", "Enter")
    tmux.until(lambda text: "3 releases" in text)
    tmux.keys("Enter")
    tmux.until(lambda text: "START THE JOB" in text)
    tmux.keys("Enter")
    tmux.until(lambda text: "START THE JOB" not in text and "done" in text)
    tmux.keys("q")
    tmux.until(lambda text: "Quit?" in text)
    tmux.keys("y")
    tmux.until(lambda text: "RESCUE" not in text) if subprocess.run(
        ["tmux", "-L", tmux.socket, "has-session"], capture_output=True
    ).returncode == 0 else None
