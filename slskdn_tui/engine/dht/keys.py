"""What is looked up: the channel's key and recordings' keys. Core. Vectors: docs/protocol/dht.md."""

from __future__ import annotations

import hashlib
import re

CHANNEL = b"slskdn-tui-mesh-v1"
RECORDING_PREFIX = b"slskdn-mb-v1:"
PUBLIC_ROUTERS = (
    ("dht.transmissionbt.com", 6881),
    ("dht.libtorrent.org", 25401),
    ("router.bittorrent.com", 6881),
    ("router.utorrent.com", 6881),
)
"""First nodes of the public DHT; used only where the user joins it (`dht.public`) and names none of his own (`dht.bootstrap`)."""
_MBID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def channel_key() -> bytes:
    """The 20-byte key under which every node of this program announces itself."""
    return hashlib.sha1(CHANNEL, usedforsecurity=False).digest()


def recording_key(mbid: str) -> bytes:
    """The 20-byte key of a MusicBrainz recording. Any letter case; ValueError unless `mbid` is a hyphenated UUID."""
    text = mbid.lower()
    if not _MBID.fullmatch(text):
        raise ValueError(f"not a MusicBrainz id: {mbid[:64]!r}")
    return hashlib.sha1(RECORDING_PREFIX + text.encode("ascii"), usedforsecurity=False).digest()
