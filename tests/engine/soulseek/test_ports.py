"""The listen port on real sockets: a port file, a router that speaks NAT-PMP or UPnP, and whether others reach us."""

from __future__ import annotations

import asyncio
import os
import struct
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from soulseek_world import Sink, World, blob, sha

from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.soulseek.connection import mapping, ports, upnp_http
from slskdn_tui.engine.soulseek.connection.mapping import MappingFailed, NatPmp, Upnp
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from tests.fakes.ports import free_port


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ports, "LOOK_EVERY_S", 0.05)
    # a busy machine may need long to visit itself, and to answer what need not be asked again
    monkeypatch.setattr(ports, "SELF_TEST_S", 60.0)
    monkeypatch.setattr(mapping.nat_pmp, "FIRST_WAIT_S", 60.0)


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def advertised(world: World, name: str) -> list[int]:
    return [each.message.port for each in world.server.log if each.name == "SetListenPort" and each.username == name]


def write(path: Path, text: str) -> None:
    """As a container does: a new file in the place of the old one."""
    path.with_suffix(".new").write_text(text)
    os.replace(path.with_suffix(".new"), path)


# -- the port file


def test_a_changed_port_file_moves_the_port_while_an_upload_runs(in_world, tmp_path) -> None:
    data = blob(3_000_000)

    async def story(world: World) -> None:
        first, second = free_port("127.1.2.1"), free_port("127.1.2.1")
        file = tmp_path / "forwarded_port"
        write(file, f"{first}\n")
        up = await world.online("alice", 2, world.share("up", {"Band/tune.flac": data}), port_file=str(file))
        down = await world.online("bob", 3)
        assert advertised(world, "alice") == [first]
        found = await world.find(down, "band tune")
        up.set_limits(0, 4000)  # kilobits: the upload takes long enough to have the port moved under it
        sink = Sink()
        fetching = asyncio.ensure_future(down.origin(found).fetch(sink))
        await sink.until(lambda: len(sink.data) > 100_000)
        up.set_limits(0, 80)  # the rest would last minutes
        write(file, f"{second}\n")
        await world.server.until(lambda: advertised(world, "alice") == [first, second])
        assert len(sink.data) < len(data)
        assert f"port {second}" in up.state_words
        assert any(name == "soulseek.port" and str(second) in text and str(first) in text for _, name, text in world.events)
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.1.2.1", first)
        up.set_limits(0, 0)
        await fetching
        assert sha(bytes(sink.data)) == sha(data) and sink.starts == 1
        third = await world.online("carol", 4)
        assert (await third.people.browse("alice")).files == 1  # by the new port
        assert world.server.count("Login", "alice") == 1

    in_world(story)


@pytest.mark.parametrize(
    ("text", "said"), [("", "is empty"), ("hello", "'hello'"), ("70000", "'70000'"), (None, "cannot be read"), ("\x1b[2J1", "no port")]
)
def test_a_bad_port_file_is_said_and_the_old_port_stays(in_world, tmp_path, text, said) -> None:
    async def story(world: World) -> None:
        port = free_port("127.1.2.1")
        file = tmp_path / "forwarded_port"
        write(file, str(port))
        plane = await world.online("alice", 2, port_file=str(file))
        file.unlink() if text is None else write(file, text)
        await until(lambda: said in plane.state_words)
        assert f"port {port} stays" in plane.state_words and plane.state == "online" and "\x1b" not in plane.state_words
        assert plane.ports.waits
        assert advertised(world, "alice") == [port]
        assert sum(name == "soulseek.port" for _, name, _ in world.events) == 1
        write(file, f"{port}\n")
        await until(lambda: "stays" not in plane.state_words)
        assert not plane.ports.waits

    in_world(story)


def test_without_a_port_in_the_file_the_settings_port_is_used_until_there_is_one(in_world, tmp_path) -> None:
    async def story(world: World) -> None:
        file, port, later = tmp_path / "forwarded_port", free_port("127.1.2.1"), free_port("127.1.2.1")
        plane = await world.online("alice", 2, port_file=str(file), listen_port=port)
        assert advertised(world, "alice") == [port] and "cannot be read" in plane.state_words
        write(file, str(later))
        await world.server.until(lambda: advertised(world, "alice") == [port, later])

    in_world(story)


