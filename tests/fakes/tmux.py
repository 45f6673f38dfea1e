"""A tmux server of a test's own with one window: keys in, the screen as text out."""

from __future__ import annotations

import itertools
import os
import subprocess
import time
from collections.abc import Callable

_numbers = itertools.count()


class Tmux:
    """`close` it whatever happens; the server's name is its own, so that neither runs nor one after the other meet."""

    def __init__(self, width: int, height: int, command: str) -> None:
        self._base = ["tmux", "-L", f"slskdn-test-{os.getpid()}-{next(_numbers)}", "-f", "/dev/null"]
        env = {key: value for key, value in os.environ.items() if key not in ("TMUX", "NO_COLOR")} | {
            "LC_ALL": "C.UTF-8",
            "LANG": "C.UTF-8",
        }
        subprocess.run([*self._base, "new-session", "-d", "-x", str(width), "-y", str(height), command], check=True, env=env)

    def keys(self, *keys: str) -> None:
        subprocess.run([*self._base, "send-keys", *keys], check=True)

    def type(self, text: str) -> None:
        subprocess.run([*self._base, "send-keys", "-l", text], check=True)

    @property
    def lives(self) -> bool:
        return subprocess.run([*self._base, "has-session"], capture_output=True, check=False).returncode == 0

    def screen(self) -> str:
        return subprocess.run([*self._base, "capture-pane", "-p"], check=True, capture_output=True, text=True).stdout

    def until(self, what: str, seen: Callable[[str], bool], seconds: float = 600.0) -> str:
        """Poll the screen until it shows what a person would wait for."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if seen(screen := self.screen()):
                return screen
            time.sleep(0.1)
        raise AssertionError(f"never seen: {what}\n{self.screen()}")

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)
