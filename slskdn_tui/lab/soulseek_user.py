"""Shell: a sharing Soulseek user for the lab: plain aioslsk in a process of its own, on its own address, with counters of its own.

`python -m slskdn_tui.lab.soulseek_user --server H:P --user NAME --password P --listen ADDR:PORT --share DIR [--stall-after BYTES] [--rate BYTES_S]
[--stats FILE]`. With `--stall-after` it sends that many bytes of any upload and then nothing more, without closing. The stats file says
`ready` once it is logged in with its shares scanned, and then the bytes sent, by remote path.
"""

from __future__ import annotations

import argparse
import asyncio
import functools
import logging
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any

from aioslsk.client import SoulSeekClient
from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError
from aioslsk.network.connection import ListeningConnection, PeerConnection, PeerConnectionState
from aioslsk.network.network import Network, PeerConnectMode
from aioslsk.settings import Settings
from aioslsk.transfer.manager import TransferManager
from aioslsk.transfer.model import Transfer

from slskdn_tui.lab.soulseek_server import write_json

log = logging.getLogger(__name__)

PIECE = 16 * 1024
STATS_EVERY_S = 0.25
STALL_S = 24 * 3600.0


class Counters:
    """Bytes really sent, by remote path, and how often each upload stalled."""

    def __init__(self, path: Path | None, username: str) -> None:
        self._path = path
        self._username = username
        self._dirty = True
        self.ready = False
        self.sent: dict[str, int] = {}
        self.stalled: dict[str, int] = {}
        self.uploads: dict[str, int] = {}

    def add(self, counted: dict[str, int], key: str, number: int) -> None:
        counted[key] = counted.get(key, 0) + number
        self._dirty = True

    def set_ready(self) -> None:
        self.ready = self._dirty = True

    def save(self) -> None:
        if self._dirty and self._path is not None:
            report = {"user": self._username, "ready": self.ready, "sent": self.sent, "stalled": self.stalled, "uploads": self.uploads}
            write_json(self._path, report | {"total": sum(self.sent.values())})
            self._dirty = False


class LabTransfers(TransferManager):
    """Uploads that count, keep to a rate and can stall."""

    counters: Counters
    stall_after: int | None = None
    stall_file = ""
    rate: int | None = None

    async def _upload_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        connection.set_connection_state(PeerConnectionState.TRANSFERRING)
        await transfer.state.start_transferring()
        name = transfer.remote_path
        self.counters.add(self.counters.uploads, name, 1)
        stalls = self.stall_after is not None and self.stall_file in name.replace("\\", "/").rsplit("/", 1)[-1]
        left = self.stall_after if stalls else None
        try:
            with open(transfer.local_path or "", "rb") as handle:
                handle.seek(transfer.bytes_transfered)
                while left is None or left > 0:
                    data = handle.read(min(PIECE, left) if left is not None else PIECE)
                    if not data:
                        break
                    await connection.send_data(data)
                    transfer._transfer_progress_callback(data)
                    self.counters.add(self.counters.sent, name, len(data))
                    left = left - len(data) if left is not None else None
                    if self.rate:
                        await asyncio.sleep(len(data) / self.rate)
            if left == 0 and not transfer.is_transfered():
                self.counters.add(self.counters.stalled, name, 1)
                connection.transfer_read_timeout = STALL_S
            while await connection.receive_data(1024):
                log.debug("a downloader talks on a file connection")
        except (ConnectionReadError, ConnectionWriteError):
            log.debug("a downloader cut the connection")
        except OSError as error:
            log.error("cannot read a shared file: %s", error)
        if transfer.is_transfered():
            await transfer.state.complete()
        else:
            await transfer.state.fail()


class LabNetwork(Network):
    """Listens on the user's own address only."""

    address = "127.0.0.1"

    def create_listening_connections(self) -> tuple[ListeningConnection | None, ListeningConnection | None]:
        return ListeningConnection(self.address, self._settings.network.listening.port, self), None


class LabUser(SoulSeekClient):
    def __init__(self, settings: Settings, address: str) -> None:
        self._address = address
        super().__init__(settings)

    def create_network(self) -> Network:
        bound = type("BoundLabNetwork", (LabNetwork,), {"address": self._address})
        return bound(self.settings, self.events)

    def create_transfer_manager(self, cache: Any) -> TransferManager:
        return LabTransfers(self.settings, self.events, self.users, self.shares, self.network, cache=cache)


class PlainSettings(Settings):
    """From arguments only: aioslsk would read environment variables such as DEBUG."""

    @classmethod
    def settings_customise_sources(cls, settings_cls: Any, init_settings: Any, *others: Any, **more: Any) -> tuple[Any, ...]:
        return (init_settings,)


def settings_for(server: str, user: str, password: str, port: int, share: Path) -> Settings:
    host, _, server_port = server.rpartition(":")
    return PlainSettings(
        credentials={"username": user, "password": password},
        network={
            "server": {"hostname": host, "port": int(server_port)},
            "listening": {"port": port, "obfuscated_port": 0},
            "peer": {"connect_mode": PeerConnectMode.FALLBACK},
            "upnp": {"enabled": False},
        },
        searches={"send": {"store_results": False}},
        shares={"scan_on_start": False, "directories": [{"path": str(share)}]},
        rooms={"auto_join": False, "private_room_invites": False},
        transfers={"limits": {"upload_slots": 10}},
    )


async def run(args: argparse.Namespace) -> None:
    """Log in, share, and serve until SIGTERM or SIGINT. Raises aioslsk's errors when the server cannot be reached or refuses."""
    address, _, port = args.listen.rpartition(":")
    # the whole process belongs to one user: every connection it makes comes from that user's address
    asyncio.open_connection = functools.partial(asyncio.open_connection, local_addr=(address, 0))
    done = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, done.set)
    client = LabUser(settings_for(args.server, args.user, args.password, int(port), args.share), address)
    transfers = client.transfers
    assert isinstance(transfers, LabTransfers)
    counters = transfers.counters = Counters(args.stats, args.user)
    transfers.stall_after, transfers.stall_file, transfers.rate = args.stall_after, args.stall_file, args.rate
    await client.start()
    try:
        await client.login()
        await client.shares.scan()
        counters.set_ready()
        while not done.is_set():
            counters.save()
            with suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), STATS_EVERY_S)
    finally:
        counters.save()
        await client.stop()


def main(argv: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m slskdn_tui.lab.soulseek_user", description="a sharing Soulseek user for the lab")
    parser.add_argument("--server", required=True, metavar="HOST:PORT")
    parser.add_argument("--user", required=True)
    parser.add_argument("--password", required=True)
    parser.add_argument(
        "--listen", required=True, metavar="ADDRESS:PORT", help="where peers connect; also the address of outgoing connections"
    )
    parser.add_argument("--share", required=True, type=Path, metavar="DIR")
    parser.add_argument("--stall-after", type=int, metavar="BYTES", help="send so many bytes of an upload, then nothing more")
    parser.add_argument("--stall-file", default="", metavar="TEXT", help="stall only in files whose name holds this")
    parser.add_argument("--rate", type=int, metavar="BYTES_S", help="upload at this speed")
    parser.add_argument("--stats", type=Path, metavar="FILE", help="JSON kept current: bytes sent by remote path")
    args = parser.parse_args(argv)
    logging.basicConfig(level=logging.ERROR)
    for name in ("aioslsk.network", "aioslsk.transfer.manager"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    asyncio.run(run(args))


if __name__ == "__main__":
    main()