def test_a_port_in_the_file_that_is_taken_leaves_the_old_one_and_is_tried_again(in_world, tmp_path) -> None:
    async def story(world: World) -> None:
        holder = await asyncio.start_server(lambda reader, writer: None, "127.1.2.1", 0)
        taken, port = holder.sockets[0].getsockname()[1], free_port("127.1.2.1")
        file = tmp_path / "forwarded_port"
        write(file, str(port))
        plane = await world.online("alice", 2, port_file=str(file))
        write(file, str(taken))
        await until(lambda: f"port {taken}" in plane.state_words and "already in use" in plane.state_words)
        assert advertised(world, "alice") == [port]
        holder.close()
        await world.server.until(lambda: advertised(world, "alice") == [port, taken])

    in_world(story)


def test_a_listen_port_that_cannot_be_had_at_the_start_is_left_for_the_files(in_world, tmp_path) -> None:
    async def story(world: World) -> None:
        holder = await asyncio.start_server(lambda reader, writer: None, "127.1.2.1", 0)
        file, later = tmp_path / "forwarded_port", free_port("127.1.2.1")
        write(file, str(holder.sockets[0].getsockname()[1]))
        plane = await world.plane("alice", 2, port_file=str(file), reconnect_s=600.0)
        await until(lambda: plane.state == "offline")
        write(file, str(later))
        await plane.wait_online()
        assert advertised(world, "alice") == [later]
        holder.close()

    in_world(story)


# -- NAT-PMP


async def close_at_the_end(transport: asyncio.BaseTransport) -> None:
    """Until the loop ends, which cancels what still runs."""
    try:
        await asyncio.Event().wait()
    finally:
        transport.close()


class Router(asyncio.DatagramProtocol):
    """A gateway that forwards one port higher than asked; notes every request as (internal, external, lifetime)."""

    def __init__(self, lifetime: int = 7200, result: int = 0, deaf: int = 0, unheard: Callable[[], None] = lambda: None) -> None:
        self.lifetime, self.result, self.deaf, self.unheard = lifetime, result, deaf, unheard
        self.asked: list[tuple[int, int, int]] = []
        self.changed = asyncio.Event()

    async def open(self, host: str = "127.1.9.1") -> tuple[str, int]:
        self.transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        self._closing = asyncio.ensure_future(close_at_the_end(self.transport))
        return self.transport.get_extra_info("sockname")[:2]

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: Any) -> None:
        version, code, _, internal, external, lifetime = struct.unpack("!BBHHHI", data)
        assert (version, code) == (0, 2)
        if self.deaf:
            self.deaf -= 1
            return self.unheard()
        self.asked.append((internal, external, lifetime))
        granted = (internal + 1 if lifetime else 0, self.lifetime if lifetime else 0)
        self.transport.sendto(struct.pack("!BBHI", 0, 128 + 1, 0, 9), address)  # noise: an answer to something else
        self.transport.sendto(struct.pack("!BBHIHHI", 0, 128 + code, self.result, 9, internal, *granted), address)


class Stepped:
    """Real time, but a long sleep ends when the test says so."""

    def __init__(self) -> None:
        self._real = SystemClock()
        self.sleeping: dict[float, asyncio.Event] = {}

    def now(self) -> float:
        return self._real.now()

    def wall(self) -> Any:
        return self._real.wall()

    async def sleep(self, seconds: float) -> None:
        if seconds < 100:
            await self._real.sleep(seconds)
            return
        self.sleeping[seconds] = asyncio.Event()
        await self.sleeping[seconds].wait()


