"""Shell: `audio inspect`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from contextlib import aclosing

from slskdn_tui.cli.context import Context, complain, put, put_json
from slskdn_tui.cli.present.audio import fact_lines
from slskdn_tui.model.audio import audio_json
from slskdn_tui.model.codec import codec_of
from slskdn_tui.model.errors import EXIT
from slskdn_tui.model.text import SafeText


def inspect(context: Context) -> int:
    """Each file given and each audio file in the folders given, as soon as it is known. Exit code 4 when one is not there, 1 when one is damaged."""
    absent = 0
    paths: list[str] = []
    for given in context.args["file"]:
        there = os.path.expanduser(given)
        found = list(walk(there)) if os.path.isdir(there) else [there] if os.path.lexists(there) else []
        if not found:
            absent += 1
            what = "holds no audio file" if os.path.isdir(there) else "is not there"
            complain(f"{SafeText(there)} {what}", "")
        paths += found
    failed = asyncio.run(_each(context, paths)) if paths else 0
    return EXIT["not_found" if absent else "failed" if failed else "ok"][0]


def walk(folder: str) -> Iterator[str]:
    """Files named like audio below `folder`, in order of their names; links to folders are not followed, what cannot be listed is told."""

    def tell(error: OSError) -> None:
        complain(f"{SafeText(str(error.filename))} cannot be listed: {error.strerror}", "")

    for at, folders, names in os.walk(folder, onerror=tell):
        folders.sort()
        yield from (os.path.join(at, name) for name in sorted(names) if codec_of(name))


async def _each(context: Context, paths: list[str]) -> int:
    """How many of them could not be read to their end."""
    failed = 0
    # The worker follows no link; one that the user names is followed here.
    async with aclosing(context.hooks.analyse([os.path.realpath(path) for path in paths])) as answers:
        order = iter(paths)
        async for facts in answers:
            path = next(order)
            failed += bool(facts.error)
            if context.json:
                put_json(audio_json(path, facts), one_line=True)
            else:
                put("\n".join(fact_lines(path, facts, context.look)))
    return failed
