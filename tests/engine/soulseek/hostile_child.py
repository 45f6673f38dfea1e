"""A plane in a process of its own, for the hostile test: its memory is measured from outside.

`python hostile_child.py SERVER_PORT SHARE PROFILE SEARCH`: prints a JSON line when it is online with its listen port, keeps a search open all the
time (so that search answers are taken), and answers each line on standard input: `get USER PATH SIZE` with the sha256 of the fetched file,
`browse USER` with the names, anything else with `ok`; at the end of the input it stops.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import random
import sys
from pathlib import Path

from slskdn_tui.config.settings import Soulseek, Uploads
from slskdn_tui.engine.logs import LogFile
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.manners.watch import Allowance
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.model.candidates import FoundFile

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(1, str(Path(__file__).parents[3]))
from soulseek_world import Sink

from tests.fakes.ports import free_port


async def main(server_port: int, share: str, profile: str) -> None:
    clock = SystemClock()
    failures: list[str] = []
    supervisor = Supervisor(clock, lambda part, error: failures.append(f"{part.name}: {error!r}"))
    port = free_port("127.1.2.1")
    settings = Soulseek(
        server=f"127.1.0.1:{server_port}",
        username="victim",
        listen_address="127.1.2.1",
        listen_port=port,
        share=[share],
        search_gap_s=0.0,
        reconnect_s=0.1,
    )
    plane = SoulseekPlane(
        settings,
        password="secret",
        share_db=Path(profile) / "shares.db",
        clock=clock,
        supervisor=supervisor,
        rng=random.Random(2),
        on_event=lambda name, text, data: None,
        on_bytes=lambda user, direction, count: None,
        manners=Manners(moment=0.05, place_first=0.2, place_every=1.0, place_timeout=5.0),
        uploads=Uploads(leecher_files=0),
    )
    await plane.start()
    plane.transfers.allowance = Allowance(10_000)
    await plane.wait_online()
    await plane.rescan_shares()
    searching = asyncio.ensure_future(plane.search("anything at all", wait_s=3600.0))
    say({"port": port})
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, _, rest = line.rstrip("\n").partition(" ")
        if word == "get":
            user, path, size = json.loads(rest)
            sink = Sink()
            end, words = await plane.origin(FoundFile(user, path, size, "flac")).fetch(sink)
            say({"end": end.value, "words": words, "sha": hashlib.sha256(bytes(sink.data)).hexdigest()})
        elif word == "browse":
            plane.people.shares.clear()
            listed = await plane.people.browse(json.loads(rest))
            say({"names": sorted(name for folder in listed.folders for name, *_ in folder.files)})
        else:
            say({"ok": True, "state": plane.state, "failures": failures})
    searching.cancel()
    await asyncio.gather(searching, return_exceptions=True)
    await plane.stop()
    await supervisor.stop()


def say(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    LogFile(Path(sys.argv[3] + ".log")).open()
    logging.getLogger("slskdn_tui").setLevel(logging.DEBUG)
    asyncio.run(main(int(sys.argv[1]), sys.argv[2], sys.argv[3]))