def test_nat_pmp_is_asked_renewed_at_half_told_to_the_server_and_taken_back(in_world, monkeypatch) -> None:
    patient = mapping.nat_pmp.FIRST_WAIT_S
    monkeypatch.setattr(mapping.nat_pmp, "FIRST_WAIT_S", 0.25)  # of the one request that is not heard

    async def story(world: World) -> None:
        router = Router(lifetime=1000, deaf=1, unheard=lambda: monkeypatch.setattr(mapping.nat_pmp, "FIRST_WAIT_S", patient))
        clock = Stepped()
        checked: Clock = clock
        gateway = await router.open()
        plane = await world.online("alice", 2, nat_pmp=True, gateway=gateway, clock=checked)
        port = plane.ports.port
        await world.server.until(lambda: advertised(world, "alice")[-1:] == [port + 1])
        assert f"NAT-PMP: the router forwards port {port + 1} to our port {port}" in plane.state_words
        assert router.asked == [(port, port, 7200)]
        await until(lambda: 500.0 in clock.sleeping)
        clock.sleeping.pop(500.0).set()
        await until(lambda: len(router.asked) == 2)
        assert router.asked[1] == (port, port + 1, 7200), "the port it gave is asked for again"
        await plane.stop()
        assert router.asked[2:] == [(port, 0, 0)]

    in_world(story)


def test_nat_pmp_follows_a_moved_port(in_world, tmp_path) -> None:
    async def story(world: World) -> None:
        router = Router()
        file, first, second = tmp_path / "port", free_port("127.1.2.1"), free_port("127.1.2.1")
        write(file, str(first))
        await world.online("alice", 2, nat_pmp=True, gateway=await router.open(), port_file=str(file))
        await world.server.until(lambda: advertised(world, "alice")[-1:] == [first + 1])
        write(file, str(second))
        await world.server.until(lambda: advertised(world, "alice")[-1:] == [second + 1])
        assert [each[0] for each in router.asked] == [first, first, second] and router.asked[1] == (first, 0, 0)

    in_world(story)


def test_a_router_that_refuses_or_does_not_speak_it_is_said_and_the_session_goes_on(in_world) -> None:
    async def story(world: World) -> None:
        refusing = Router(result=2)
        plane = await world.online("alice", 2, nat_pmp=True, gateway=await refusing.open())
        await until(lambda: "its owner does not permit it" in plane.state_words)
        other = await world.online("bob", 3, nat_pmp=True, gateway=("127.1.9.2", free_port("127.1.9.2")))
        await until(lambda: "does not speak it" in other.state_words)
        assert plane.state == other.state == "online" and "by hand" in other.state_words

    in_world(story)


def test_nobody_asks_a_router_unasked(in_world) -> None:
    async def story(world: World) -> None:
        router = Router()
        plane = await world.online("alice", 2, gateway=await router.open())
        await world.online("bob", 3)
        assert "UPnP" not in plane.state_words and "NAT-PMP" not in plane.state_words, "what is asked is said"
        await plane.stop()
        assert router.asked == []

    in_world(story)


def test_a_silent_router_is_given_up_in_the_end(monkeypatch) -> None:
    monkeypatch.setattr(mapping.nat_pmp, "FIRST_WAIT_S", 0.003)

    async def story() -> int:
        router = Router(deaf=100)
        gateway = await router.open()
        with pytest.raises(MappingFailed, match="did not answer"):
            await NatPmp("127.1.9.3", gateway).grant(2234)
        return 100 - router.deaf

    assert asyncio.run(story()) == mapping.nat_pmp.TRIES


# -- UPnP

DEVICE = """<?xml version="1.0"?><root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>0</minor></specVersion><device>
<deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>Lab</friendlyName><manufacturer>Lab</manufacturer>
<modelName>Lab</modelName><UDN>uuid:1</UDN><serviceList><service><serviceType>urn:schemas-upnp-org:service:WANPPPConnection:1</serviceType>
<serviceId>urn:upnp-org:serviceId:WANPPPConn1</serviceId><SCPDURL>/scpd.xml</SCPDURL><controlURL>/control</controlURL><eventSubURL>/event</eventSubURL>
</service></serviceList></device></root>"""
ARGUMENTS = {
    "AddPortMapping": "RemoteHost:string ExternalPort:ui2 Protocol:string InternalPort:ui2 InternalClient:string Enabled:boolean "
    "PortMappingDescription:string LeaseDuration:ui4",
    "DeletePortMapping": "RemoteHost:string ExternalPort:ui2 Protocol:string",
}


