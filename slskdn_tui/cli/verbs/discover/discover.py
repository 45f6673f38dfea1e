"""Shell: `discover artist|label|producer|release`, `labels list|show`, `jobs parents`. What changes something goes through `acting`."""

from __future__ import annotations

import asyncio
import shlex
from dataclasses import replace

from slskdn_tui.cli.acting import report
from slskdn_tui.cli.context import Context, put_json, say, to_json
from slskdn_tui.cli.verbs.discover import present
from slskdn_tui.cli.verbs.getting import CONSTRAINTS
from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.model.graph import DiscographyView, LabelsView, LabelView
from slskdn_tui.model.ids import parse_mb_reference
from slskdn_tui.model.parents import ParentsView
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, EngineProtocol, Result

POLL_S = 0.25
PAGE = 500
LINES_WAIT_S = 30.0
"""So long it is waited for titles and years; what has come by then is printed."""


def show_artist(context: Context) -> int:
    """The tree; with --get a parent job of it instead."""
    if context.args.get("get"):
        return _get(context)
    return _discography(context, "artist/" + _reference("artist", " ".join(context.args["name"])))


def _get(context: Context) -> int:
    if context.args.get("section") or context.args.get("missing"):
        raise UserError(
            "usage", "--section and --missing do not go with --get", "--get core or --get extended says what; what is here is left out"
        )
    given = {
        name: context.args[name] for name in (*CONSTRAINTS, "label", "years", "bootlegs", "dry_run") if context.args.get(name) is not None
    }
    artist = _reference("artist", " ".join(context.args["name"]))

    async def work(engine: EngineProtocol) -> Result:
        await _read(engine, ViewKey("discography", f"artist/{artist}", count=0))
        return await engine.submit(Command("discover.get", {"artist": artist, "scope": context.args["get"], **given}))

    return report(context.with_engine("live", work), as_json=context.json)


def list_parents(context: Context) -> int:
    wanted = context.args.get("parent") or ""
    return context.show(context.view("any", ViewKey("parents", wanted, count=PAGE * 10), ParentsView), present.parents)


def show_label(context: Context) -> int:
    return _discography(context, "label/" + _reference("label", " ".join(context.args["name"])))


def show_producer(context: Context) -> int:
    return _discography(context, "producer/" + _reference("artist", context.args["artist"]))


def show_release(context: Context) -> int:
    return _discography(context, "release/" + _reference("release", context.args["release"]))


def _reference(kind: str, text: str) -> str:
    """The MBID of a URL or MBID, else the name as it is. UserError `usage` for another kind's URL."""
    read = parse_mb_reference(text)
    if read is None:
        return text
    if read[0] not in (None, kind):
        raise UserError(
            "usage",
            f"that is a MusicBrainz {read[0]}",
            f"try `slskdn discover {read[0]}`" if read[0] in ("artist", "label", "release") else "",
        )
    return read[1]


def filter_of(context: Context) -> str:
    """The view's filter for the flags that were given."""
    args = context.args
    words = [f"year:{args['years']}"] if args.get("years") else []
    words += [f"label:{args['label']}"] if args.get("label") else []
    words += [f"section:{args['section']}"] if args.get("section") else []
    words += [name for name in ("bootlegs", "missing") if args.get(name)]
    return shlex.join(words)


def _discography(context: Context, subject: str) -> int:
    key = ViewKey("discography", subject, filter=filter_of(context), count=PAGE)

    async def work(engine: EngineProtocol) -> DiscographyView:
        view = await _read(engine, key)
        rows = list(view.rows)
        while len(rows) < view.total:
            more = await engine.snapshot(replace(key, start=len(rows)))
            assert isinstance(more, DiscographyView)
            if not more.rows:
                break
            rows += more.rows
        return replace(view, rows=tuple(rows))

    view = context.with_engine("live", work)
    if view.state == "failed":
        raise UserError(view.code, view.error, view.hint)
    context.show(view, present.discography)
    return EXIT["ok" if view.rows else "not_found"][0]


async def _read(engine: EngineProtocol, key: ViewKey) -> DiscographyView:
    """The view once all has come; how far it is is told meanwhile."""
    told = 0
    while True:
        view = await engine.snapshot(key)
        assert isinstance(view, DiscographyView)
        if view.state != "asking":
            return view
        if view.of > 100 and view.read > told:
            told = view.read
            say(f"({view.read} of {view.of} releases)")
        await asyncio.sleep(POLL_S)


def list_labels(context: Context) -> int:
    key = ViewKey("labels", " ".join(context.args.get("prefix") or ()), sort=context.args["sort"], count=max(1, int(context.args["limit"])))
    view = context.view("any", key, LabelsView)
    context.show(view, present.labels, rows=True)
    return EXIT["ok" if view.rows else "not_found"][0]


def show_label_releases(context: Context) -> int:
    args = context.args
    words = [f"score>={args['score']}"] if args.get("score") else []
    words += [f"codec:{args['codec']}"] if args.get("codec") else []
    words += [f"year:{args['years']}"] if args.get("years") else []
    key = ViewKey("label", " ".join(args["label"]), filter=shlex.join(words), count=max(1, int(args["limit"])))

    async def work(engine: EngineProtocol) -> LabelView:
        waited = 0.0
        while True:
            view = await engine.snapshot(key)
            assert isinstance(view, LabelView)
            if view.state == "done" or waited >= LINES_WAIT_S:
                return view
            await asyncio.sleep(POLL_S)
            waited += POLL_S

    view = context.with_engine("live", work)
    if view.error:
        say(f"(titles and years are lacking: {view.error})")
    if context.json:
        put_json(to_json(view))
    else:
        context.put_lines(present.label(view, context.look))
    return EXIT["ok" if view.rows else "not_found"][0]
