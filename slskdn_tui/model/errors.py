"""Errors a person reads: what happened, what it means, what to do. Core.

`EXIT` is the documented list of exit codes; docs/cli.md is generated from it.
"""

from __future__ import annotations

from slskdn_tui.model.text import SafeText

EXIT: dict[str, tuple[int, str]] = {
    "ok": (0, "done"),
    "failed": (1, "the work was tried and did not succeed; data and job are intact"),
    "usage": (2, "the command line is wrong"),
    "config": (3, "the configuration or a manifest is wrong; file, line and key are named"),
    "not_found": (4, "no such job, track, release, file or user; a search found nothing"),
    "no_engine": (5, "this needs a running engine (start `slskdn` or `slskdn serve`)"),
    "network": (6, "a server or peer cannot be reached"),
    "auth": (7, "the account was refused, or logged in elsewhere"),
    "disk": (8, "a folder cannot be written or the disk is full"),
    "locked": (9, "another engine holds this profile"),
    "refused": (10, "the request is against a rule that keeps the user or the network safe"),
    "terminal": (11, "no usable terminal; use the CLI twin of the screen"),
    "port": (12, "a listen port is in use"),
    "unfinished": (13, "waiting was given up; the jobs go on"),
    "interrupted": (130, "stopped by ctrl+c"),
}


class UserError(Exception):
    """A failure with its exit code name (`EXIT`), its message and, on the second line, what to do."""

    def __init__(self, code: str, message: str, hint: str = "") -> None:
        if code not in EXIT:
            raise ValueError(f"unknown error code {code!r}")
        self.code = code
        self.message = SafeText(message)
        self.hint = SafeText(hint)
        super().__init__(str(self))

    @property
    def exit_code(self) -> int:
        return EXIT[self.code][0]

    def __str__(self) -> str:
        return f"{self.message}\n  {self.hint}" if self.hint else str(self.message)
