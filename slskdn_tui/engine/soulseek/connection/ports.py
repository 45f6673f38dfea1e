"""Shell: the listen port: where its number comes from, moving it while transfers run, what the router does for it, and whether others reach it."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from aioslsk.exceptions import ConnectionFailedError, NetworkError, PeerConnectionError
from aioslsk.protocol.messages import PeerInit

from slskdn_tui.config.settings import Soulseek
from slskdn_tui.engine.runtime.clock import Clock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.client import Client
from slskdn_tui.engine.soulseek.connection import supervise
from slskdn_tui.engine.soulseek.connection.mapping import Keeper, Mapper, NatPmp, Upnp
from slskdn_tui.engine.soulseek.connection.port_file import LONGEST, Look, PortFile, read_port
from slskdn_tui.engine.soulseek.connection.session import Session

LOOK_EVERY_S = 3.0
SELF_TEST_S = 5.0
Reach = Literal["reachable", "not proven", "not listening"]
OnEvent = Callable[[str, str, dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class PortReport:
    """Whether others can connect: `port` ours, `public` what the server tells others (0 unknown), `incoming` peers that came since the port was opened."""

    reach: Reach
    words: str
    hint: str
    port: int
    public: int = 0
    address: str = ""
    incoming: int = 0
    mapping: str = ""


def look_at(path: Path) -> Look:
    try:
        facts = os.stat(path)
        with open(path, "rb") as file:
            content = file.read(LONGEST)
    except OSError as error:
        return Look(error=(error.strerror or str(error)).lower())
    return Look((facts.st_mtime_ns, facts.st_size, facts.st_ino), content)


class Ports:
    """`first()` gives the port to start with; then `start` with the client; `words` is for the status line."""

    def __init__(
        self, settings: Soulseek, clock: Clock, supervisor: Supervisor, on_event: OnEvent, gateway: tuple[str, int] | None = None
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._supervisor = supervisor
        self._on_event = on_event
        self._gateway = gateway
        self._file = PortFile()
        self._path = Path(settings.port_file).expanduser() if settings.port_file else None
        self._source = f"the port file {self._path}"
        self._warning = ""
        self._client: Client | None = None
        self._session: Session | None = None
        self._keepers: list[Keeper] = []
        self._tasks: list[asyncio.Task[Any]] = []

    # -- the number

    async def first(self) -> int:
        """The port in the file, or the settings' one with a warning when there is none in it yet."""
        if self._path is None:
            return self._settings.listen_port
        try:
            return read_port(await asyncio.to_thread(look_at, self._path))
        except ValueError as error:
            self._warn(supervise.port_kept(self._source, str(error), self._settings.listen_port))
            return self._settings.listen_port

    async def start(self, client: Client, session: Session) -> None:
        self._client, self._session = client, session
        local = client.network.local_address
        mappers: list[Mapper] = []
        if self._settings.nat_pmp:
            mappers.append(NatPmp(local, self._gateway))
        if self._settings.upnp:
            mappers.append(Upnp(local))
        self._keepers = [Keeper(each, self._clock, lambda: client.network.listen_port, self._mapped) for each in mappers]
        self._tasks = [self._supervisor.keep(f"port mapping by {each.name}", each.run) for each in self._keepers]
        if self._path is not None:
            self._tasks.append(self._supervisor.keep("port file", self._watch))

    async def stop(self) -> None:
        """What the router granted is given back."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []

    async def _watch(self) -> None:
        assert self._path is not None
        wanted = 0
        while True:
            found = self._file.look(await asyncio.to_thread(look_at, self._path))
            if isinstance(found, str):
                wanted = 0
                self._warn(supervise.port_kept(self._source, found, self.port))
            elif found is not None:
                wanted = found
            if wanted:
                wanted = 0 if await self._move(wanted) else wanted
            await self._clock.sleep(LOOK_EVERY_S)

    async def _move(self, port: int) -> bool:
        """Listen there from now on; False when it cannot be had."""
        assert self._client is not None and self._session is not None
        network, old = self._client.network, self.port
        if port == old:
            self._warning = ""
            return True
        try:
            await network.move_port(port)
        except ConnectionFailedError as error:
            reason = supervise.reason_of(error.__cause__ or error)
            self._warn(supervise.port_taken(self._source, port, reason, old))
            return False
        self._warning = ""
        self._tell(supervise.switched_port(port, self._source, old), port)
        for keeper in self._keepers:
            keeper.port_moved()
        await self._advertise()
        self._session.wake()
        return True

    async def _mapped(self) -> None:
        """A router forwards another port than ours: that one is for the server. What it granted is lost: ours again."""
        assert self._client is not None
        network = self._client.network
        external = next((each.external for each in self._keepers if each.external), 0)
        public = external if external != network.listen_port else 0
        if public != network.public_port:
            network.public_port = public
            await self._advertise()

    async def _advertise(self) -> None:
        assert self._client is not None
        if self._client.session is not None:
            with suppress(NetworkError):
                await self._client.network.advertise_listening_ports()

    @property
    def port(self) -> int:
        return self._client.network.listen_port if self._client is not None else self._settings.listen_port

    @property
    def words(self) -> str:
        """The port with what is worth knowing about it; what went wrong with it, first."""
        about = [f"listening on port {self.port}"] if self._listening else []
        return "; ".join(each for each in (self._warning, *about, *(keeper.words for keeper in self._keepers)) if each)

    @property
    def waits(self) -> bool:
        """Whether something about the port is not as the settings want it: the file holds none, it is taken, the router does not forward it."""
        return bool(self._warning) or any(not each.external for each in self._keepers)

    @property
    def _listening(self) -> bool:
        return self._client is not None and any(self._client.network.get_listening_ports())

    def _warn(self, words: str) -> None:
        if words != self._warning:
            self._warning = words
            self._on_event("soulseek.port", words, {"port": self.port, "warning": True})

    def _tell(self, words: str, port: int) -> None:
        self._on_event("soulseek.port", words, {"port": port})

    # -- the test

    async def test(self) -> PortReport:
        """Whether others can reach us, as far as that can be known without asking a stranger's service."""
        session, client = self._session, self._client
        mapping = "; ".join(keeper.words for keeper in self._keepers)
        if client is None or session is None or not self._listening:
            words = session.status.words if session is not None else "Soulseek is switched off"
            return PortReport("not listening", f"nothing listens on port {self.port}: {words}", "see `slskdn status`", self.port)
        network, port = client.network, self.port
        if network.incoming:
            words = f"{network.incoming} connections of other users came in on port {port} since it was opened"
            return PortReport("reachable", words, "", port, incoming=network.incoming, mapping=mapping)
        hint = f"forward TCP port {port} to this machine in the router or VPN; soulseek.nat_pmp, soulseek.upnp and soulseek.port_file can do so"
        if client.session is None:
            words = f"listening on port {port}, but not logged in, so nobody knows where to connect: {session.status.words}"
            return PortReport("not proven", words, "log in first: `slskdn soulseek reconnect`", port, mapping=mapping)
        try:
            address, public, _ = await network._get_peer_address(client.settings.credentials.username)
        except PeerConnectionError as error:
            return PortReport("not proven", f"the server did not say where it sees us ({error})", "try again", port, mapping=mapping)
        where = f"{address}:{public}"
        if not await self._reach_self(address, public):
            words = (
                f"nobody has connected on port {port} yet, and we did not reach ourselves at {where}, where the server sends others; "
                "many routers do not let a connection from inside come back, so that alone proves nothing"
            )
            return PortReport("not proven", words, hint, port, public, address, mapping=mapping)
        if await asyncio.to_thread(_is_own, address):
            words = f"port {port} answers at {where}, which is this machine's own address; whether a firewall keeps others out shows when one connects"
            return PortReport("not proven", words, "look again in a while", port, public, address, mapping=mapping)
        return PortReport(
            "reachable", f"we reached ourselves at {where} from outside the router", "", port, public, address, mapping=mapping
        )

    async def _reach_self(self, address: str, port: int) -> bool:
        """Connect to where the server sends others, and see ourselves come in."""
        assert self._client is not None
        network = self._client.network
        network.met_self.clear()
        local = (network.local_address, 0) if network.local_address else None
        hello = PeerInit.Request(self._client.settings.credentials.username, "P", 0).serialize()
        try:
            async with asyncio.timeout(SELF_TEST_S):
                _, writer = await asyncio.open_connection(address, port, local_addr=local)
                try:
                    writer.write(hello)
                    await writer.drain()
                    await network.met_self.wait()
                finally:
                    writer.close()
        except (OSError, TimeoutError, ValueError, OverflowError):
            return False
        return True


def _is_own(address: str) -> bool:
    """Whether an address is one of this machine's: it can be bound."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True
