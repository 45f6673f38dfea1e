"""Names and texts that attack a terminal, a file system or a parser come through searches, browsing, folders, user info and messages as plain values."""

from __future__ import annotations

import asyncio
import struct
import zlib

from aioslsk.protocol import messages as m
from aioslsk.protocol.primitives import Attribute, DirectoryData, FileData
from raw_peer import Link, RawPeer
from soulseek_world import World, search

from slskdn_tui.engine.jobs.placing.placement import safe_name
from slskdn_tui.model.text import SafeText

NAMES = (
    "plain tune.flac",
    "\x1b]0;owned\x07\x1b[2J tune.flac",
    "\u202egnp.exe tune",
    "nul\0 tune.flac",
    "t" * 3900 + ".flac",
    "..\\..\\..\\tune.flac",
    "..",
    "CON",
    "tune\r\nINFO forged log line",
    "tune " + "\U0001f4a9" * 300,
    "\ufdd0 tune \uffff",
)


def files(names: tuple[str, ...] = NAMES) -> list[FileData]:
    return [FileData(1, f"@@hell\\Music\\{name}", 1000, "flac", [Attribute(0, 320), Attribute(77, 2**32 - 1)]) for name in names]


async def raw_user(world: World, name: str = "hell") -> RawPeer:
    peer = await RawPeer(name, "127.1.9.1").open(("127.1.0.1", world.server.port))
    await world.server.until(lambda: name in world.server.members)
    return peer


async def asked(peer: RawPeer, kind: type) -> tuple[Link, object]:
    """Who connected and asked this, as soon as somebody did."""
    while True:
        for link in peer.visitors:
            if found := link.got(kind):
                return link, found[0]
        await asyncio.sleep(0.01)


def no_harm(text: str) -> bool:
    return str(SafeText(text)).isprintable() or not any(ord(char) < 32 or char in "\u202e\x7f" for char in str(SafeText(text)))


def test_search_answers_with_names_from_hell_are_values_that_can_be_shown_and_placed(in_world) -> None:
    async def story(world: World) -> None:
        ours = await world.online("ours", 2)
        peer = await raw_user(world)
        searching = asyncio.ensure_future(search(ours, "tune"))
        await peer.at_server.until(lambda: peer.at_server.got(m.FileSearch.Response))
        query = peer.at_server.got(m.FileSearch.Response)[0]
        _, writer = await asyncio.open_connection("127.1.2.1", ours._settings.listen_port, local_addr=("127.1.9.1", 0))
        # one name is in no encoding there is: it costs that name its letter, not the others their answer
        odd = m.PeerSearchReply.Request("hell", query.ticket, files(("odd tune.flac", *NAMES)), True, 10**9, 2**32 - 1).serialize()
        body = zlib.decompress(odd[8:]).replace(b"odd tune", b"od\x81 tune")
        packed = zlib.compress(body)
        writer.write(m.PeerInit.Request("hell", "P", 0).serialize() + struct.pack("<II", len(packed) + 4, 9) + packed)
        replies = await searching
        found = {each.path: each for each in replies[0].files}
        assert len(replies) == 1 and "@@hell\\Music\\plain tune.flac" in found and any("od\ufffd" in path for path in found)
        for each in found.values():
            assert no_harm(each.label) and no_harm(each.path)
            name = safe_name(each.name)
            assert "/" not in name and "\\" not in name and name not in ("", ".", "..", "CON") and len(name.encode()) <= 255
            assert not any(ord(char) < 32 for char in name)
        writer.close()
        peer.close()

    in_world(story)


def test_shares_user_info_and_messages_from_hell_are_read_and_bounded(in_world) -> None:
    async def story(world: World) -> None:
        ours = await world.online("ours", 2, kept=True)
        peer = await raw_user(world)
        browse = asyncio.ensure_future(ours.people.browse("hell"))
        link, _ = await asked(peer, m.PeerSharesRequest.Request)
        listed = [DirectoryData(f"@@hell\\{name[:3000]}", files((name,))) for name in NAMES]
        link.send(m.PeerSharesReply.Request(listed, locked_directories=[]))
        got = await browse
        assert any(name == "@@hell\\Music\\plain tune.flac" for folder in got.folders for name, *_ in folder.files)
        assert all("\0" not in name for folder in got.folders for name, *_ in folder.files)

        info = asyncio.ensure_future(ours.people.user("hell"))
        link, _ = await asked(peer, m.PeerUserInfoRequest.Request)
        link.send(m.PeerUserInfoReply.Request("\x1b[2J" + "d" * 100_000, True, b"p" * 200_000, 2**32 - 1, 2**32 - 1, False))
        told = await info
        assert len(told.description) <= 4000 and no_harm(told.description)

        world.server.write("hell", "ours", "\x1b]0;owned\x07 hello \u202e" + "x" * 5000)
        while not ours.people.unread:
            await asyncio.sleep(0.01)
        text = next(text for _, event, text in world.events if event == "message.received")
        assert no_harm(text) and len(text) < 500 and "hello" in text
        assert not world.failures
        peer.close()

    in_world(story)


def test_files_of_impossible_sizes_are_not_offered(in_world) -> None:
    async def story(world: World) -> None:
        ours = await world.online("ours", 2)
        peer = await raw_user(world)
        searching = asyncio.ensure_future(search(ours, "tune"))
        await peer.at_server.until(lambda: peer.at_server.got(m.FileSearch.Response))
        ticket = peer.at_server.got(m.FileSearch.Response)[0].ticket
        _, writer = await asyncio.open_connection("127.1.2.1", ours._settings.listen_port, local_addr=("127.1.9.1", 0))
        bad = [FileData(1, f"@@hell\\tune {size}.flac", size, "flac", []) for size in (0, 1, 2**63)]
        writer.write(
            m.PeerInit.Request("hell", "P", 0).serialize() + m.PeerSearchReply.Request("hell", ticket, bad, True, 1, 1).serialize()
        )
        replies = await searching
        assert [each.name for reply in replies for each in reply.files] == ["tune 1.flac"]
        writer.close()
        peer.close()

    in_world(story)
