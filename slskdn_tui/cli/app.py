"""Shell: `run` takes a command line to its verb and every failure to its exit code."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from slskdn_tui import __version__
from slskdn_tui.cli import acting, running
from slskdn_tui.cli.args import parse
from slskdn_tui.cli.context import Context, complain, mute, put, put_json, say
from slskdn_tui.cli.hooks import Hooks
from slskdn_tui.cli.verbs import (
    audio,
    check,
    finding,
    getting,
    jobs,
    look,
    peers,
    people,
    playing,
    setup,
    swarms,
    themes,
)
from slskdn_tui.cli.verbs.discover import discover
from slskdn_tui.cli.verbs.library import health, mending
from slskdn_tui.cli.verbs.share import cache, sharing
from slskdn_tui.config.load import ConfigError
from slskdn_tui.model.errors import EXIT, UserError

VERBS: dict[str, Callable[[Context], int]] = {
    "jobs.list": jobs.list_jobs,
    "jobs.show": jobs.show_job,
    "trace.show": jobs.show_trace,
    "swarms.list": swarms.list_swarms,
    "swarms.show": swarms.show_swarm,
    "search.show": finding.search,
    "filters.list": finding.list_filters,
    "wishlist.list": finding.list_wishes,
    "wishlist.show": finding.show_wish,
    "get": getting.get,
    "discover.artist": discover.show_artist,
    "discover.label": discover.show_label,
    "discover.producer": discover.show_producer,
    "discover.release": discover.show_release,
    "parents.list": discover.list_parents,
    "labels.list": discover.list_labels,
    "labels.show": discover.show_label_releases,
    "uploads.list": sharing.list_uploads,
    "limits.show": sharing.show_limits,
    "user.show": people.show_user,
    "browse.show": finding.browse,
    "friends.list": people.list_people,
    "bans.list": people.list_people,
    "message.list": people.list_messages,
    "peers.list": peers.list_peers,
    "peers.show": peers.show_peer,
    "cache.show": cache.status,
    "contribution.show": peers.show_contribution,
    "library.show": mending.show,
    "trash.list": mending.list_trash,
    "audio.inspect": audio.inspect,
    "library.health": health.health,
    "play": playing.play,
    "playback.show": playing.show,
    "status": look.status,
    "stats.show": look.stats,
    "log": look.log,
    "serve": running.serve,
    "demo": running.demo,
    "bench.serve": running.bench_serve,
    "bench.fetch": running.bench_fetch,
    "init": setup.init,
    "config.show": setup.show,
    "config.check": setup.check,
    "config.path": setup.path,
    "check": check.check,
    "themes.list": themes.list_all,
    "themes.check": themes.check,
    "completions": setup.completions,
}
"""What a face does by itself; verbs whose `where` is `engine` are submitted."""


def run(argv: Sequence[str], hooks: Hooks, environ: Mapping[str, str] | None = None) -> int:
    """Carry out `argv` (without the program's name); returns the exit code. Never raises for a user's mistake."""
    as_json = False
    try:
        invocation = parse(argv, os.environ if environ is None else environ, __version__)
        if invocation.help:
            put(invocation.help)
            return 0
        context = Context(invocation, hooks, os.environ if environ is None else environ)
        as_json = context.json
        if invocation.spec is None:
            return running.screens(context)
        return VERBS.get(invocation.spec.name, acting.act)(context)
    except UserError as error:
        if as_json:
            put_json({"code": error.code, "message": str(error.message), "hint": str(error.hint)})
        for message, hint in error.faults if isinstance(error, ConfigError) else [(error.message, error.hint)]:
            complain(message, hint)
        return error.exit_code
    except KeyboardInterrupt:
        say("")
        return EXIT["interrupted"][0]
    except BrokenPipeError:
        mute()
        return 0
