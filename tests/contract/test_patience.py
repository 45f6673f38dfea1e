"""Tests wait for events: a sleep that stands for "it will have happened by then", a short deadline and a port made of a process id are flaky tests."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
LONGEST_S = 0.05
"""A longer sleep that is no look in a waiting loop says in a comment what must not happen meanwhile."""
SHORTEST_S = 20.0
"""A busy machine may need so long for anything: a shorter deadline says in a comment why it cannot be missed."""
SLEEPS = {"asyncio.sleep", "time.sleep", "sleep", "pilot.pause"}
DEADLINES = {"asyncio.timeout": 0, "asyncio.wait_for": 1}


def seconds(call: ast.Call, place: int) -> float | None:
    """The number that stands there, if one does."""
    if len(call.args) > place and isinstance(call.args[place], ast.Constant):
        value = call.args[place].value  # type: ignore[attr-defined]
        return float(value) if isinstance(value, int | float) else None
    return None


def impatient(source: str) -> Iterator[tuple[int, str]]:
    """(line, what is wrong with it) for each sleep, deadline and port of a test's source."""
    tree, lines = ast.parse(source), source.splitlines()
    looks = {id(inner) for loop in ast.walk(tree) if isinstance(loop, ast.While) for each in loop.body for inner in ast.walk(each)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            said = "#" in lines[node.lineno - 1]
            slept = seconds(node, 0) if name in SLEEPS else None
            if slept is not None and slept > LONGEST_S and id(node) not in looks and not said:
                yield node.lineno, f"sleeps {slept:g} s: wait for the event, or say what must not happen meanwhile"
            patience = seconds(node, DEADLINES[name]) if name in DEADLINES else None
            if patience is not None and patience < SHORTEST_S and not said:
                yield node.lineno, f"gives up after {patience:g} s: give a busy machine {SHORTEST_S:g} s, or say why it cannot be missed"
        elif isinstance(node, ast.JoinedStr):
            text = ast.unparse(node)
            if "getpid()" in text and ":{" in text:
                yield node.lineno, "makes a port of the process id: take tests.fakes.ports.free_port"


def test_no_test_sleeps_or_gives_up_where_a_busy_machine_would_make_it_fail() -> None:
    found = [
        f"{path.relative_to(TESTS.parent)}:{line} {words}"
        for path in sorted(TESTS.rglob("*.py"))
        if path.relative_to(TESTS).parts[0] not in ("bench", "fuzz")
        for line, words in impatient(path.read_text("utf-8"))
    ]
    assert not found, "\n".join(found)


def test_each_kind_of_impatience_is_seen() -> None:
    source = """
async def test(pilot, job):
    await asyncio.sleep(0.3)
    await asyncio.sleep(0.3)  # time in which a second one would come
    while not job.done:
        await asyncio.sleep(0.3)
    async with asyncio.timeout(5):
        await asyncio.wait_for(job, 3)
        time.sleep(0.01)
    listen = f"{HOST}:{8000 + os.getpid() % 700}"
    host = f"127.1.{os.getpid() % 250 + 1}.1"
"""
    assert [line for line, _ in sorted(impatient(source))] == [3, 7, 8, 10]
