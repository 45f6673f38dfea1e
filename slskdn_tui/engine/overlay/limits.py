"""What a peer may ask of this node: the overlay's limits with their defaults (docs/protocol/overlay.md, "Limits"). Core."""

from __future__ import annotations

from dataclasses import dataclass

MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class MeshLimits:
    """Seconds, bytes and counts. A lab or bench on one address raises the per-address ones."""

    connections: int = 64
    reserved: int = 16
    """of these, places kept for peers known to be good and for those this node dials"""
    handshaking: int = 8
    per_address: int = 4
    """accepted connections of one IPv4 address or IPv6 /64"""
    accepts_s_address: float = 2.0
    accepts_burst_address: float = 8.0
    accepts_s: float = 20.0
    requests: int = 64
    bytes_asked: int = 16 * MIB
    read_ahead: int = 2 * MIB
    """most bytes that wait for a peer in this process; fewer with more connections, so that all stay within `send_buffers`"""
    send_buffers: int = 32 * MIB
    control_s: float = 200.0
    connect_s: float = 10.0
    handshake_s: float = 5.0
    hello_s: float = 5.0
    body_s: float = 15.0
    floor_bytes_s: float = 1024.0
    floor_s: float = 20.0
    write_s: float = 60.0
    """a peer that takes none of what waits for it for so long is dropped"""
    ping_s: float = 60.0
    drop_s: float = 180.0
    answer_s: float = 20.0
    """how long this node waits for an offer or a digest page"""
    slot_idle_s: float = 5.0
    """an upload slot without requests is given up after so long"""
    offer_s: float = 600.0
    done_s: float = 300.0
