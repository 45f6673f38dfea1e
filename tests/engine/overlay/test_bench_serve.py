"""`slskdn bench serve` as its own process: ready when it says so, serving until it is told to stop."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from overlay_world import Collector, make_file, request_all, run, until, world

from slskdn_tui.engine.bench.serve import serve, split_listen
from slskdn_tui.engine.overlay.files import BENCH_RECORDING
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.variant import LEAF
from tests.fakes.ports import free_port

PROGRAM = """
import json, sys
from slskdn_tui.engine.bench.serve import serve
code = serve(*sys.argv[1:4])
heavy = [name for name in ("aioslsk", "numpy", "scipy", "av", "soundfile", "textual", "rich", "pydantic", "pydantic_core") if name in sys.modules]
print(json.dumps({"code": code, "heavy": heavy}))
"""


def test_it_serves_a_file_until_sigterm_without_heavy_imports(tmp_path: Path) -> None:
    data = make_file(tmp_path / "f.bin", 40 * LEAF + 17)
    ready = tmp_path / "ready"
    port = free_port("127.1.77.1")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, f"127.1.77.1:{port}", str(ready), str(tmp_path / "f.bin")], stdout=subprocess.PIPE, text=True
    )

    async def body() -> None:
        async with world() as w:
            await until(lambda: ready.exists() or process.poll() is not None)
            client = await w.node(2)
            peer = await client.dial("127.1.77.1", port)
            (variant,) = await peer.offers([BENCH_RECORDING])
            got = Collector(variant, await peer.digests(variant))
            peer.attach(variant.variant_id, got)
            request_all(peer, variant)
            await until(lambda: got.complete)
            assert got.data == data
            process.send_signal(signal.SIGTERM)
            out, _ = await asyncio.to_thread(process.communicate, timeout=30)
            assert json.loads(out) == {"code": 0, "heavy": []}

    try:
        run(body)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def test_a_missing_file_and_a_bad_address_are_said_in_words(tmp_path: Path) -> None:
    with pytest.raises(UserError) as failure:
        serve("127.1.77.1:0", None, str(tmp_path / "absent"))
    assert failure.value.code == "not_found"
    for text in ("7000", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:70000"):
        with pytest.raises(UserError) as failure:
            split_listen(text)
        assert failure.value.code == "usage"
    assert split_listen("[::1]:7000") == ("::1", 7000)
