"""Partial files: what was committed is there after any end of the process."""

import asyncio
import random
import re
import subprocess
import sys

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.migrate import load_migrations
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.swarm.disk.memory_store import MemoryPartStore
from slskdn_tui.model.part import BITMAP_PAGE, Extent, PartRecord
from slskdn_tui.model.variant import LEAF, Variant

PAGE = BITMAP_PAGE // 8


def run(work):
    async def timed():
        async with asyncio.timeout(120):
            return await work()

    return asyncio.run(timed())


def record(leaves=3 * BITMAP_PAGE - 5, **more):
    variant = Variant("ab" * 32, "file", leaves * LEAF - 7, "rec", "FLAC", "flac 16/44.1", 1000, "cd" * 34, 0.5)
    return PartRecord(
        "job/1/5", "/x/\udce9.part", variant.length, variant=variant, digests=b"d" * 96, bitmap=bytes(-(-leaves // 8)), **more
    )


def test_a_record_comes_back_whole_after_a_restart(tmp_path):
    kept = record(prefix=70_000, extents=(Extent(0, 70_000, "slsk:üser"),), start=1000, head="ab" * 32)

    async def save():
        store = await Store.open(Paths.of(tmp_path))
        await store.parts.put(kept)
        await store.close()

    async def load():
        store = await Store.open(Paths.of(tmp_path))
        found = await store.parts.load(kept.key), await store.parts.load("other"), await store.parts.load_all()
        await store.close()
        return found

    run(save)
    found, other, listed = run(load)
    assert found == kept and other is None
    assert [(each.key, each.digests, has) for each, has in listed] == [(kept.key, b"", True)]


def test_a_record_of_an_older_version_is_of_the_whole_file(tmp_path):
    kept = record(prefix=70_000, extents=(Extent(0, 70_000, "slsk:a"),))

    async def work():
        paths = Paths.of(tmp_path)
        store = await Store.open(paths)
        await store.parts.put(kept)
        later = [name for migration in load_migrations("state")[3:] for name in re.findall(r"CREATE TABLE (\w+)", migration.sql)]
        for step in (
            *(f"DROP TABLE {name}" for name in later),
            "ALTER TABLE Transfers DROP COLUMN region_start",
            "ALTER TABLE Transfers DROP COLUMN region_head",
            "PRAGMA user_version = 2",
        ):
            await store.state.execute(step)
        await store.close()
        store = await Store.open(paths)
        found = await store.parts.load(kept.key)
        await store.close()
        return found

    found = run(work)
    assert found == kept and found.layout.start == 0 and found.layout.length == kept.size


def test_the_store_behaves_as_the_one_in_memory(tmp_path):
    async def work():
        store = await Store.open(Paths.of(tmp_path))
        rng, model, kept = random.Random(7), MemoryPartStore(), record()
        for each in (model, store.parts):
            await each.put(kept)
        for step in range(60):
            extents = tuple(Extent(n, n + 1, f"slsk:{step}") for n in range(rng.randrange(3)))
            sizes = {0: PAGE, 1: PAGE, 2: len(kept.bitmap) - 2 * PAGE}
            pages = {page: rng.randbytes(sizes[page]) for page in rng.sample(range(3), rng.randrange(1, 4))}
            for each in (model, store.parts):
                await each.commit(kept.key, step, extents, pages)
            if step % 20 == 19:
                again = record(prefix=step) if step < 40 else PartRecord(kept.key, "/other", 5, 5)
                for each in (model, store.parts):
                    await each.put(again)
                if again.variant is None:
                    break
            assert await store.parts.load(kept.key) == await model.load(kept.key)
        assert await store.parts.load(kept.key) == await model.load(kept.key)
        await store.close()

    run(work)


def test_a_commit_after_the_part_was_dropped_brings_nothing_back(tmp_path):
    async def work():
        store = await Store.open(Paths.of(tmp_path))
        await store.parts.put(record())
        await store.parts.drop("job/1/5")
        with pytest.raises(LookupError):
            await store.parts.commit("job/1/5", 1, (), {0: b"\xff"})
        assert await store.parts.load("job/1/5") is None
        assert await store.state.fetch("SELECT count(*) FROM TransferPages") == [(0,)]
        with pytest.raises(ValueError):
            await store.parts.commit("job/1/5", 1, (), {0: bytes(PAGE + 1)})
        await store.close()

    run(work)


WRITER = """
import asyncio, sys
from pathlib import Path
from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.migrate import load_migrations
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.part import Extent

async def main():
    store = await Store.open(Paths.of(Path(sys.argv[1])))
    step = (await store.parts.load("job/1/5")).prefix
    while True:
        step += 1
        page = step % 3
        await store.parts.commit("job/1/5", step, (Extent(0, step, "slsk:a"),), {page: step.to_bytes(4, "big") * 128})
        print(step, flush=True)

asyncio.run(main())
"""


@pytest.mark.slow
def test_fifty_kills_at_random_lose_no_acknowledged_commit_and_tear_none(tmp_path):
    paths, rng = Paths.of(tmp_path), random.Random(2026)

    async def prepare():
        store = await Store.open(paths)
        await store.parts.put(record(leaves=3 * BITMAP_PAGE))
        await store.close()

    async def look():
        store = await Store.open(paths)
        found = await store.parts.load("job/1/5")
        await store.close()
        return found, store.damage

    run(prepare)
    for _ in range(50):
        child = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE, text=True)
        acknowledged = 0
        for _ in range(rng.randrange(1, 40)):
            acknowledged = int(child.stdout.readline())
        child.kill()
        rest = child.stdout.read().split("\n")[:-1]
        child.wait()
        acknowledged = int(rest[-1]) if rest else acknowledged
        found, damage = run(look)
        assert damage == () and found.prefix >= acknowledged and found.extents == (Extent(0, found.prefix, "slsk:a"),)
        for back in range(min(3, found.prefix)):
            step = found.prefix - back
            page = found.bitmap[step % 3 * PAGE : (step % 3 + 1) * PAGE]
            assert page == step.to_bytes(4, "big") * 128, "a page of another commit than its prefix"