def scpd() -> str:
    kinds = dict(each.split(":") for words in ARGUMENTS.values() for each in words.split())
    actions = "".join(
        f"<action><name>{name}</name><argumentList>"
        + "".join(
            f"<argument><name>New{each.split(':')[0]}</name><direction>in</direction>"
            f"<relatedStateVariable>{each.split(':')[0]}</relatedStateVariable></argument>"
            for each in words.split()
        )
        + "</argumentList></action>"
        for name, words in ARGUMENTS.items()
    )
    variables = "".join(
        f'<stateVariable sendEvents="no"><name>{name}</name><dataType>{kind}</dataType></stateVariable>' for name, kind in kinds.items()
    )
    return (
        '<?xml version="1.0"?><scpd xmlns="urn:schemas-upnp-org:service-1-0"><specVersion><major>1</major><minor>0</minor></specVersion>'
        f"<actionList>{actions}</actionList><serviceStateTable>{variables}</serviceStateTable></scpd>"
    )


class Igd(asyncio.DatagramProtocol):
    """An internet gateway device: answers the search, describes itself, and notes what it is told to do."""

    def __init__(self, elsewhere: str = "", description: bytes = b"", control: str = "/control") -> None:
        self.elsewhere = elsewhere
        self.description = description
        self.control = control
        self.told: list[str] = []
        self.visits = 0

    async def open(self, host: str = "127.1.9.4") -> tuple[str, int]:
        self._web = await asyncio.start_server(self._serve, self.elsewhere or host, 0)
        self._place = "http://{}:{}/root.xml".format(*self._web.sockets[0].getsockname()[:2])
        self._ssdp, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(host, 0))
        return self._ssdp.get_extra_info("sockname")[:2]

    def close(self) -> None:
        self._web.close()
        self._ssdp.close()

    def datagram_received(self, data: bytes, address: Any) -> None:
        if data.startswith(b"M-SEARCH"):
            kind = "urn:schemas-upnp-org:device:InternetGatewayDevice:1"
            head = f"HTTP/1.1 200 OK\r\nST: {kind}\r\nUSN: uuid:1::{kind}\r\nLOCATION: {self._place}\r\nCACHE-CONTROL: max-age=60\r\n\r\n"
            self._ssdp.sendto(head.encode(), address)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.visits += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        lengths = [line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length:")]
        body = (await reader.readexactly(int(lengths[0]))).decode() if lengths else ""
        if "/root.xml" in head:
            answer = DEVICE.replace("<controlURL>/control<", f"<controlURL>{self.control}<")
        elif "/scpd.xml" in head:
            answer = scpd()
        else:
            self.told.append(body)
            name = next(each for each in ARGUMENTS if f":{each}" in body or f"#{each}" in head)
            answer = (
                '<?xml version="1.0"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
                's:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>'
                f'<u:{name}Response xmlns:u="urn:schemas-upnp-org:service:WANPPPConnection:1"/></s:Body></s:Envelope>'
            )
        data = answer.encode()
        if self.description:
            writer.write(self.description)
            return writer.close()
        writer.write(
            f"HTTP/1.1 200 OK\r\nContent-Type: text/xml\r\nContent-Length: {len(data)}\r\nConnection: close\r\n\r\n".encode() + data
        )
        await writer.drain()
        writer.close()


@pytest.fixture
def until_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A search is made again, each time for longer, until an answer was heard."""
    search = mapping.search

    async def patient(heard: Callable[[Any], Awaitable[None]], *, timeout: float, **where: Any) -> None:
        answers: list[Any] = []

        async def counted(headers: Any) -> None:
            await heard(headers)
            answers.append(headers)

        while not answers:
            await search(counted, timeout=timeout, **where)
            timeout *= 2

    monkeypatch.setattr(mapping, "search", patient)
    monkeypatch.setattr(mapping, "UPNP_SEARCH_S", 0.1)


def test_upnp_has_the_router_forward_the_port_and_takes_it_back(until_answered) -> None:
    async def story() -> list[str]:
        router = Igd()
        upnp = Upnp("127.1.9.5", await router.open())
        granted = await upnp.grant(2234)
        assert granted.external == 2234 and granted.renew_in == mapping.UPNP_LEASE_S / 2
        await upnp.release(2234)
        router.close()
        return router.told

    async def main() -> list[str]:
        async with asyncio.timeout(240):
            return await story()

    added, removed = asyncio.run(main())
    assert "<NewExternalPort>2234</NewExternalPort>" in added and "<NewInternalClient>127.1.9.5</NewInternalClient>" in added
    assert "DeletePortMapping" in removed and "2234" in removed


def test_a_device_that_points_at_somebody_else_is_not_followed(until_answered) -> None:
    async def main() -> int:
        async with asyncio.timeout(240):
            router = Igd(elsewhere="127.1.9.6")
            with pytest.raises(MappingFailed, match="no router answered"):
                await Upnp("127.1.9.5", await router.open()).grant(2234)
            router.close()
            return router.visits

    assert asyncio.run(main()) == 0


@pytest.mark.parametrize("how", ["control", "redirect"])
def test_a_router_cannot_have_us_ask_somebody_else(until_answered, how: str) -> None:
    async def main() -> int:
        async with asyncio.timeout(240):
            other = Igd()
            await other.open("127.1.9.7")
            place = other._place.rpartition("/")[0]
            redirect = f"HTTP/1.1 302 Found\r\nLocation: {place}/root.xml\r\nContent-Length: 0\r\n\r\n".encode()
            router = Igd(control=f"{place}/control") if how == "control" else Igd(description=redirect)
            with pytest.raises(MappingFailed, match="no router answered"):
                await Upnp("127.1.9.5", await router.open()).grant(2234)
            assert router.visits
            router.close()
            other.close()
            return other.visits

    assert asyncio.run(main()) == 0


def test_a_routers_answer_without_end_is_not_read_to_its_end(until_answered, monkeypatch) -> None:
    monkeypatch.setattr(upnp_http, "LONGEST", 64 * 1024)

    async def main() -> None:
        async with asyncio.timeout(240):
            padded = DEVICE.replace("</root>", "<!--" + "x" * 100_000 + "--></root>").encode()
            router = Igd(description=f"HTTP/1.1 200 OK\r\nContent-Length: {len(padded)}\r\n\r\n".encode() + padded)
            with pytest.raises(MappingFailed, match="no router answered"):
                await Upnp("127.1.9.5", await router.open()).grant(2234)
            router.close()

    asyncio.run(main())


# -- the test


def test_the_port_test_tells_reachable_from_not_proven_from_not_listening(in_world) -> None:
    async def story(world: World) -> None:
        plane: SoulseekPlane = await world.online("alice", 2)
        report = await plane.ports.test()
        assert report.reach == "not proven" and report.address == "127.1.2.1" and report.public == report.port
        assert "this machine's own address" in report.words and report.incoming == 0, "our own visit is no proof"
        bob = await world.online("bob", 3)
        await bob.people.browse("alice")
        report = await plane.ports.test()
        assert report.reach == "reachable" and report.incoming == 1
        await plane._client.network.disconnect_listening_ports()
        assert (await plane.ports.test()).reach == "not listening"

    in_world(story)


def test_a_port_the_world_cannot_reach_is_not_proven_and_says_what_to_do(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.online("alice", 2)
        world.server.members["alice"].port = free_port("127.1.2.1")  # as if the router forwarded it nowhere
        report = await plane.ports.test()
        assert (
            report.reach == "not proven"
            and "nobody has connected" in report.words
            and "do not let a connection from inside" in report.words
        )
        assert str(report.port) in report.hint and "soulseek.port_file" in report.hint
        world.server.drop("alice")
        await until(lambda: plane.state == "offline")
        report = await plane.ports.test()
        assert report.reach == "not proven" and "not logged in" in report.words

    in_world(story)


def test_a_plane_that_is_off_has_no_port_to_test(in_world) -> None:
    async def story(world: World) -> None:
        plane = await world.plane("alice", 2, enabled=False)
        report = await plane.ports.test()
        assert report.reach == "not listening" and "switched off" in report.words

    in_world(story)
