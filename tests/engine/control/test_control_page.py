"""docs/protocol/control.md tells the truth: its examples are sent to a server and its script is run."""

import asyncio
import json
import os
import re
import sys
from pathlib import Path
from typing import get_args

from slskdn_tui.model.views import Screen
from tests.engine.control.control_world import RawClient, served

PAGE = Path(__file__).resolve().parents[3] / "docs" / "protocol" / "control.md"
BLOCK = re.compile(r"^```(?:\{\.json \.)?(request|reply|pushed|python)\}?\n(.*?)^```$", re.M | re.S)
PASSING = {"pid", "program"}
"""What differs from run to run."""


def blocks():
    return BLOCK.findall(PAGE.read_text("utf-8"))


def settled(value):
    if isinstance(value, dict):
        return {name: type(part).__name__ if name in PASSING else settled(part) for name, part in value.items()}
    return [settled(part) for part in value] if isinstance(value, list) else value


def test_every_example_of_the_page_happens(tmp_path):
    found = [block for block in blocks() if block[0] != "python"]
    assert {kind for kind, _ in found} == {"request", "reply", "pushed"} and len(found) > 15

    async def work():
        async with served(tmp_path / "s") as (engine, _):
            client = await RawClient.connect(tmp_path / "s")
            for kind, text in found:
                said = json.loads(text)
                if kind == "request":
                    client.send(said)
                    continue
                if kind == "pushed":
                    engine.tell()
                assert settled(await client.receive()) == settled(said)

    async def timed():
        async with asyncio.timeout(60):
            await work()

    asyncio.run(timed())


def test_the_page_tells_of_every_view_and_no_other():
    rows = re.findall(r"^\| (`[a-z`, ]+`) \|", PAGE.read_text("utf-8"), re.M)
    named = [name for row in rows for name in re.findall(r"[a-z]+", row)]
    assert sorted(named) == sorted(get_args(Screen))


def test_the_pages_script_lists_the_jobs(tmp_path):
    (script,) = [text for kind, text in blocks() if kind == "python"]

    async def work():
        async with served(tmp_path / "run" / "engine.sock"):
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", script, str(tmp_path / "run" / "engine.sock"), stdout=-1, env=os.environ | {"PYTHONUTF8": "1"}
            )
            async with asyncio.timeout(60):
                out, _ = await child.communicate()
            return child.returncode, out.decode()

    assert asyncio.run(work()) == (0, "0f4de638 active 3/11 My Bloody Valentine - Loveless\n")
