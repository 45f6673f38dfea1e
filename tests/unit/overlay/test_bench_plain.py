"""`slskdn bench` as it is recognised without the command line: the same words, or none."""

from __future__ import annotations

import pytest

from slskdn_tui.engine.bench.plain import Plain, plain


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("bench serve --listen 127.0.0.1:7 f", Plain("serve", {"--listen": "127.0.0.1:7", "file": "f"}, False)),
        ("bench serve f --listen=h:7 --ready r", Plain("serve", {"file": "f", "--listen": "h:7", "--ready": "r"}, False)),
        ("bench fetch --json --out o --peers a:1,b:2", Plain("fetch", {"--out": "o", "--peers": "a:1,b:2"}, True)),
        ("bench fetch --peers a:1 --out o", Plain("fetch", {"--peers": "a:1", "--out": "o"}, False)),
    ],
)
def test_a_bench_written_plainly_is_understood(line: str, found: Plain) -> None:
    assert plain(line.split()) == found


@pytest.mark.parametrize(
    "line",
    [
        "",
        "bench",
        "bench run",
        "status bench fetch",
        "bench fetch --help",
        "bench fetch --out o",
        "bench fetch --out o --peers",
        "bench fetch --out o --peers a:1 more",
        "bench fetch --out o --out p --peers a:1",
        "bench fetch --out --json --peers a:1",
        "bench fetch --out ~/o --peers a:1",
        "bench fetch --json --json --out o --peers a:1",
        "bench serve --listen a:1",
        "bench serve --json --listen a:1 f",
        "bench serve --listen a:1 f g",
        "--profile x bench fetch --out o --peers a:1",
    ],
)
def test_anything_else_is_left_to_the_command_line(line: str) -> None:
    assert plain(line.split()) is None
