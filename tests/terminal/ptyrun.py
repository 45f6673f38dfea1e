"""The app in a real pseudo terminal: start it, press keys, read every byte it sends."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
ESCAPES = re.compile(
    rb"\x1b\[[0-9;]*m"  # colours
    rb"|\x1b\[\d+;\d+H"  # cursor to a place
    rb"|\x1b\[\?[0-9]+(;[0-9]+)*(\$p|[hl])"  # modes and questions about them
    rb"|\x1b\[[<>][0-9]*u"  # keyboard protocol
    rb"|\x1b\]22;(default|text|pointer)\x07"  # mouse pointer shape
)
"""The grammar of what Textual itself sends; anything else is foreign."""


TURNS_S = 4
"""Fewer than a program makes that polls ten times a second."""


class Terminal:
    """`python -m tests.fakes.show` in a pty. Use as a context manager."""

    def __init__(self, *args: str, size: tuple[int, int] = (80, 24), **env: str) -> None:
        foreign_to_it = (
            "NO_COLOR",
            "COLORTERM",
            "TERM",
            "LC_ALL",
            "LC_CTYPE",
            "COLUMNS",
            "LINES",
        )  # pytest in several processes sets COLUMNS
        base = {key: value for key, value in os.environ.items() if key not in foreign_to_it}
        base |= {"TERM": "xterm-256color", "LANG": "C.UTF-8", "TEXTUAL_DISABLE_KITTY_KEY": "1", "PYTHONPATH": str(ROOT), "TZ": "UTC"}
        self.env = base | env
        self.args = args
        self.size = size
        self.pid = 0
        self.fd = -1
        self.status: int | None = None

    def __enter__(self) -> Terminal:
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests may be under nohup
            os.chdir(ROOT)
            os.execve(sys.executable, [sys.executable, "-m", "tests.fakes.show", *self.args], self.env)
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", self.size[1], self.size[0], 0, 0))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.status is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.fd >= 0:
            os.close(self.fd)

    def read(self, seconds: float) -> bytes:
        """What comes within that time; returns early at the end of the program."""
        end = time.monotonic() + seconds
        out = b""
        while (left := end - time.monotonic()) > 0:
            if not select.select([self.fd], [], [], left)[0]:
                break
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                break
            if not data:
                break
            out += data
        return out

    def read_some(self, seconds: float) -> bytes:
        """What comes first, waited for that long at most; nothing when nothing comes."""
        return self.read(0.02) if select.select([self.fd], [], [], seconds)[0] else b""

    def until(self, text: bytes, seconds: float = 180) -> bytes:
        """Read until that text has come. Raises AssertionError when it does not."""
        end = time.monotonic() + seconds
        out = b""
        while text not in out:
            assert time.monotonic() < end, f"{text!r} did not come; the last bytes: {out[-2000:]!r}"
            out += self.read(0.2)
        return out

    def turns(self) -> int:
        """How often the program has gone to sleep: many times a second while it polls, never while it is stopped or kept from running. -1: it has ended."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        slept = re.search(r"^voluntary_ctxt_switches:\s+(\d+)", status, re.MULTILINE)
        return int(slept[1]) if slept is not None and "State:\tZ" not in status else -1

    def quiet(self, seconds: float = 1.5, at_most: float = 180) -> bytes:
        """Read until nothing has come for that long, in which the program ran: one that stands still has not said its last word."""
        end = time.monotonic() + at_most
        out = b""
        while time.monotonic() < end:
            before = self.turns()
            data = self.read(seconds)
            after = self.turns()
            if not data and (after < 0 or after - before >= TURNS_S * seconds):
                return out
            out += data
        raise AssertionError(f"never quiet; the last bytes: {out[-400:]!r}")

    def drawn(self, seconds: float = 1.5) -> bytes:
        """What comes in answer to a key or a signal, however late it begins, until nothing more has come for that long."""
        first = self.read_some(60)
        assert first, "nothing was drawn"
        return first + self.quiet(seconds)

    def press(self, keys: str) -> None:
        os.write(self.fd, keys.encode())

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def hang_up(self) -> None:
        """As when a connection breaks: the terminal is gone, and the kernel says so by SIGHUP."""
        os.close(self.fd)
        self.fd = -1

    def resize(self, width: int, height: int) -> None:
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        os.kill(self.pid, signal.SIGWINCH)

    def wait(self) -> int:
        """The exit code."""
        _, status = os.waitpid(self.pid, 0)
        self.status = os.waitstatus_to_exitcode(status)
        return self.status


def foreign(data: bytes) -> list[bytes]:
    """Control characters and escapes that are none of Textual's own."""
    rest = ESCAPES.sub(b"", data).decode("utf-8", "surrogateescape")
    bad = [char for char in rest if (ord(char) < 32 and char not in "\r\n") or 0x7F <= ord(char) < 0xA0 or 0xD800 <= ord(char) < 0xE000]
    bad += [char for char in rest if ord(char) in (*range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)]
    return [char.encode("utf-8", "surrogateescape") for char in bad]
