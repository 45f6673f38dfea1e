"""`slskdn bench ...` understood without the command line's imports, which take longer (0.3 s) than many a transfer. Core.

Only what is written plainly: anything else (`--help`, a `~`, an unknown or missing word) is the command line's to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Plain(NamedTuple):
    """`verb` is `serve` or `fetch`; `values` by flag, the positional word under `file`; `json` for `--json`."""

    verb: str
    values: dict[str, str]
    json: bool


_TAKES = {"serve": {"--listen", "--ready", "file"}, "fetch": {"--out", "--peers"}}
_NEEDS = {"serve": {"--listen", "file"}, "fetch": {"--out", "--peers"}}


def plain(argv: Sequence[str]) -> Plain | None:
    """The bench verb that these words of the command line are, None when they are anything else."""
    if len(argv) < 2 or argv[0] != "bench" or argv[1] not in _TAKES:
        return None
    verb, values, json = argv[1], dict[str, str](), False
    words = iter(argv[2:])
    for word in words:
        if word == "--json" and verb == "fetch" and not json:
            json = True
            continue
        name, given, value = word.partition("=") if word.startswith("--") else ("file", "=", word)
        value = value if given else next(words, "")
        if name not in _TAKES[verb] or name in values or not value or value[0] in "-~":
            return None
        values[name] = value
    return Plain(verb, values, json) if _NEEDS[verb] <= set(values) else None
