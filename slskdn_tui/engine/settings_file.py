"""Whether the settings file is still what the engine was started with. Thin shell over one `stat`."""

from __future__ import annotations

from pathlib import Path

CHANGED = "was changed since slskdn started: start it again to use what it says"


class SettingsFile:
    """Make it when the settings have been read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = self._stamp()

    @property
    def changed(self) -> str:
        """In words, with the file's name; "" while what it says is in force."""
        return f"{self._path} {CHANGED}" if self._stamp() != self._read else ""

    def _stamp(self) -> tuple[int, int, int] | None:
        try:
            found = self._path.stat()
        except OSError:
            return None
        return found.st_mtime_ns, found.st_size, found.st_ino
