"""A local file as the library knows it, and the port that keeps it. Core.

The store implements `FileIndex` over SQLite; `engine/library` scans, hashes and serves from it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One scanned audio file. `path` is absolute (surrogate-escaped as `os.fsdecode` gives it); `mtime_ns`, `size`, `inode` say whether it changed.

    `recording` is the MusicBrainz recording MBID from its tags ("" when untagged: known, but neither hashed nor offered);
    `streaminfo` the 34-byte FLAC STREAMINFO in hex or ""; `variant_id` "" while unhashed; `digests` all leaf digests joined,
    32 bytes each (b"" where a listing leaves them out). `download` marks a finished download of this program.

    `region_id` names the audio region, bytes [region_start, region_start + region_length), whose digests are `region_digests`: "" when the file has
    none, None when nobody has looked (files hashed by an older version).
    """

    path: str
    mtime_ns: int
    size: int
    inode: int
    recording: str = ""
    codec: str = ""
    codec_profile: str = ""
    duration_ms: int | None = None
    streaminfo: str = ""
    variant_id: str = ""
    digests: bytes = b""
    download: bool = False
    region_id: str | None = None
    region_start: int = 0
    region_length: int = 0
    region_digests: bytes = b""

    def unchanged(self, mtime_ns: int, size: int, inode: int) -> bool:
        return (self.mtime_ns, self.size, self.inode) == (mtime_ns, size, inode)

    def brief(self) -> FileEntry:
        """The entry without its digests: a library's digests are too many to hold in memory."""
        return replace(self, digests=b"", region_digests=b"") if self.digests else self


class FileIndex(Protocol):
    """Keeps file entries by path. At most 500 rows are put or dropped in one call."""

    async def entries(self) -> Sequence[FileEntry]:
        """Every entry, `digests` left out (b"")."""
        ...

    async def put(self, entries: Sequence[FileEntry]) -> None:
        """Insert or replace by path, with digests."""
        ...

    async def drop(self, paths: Sequence[str]) -> None: ...

    def digests(self, path: str, kind: Literal["file", "region"] = "file") -> bytes:
        """The joined digests of one file or its region (b"" when unknown). Synchronous and quick: an indexed read, called when an upload opens it."""
        ...
