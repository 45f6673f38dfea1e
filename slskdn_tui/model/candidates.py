"""What a Soulseek search returns, as values. Core."""

from __future__ import annotations

from dataclasses import dataclass

from slskdn_tui.model.text import SafeText


@dataclass(frozen=True, slots=True)
class FoundFile:
    """One file of one user. `path` is the raw remote path (backslashes, untrusted: show `SafeText(path)`).

    `size` bytes; `seconds`, `bitrate` (kbit/s), `sample_rate` (Hz), `bit_depth` as the peer claims them, None when not said.
    """

    username: str
    path: str
    size: int
    extension: str
    seconds: int | None = None
    bitrate: int | None = None
    sample_rate: int | None = None
    bit_depth: int | None = None

    @property
    def folder(self) -> str:
        """The remote folder; both separators occur."""
        cut = max(self.path.rfind("\\"), self.path.rfind("/"))
        return self.path[:cut] if cut > 0 else ""

    @property
    def name(self) -> str:
        return self.path[max(self.path.rfind("\\"), self.path.rfind("/")) + 1 :]

    @property
    def label(self) -> SafeText:
        return SafeText(self.name)


@dataclass(frozen=True, slots=True)
class SearchReply:
    """All files one user answered to one query, with that user's upload state (`speed` bytes/s as the server averages it)."""

    username: str
    free_slot: bool
    speed: int
    queue: int
    files: tuple[FoundFile, ...]
