"""DHT queries answered per CPU-second, beside a bare asyncio-dgram echo in the same run.

    python tests/bench/dht_queries.py [--queries 20000] [--rounds 5]

Each server is a process of its own on 127.1.x.1 and counts its own CPU time; one client keeps 64 get_peers queries for 997 keys open towards each in turn.
The rounds alternate; the figure is the median of the ratios (node / echo). Prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import multiprocessing as mp
import random
import resource
import socket
import statistics
import time
from multiprocessing.connection import Connection

import asyncio_dgram

from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.dht.wire.krpc import encode_query
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor

WINDOW = 64
PAUSE = 0.004


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def told(pipe: Connection) -> str:
    """The next word from the client; waits without blocking the loop."""
    loop, ready = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pipe.fileno(), ready.set)
    try:
        await ready.wait()
    finally:
        loop.remove_reader(pipe.fileno())
    return str(pipe.recv())


def serve(kind: str, pipe: Connection) -> None:
    asyncio.run(serve_node(pipe) if kind == "node" else serve_echo(pipe))


async def serve_node(pipe: Connection) -> None:
    clock = SystemClock()
    supervisor = Supervisor(clock)
    node = DhtNode(("127.1.1.1", 0), clock=clock, rng=random.Random(1), supervisor=supervisor, permit=["127.0.0.0/8"], limits=ROOMY)
    await node.start()
    rng = random.Random(2)
    for number in range(250):
        node._first.core.table.answered(rng.randbytes(20), (f"127.2.{number}.1", 6881), clock.now())
    pipe.send(node.address)
    while await told(pipe) == "cpu":
        pipe.send(cpu())
    await node.stop()
    await supervisor.stop()


async def serve_echo(pipe: Connection) -> None:
    stream = await asyncio_dgram.bind(("127.1.2.1", 0))

    async def echo() -> None:
        while True:
            data, address = await stream.recv()
            await stream.send(data, address)

    task = asyncio.create_task(echo())
    pipe.send(stream.sockname)
    while await told(pipe) == "cpu":
        pipe.send(cpu())
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    stream.close()


def ask(address: tuple[str, int], count: int) -> int:
    """Send `count` queries, `WINDOW` at a time; how many were answered (a lost datagram costs its window a second).

    Answers are read in one go a little later: a client that sleeps in `recv` would charge its own waking to the server's every send.
    """
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.bind(("127.1.9.1", 0))
    client.settimeout(1.0)
    rng = random.Random(3)
    queries = itertools.cycle([encode_query(b"tt", b"get_peers", b"c" * 20, {b"info_hash": rng.randbytes(20)}) for _ in range(997)])
    answered = 0
    for _ in range(count // WINDOW):
        for _ in range(WINDOW):
            client.sendto(next(queries), address)
        time.sleep(PAUSE)
        try:
            for _ in range(WINDOW):
                client.recv(2048)
                answered += 1
        except TimeoutError:
            continue
    client.close()
    return answered


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--queries", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    context = mp.get_context("spawn")
    servers = {}
    for kind in ("node", "echo"):
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(kind, theirs), daemon=True)
        process.start()
        if not ours.poll(30):
            raise SystemExit(f"the {kind} server did not start")
        servers[kind] = (process, ours, ours.recv())
    rates: dict[str, list[float]] = {"node": [], "echo": []}
    for _ in range(options.rounds):
        for kind, (_, pipe, address) in servers.items():
            pipe.send("cpu")
            before = pipe.recv()
            answered = ask(tuple(address), options.queries)
            pipe.send("cpu")
            rates[kind].append(answered / max(1e-9, pipe.recv() - before))
    for process, pipe, _ in servers.values():
        pipe.send("end")
        process.join(10)
    ratios = [node / echo for node, echo in zip(rates["node"], rates["echo"], strict=True)]
    print(
        json.dumps(
            {
                "node_queries_per_cpu_s": round(statistics.median(rates["node"])),
                "echo_datagrams_per_cpu_s": round(statistics.median(rates["echo"])),
                "ratio": round(statistics.median(ratios), 3),
                "ratios": [round(ratio, 3) for ratio in ratios],
                "queries": options.queries,
            }
        )
    )


if __name__ == "__main__":
    main()
