"""A variant: the same bytes everywhere, named by the digest of its digests. Core.

`variant_id` is 64 lower-case hex digits; how it is made is `engine/content/`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LEAF = 65_536
"""Bytes of a leaf, the unit of verification. A chunk is one request of 1 to 16 leaves."""
MAX_CHUNK_LEAVES = 16
PAGE_LEAVES = 512
"""Digests in one page."""


@dataclass(frozen=True, slots=True)
class Variant:
    """What a peer (or this node) says it has for a recording. `length` is bytes of the identified region (`kind` region) or of the file.

    `streaminfo` is the 34-byte FLAC STREAMINFO in hex, or empty; `audio_md5` the MD5 inside it. `score` is 0-1 or None when unknown.
    """

    variant_id: str
    kind: Literal["file", "region"]
    length: int
    recording_mbid: str
    codec: str = ""
    codec_profile: str = ""
    duration_ms: int | None = None
    streaminfo: str = ""
    score: float | None = None

    @property
    def leaves(self) -> int:
        return -(-self.length // LEAF)

    @property
    def pages(self) -> int:
        return -(-self.leaves // PAGE_LEAVES)
