"""The byte vectors of docs/protocol/soulseek.md are what goes on the wire."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aioslsk.client import CLIENT_VERSION
from aioslsk.protocol import messages as m
from aioslsk.protocol.primitives import calc_md5, uint32, uint64

from slskdn_tui.engine.soulseek.client import MINOR_VERSION

PAGE = Path(__file__).resolve().parents[3] / "docs" / "protocol" / "soulseek.md"
FILE = "@@abcde\\Music\\a.flac"
VECTORS = {
    "Login": m.Login.Request("alice", "secret", CLIENT_VERSION, calc_md5("alicesecret"), MINOR_VERSION),
    "SetListenPort": m.SetListenPort.Request(2234, 0, 0),
    "FileSearch": m.FileSearch.Request(7, "opening song"),
    "PeerInit": m.PeerInit.Request("alice", "P", 0),
    "QueueUpload": m.PeerTransferQueue.Request(FILE),
    "TransferRequest": m.PeerTransferRequest.Request(1, 7, FILE, filesize=1000),
    "TransferReply": m.PeerTransferReply.Request(7, True),
    "QueueFailed": m.PeerTransferQueueFailed.Request(FILE, "File not shared."),
    "PlaceInQueueRequest": m.PeerPlaceInQueueRequest.Request(FILE),
    "file connection: ticket": uint32(7),
    "file connection: offset": uint64(1_000_003),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_page_shows_what_is_sent(name: str) -> None:
    line = next(line for line in PAGE.read_text("utf-8").splitlines() if line.startswith(f"| {name}"))
    shown = re.findall(r"`([0-9a-f]{8,})`", line)[-1]
    assert VECTORS[name].serialize().hex() == shown
