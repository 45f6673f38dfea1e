"""Shell: reading a file no further than allowed, and writing one so that only its owner can read it and no power cut leaves half of it."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

from slskdn_tui.config.safe_yaml import MAX_BYTES
from slskdn_tui.model.errors import UserError


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """The text of a regular file of at most `limit` bytes. Raises UserError: `not_found`, `config` (too large, not UTF-8, not a file), `disk`."""
    try:
        # O_NONBLOCK: a pipe under that name must not hang us before fstat has seen it.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise UserError("not_found", f"{path}: no such file", "Check the name.") from None
    except OSError as error:
        raise UserError("disk", f"{path}: cannot be read: {error.strerror}", "Check its owner and mode.") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise UserError("config", f"{path}: not a regular file", "Name a file.")
    with os.fdopen(handle, "rb") as file:
        raw = file.read(limit + 1)
    if len(raw) > limit:
        raise UserError("config", f"{path}: larger than {limit // 1024} KiB", "This is not a file slskdn wrote.")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise UserError("config", f"{path}, line {line}: not UTF-8 text", "Save the file as UTF-8.") from None


def write_private(path: Path, text: str, *, overwrite: bool) -> None:
    """Write `text` whole or not at all, mode 0600. Raises UserError `refused` when the file exists and `overwrite` is false, `disk` otherwise."""
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # 0600 and O_EXCL
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if overwrite:
            os.replace(temporary, path)
            temporary = None
        else:
            os.link(temporary, path)  # fails when the name is taken, unlike a rename
    except FileExistsError:
        raise UserError(
            "refused", f"{path} exists already", "Edit it, or add --force to write it anew (your old values are lost)."
        ) from None
    except OSError as error:
        raise UserError("disk", f"{path}: cannot be written: {error.strerror}", "Check the folder's owner, mode and free space.") from None
    finally:
        if temporary is not None:
            os.unlink(temporary)


def tighten(path: Path) -> bool:
    """Take group's and others' rights from a file; True when there were any. Raises UserError `disk` when it belongs to somebody else."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if not mode & 0o077:
            return False
        path.chmod(mode & 0o700)
    except OSError as error:
        raise UserError(
            "disk", f"{path}: holds a secret but its mode cannot be set to 0600: {error.strerror}", "Run: chmod 600 on it as its owner."
        ) from None
    return True
