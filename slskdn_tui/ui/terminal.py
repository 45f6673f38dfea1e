"""What the terminal is good for, and leaving it as it was found. Shell."""

from __future__ import annotations

import atexit
import os
import signal
import sys
import termios
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from slskdn_tui.model.errors import UserError

if TYPE_CHECKING:
    from slskdn_tui.ui.app import SlskdnApp

IN_WINDOW = "this window"
"""What the description of an engine of the window's own says."""


def wants_ascii(environ: Mapping[str, str]) -> bool:
    """Whether the locale says that the terminal does not take UTF-8. Python sets LC_CTYPE itself in the C locale; that says nothing."""
    coerced = environ.get("LC_CTYPE") == "C.UTF-8" and environ.get("LANG", "") in ("", "C", "POSIX")
    names = ("LC_ALL", "LANG") if coerced else ("LC_ALL", "LC_CTYPE", "LANG")
    said = next((environ[name] for name in names if environ.get(name)), "")
    return "utf-8" not in said.lower().replace("utf8", "utf-8")


def need_terminal() -> None:
    """UserError("terminal") when there is none that can draw screens."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "terminal",
            "the screens need a terminal",
            "`slskdn status` and `slskdn swarms list` print the same facts; `slskdn serve` runs without",
        )
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise UserError(
            "terminal",
            f"TERM={os.environ.get('TERM', '')!r} cannot draw screens",
            "set TERM to what the terminal is, or use `slskdn status`",
        )


def discard_typed_ahead() -> None:
    """Throw away what was typed and not read, so that keys meant for the window do not land in the shell."""
    try:
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    except (OSError, ValueError, termios.error):
        return  # no terminal any more, or no standard input at all


def discard_at_exit() -> None:
    """The same once more when the process ends: what keeps it (an engine, the demo's world) may take seconds to stop."""
    atexit.unregister(discard_typed_ahead)
    atexit.register(discard_typed_ahead)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """A closed connection and `kill` end what runs in here as ctrl+c does. A hang-up that is ignored (`nohup`) stays ignored.

    They often come together, and a second ctrl+c would cut the end short: only the first is passed on.
    In a script's background SIGINT is ignored; what is passed on as one would be lost there, so it is heard in here.
    """
    numbers = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    deaf = signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    if deaf:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    passed = False

    def pass_on(*_: object) -> None:
        nonlocal passed
        if not passed:
            passed = True
            signal.raise_signal(signal.SIGINT)

    for number in numbers:
        signal.signal(number, pass_on)
    try:
        yield
    finally:
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        if deaf:
            signal.signal(signal.SIGINT, signal.SIG_IGN)


def let_go_of_input(app: SlskdnApp) -> None:
    """The thread that reads keys ends, whatever kept Textual from ending it.

    When a terminal goes while the window is being closed, Textual's driver can fail before it tells its thread; that would read the end of the
    input over and over, and the process, which waits for it, would never end.
    """
    over = getattr(app._driver, "exit_event", None)
    if over is not None:
        over.set()


async def run_then_stop(app: SlskdnApp, mouse: bool) -> int | None:
    """The window, and after it, with the shell's screen back, the end of its engine, which may take some seconds."""
    try:
        return await app.run_async(mouse=mouse)
    finally:
        let_go_of_input(app)
        if IN_WINDOW in app.engine.description and app.failure is None:
            with suppress(OSError):  # the terminal may be gone
                print("stopping..." if app.ascii_mode else "stopping…", file=sys.stderr, flush=True)
        await app.stop_engine()
