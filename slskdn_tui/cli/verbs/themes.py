"""Shell: `themes list` and `themes check`."""

from __future__ import annotations

import os
from pathlib import Path

from slskdn_tui.cli.context import Context, put, put_json, say
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.config.themes import check_theme, list_themes, theme_folders
from slskdn_tui.model.errors import EXIT


def folders(context: Context) -> list[Path]:
    """Where users and systems put themes, later ones winning."""
    return theme_folders(context.paths, context.environ)


def list_all(context: Context) -> int:
    found = list_themes(folders(context))
    if context.json:
        put_json(
            [
                {
                    "name": item.name,
                    "path": str(item.path),
                    "bundled": item.bundled,
                    "good": item.theme is not None,
                    "problems": list(item.problems),
                }
                for item in found
            ]
        )
        return 0
    rows = []
    for item in found:
        kind = "-" if item.theme is None else "terminal's own colours" if item.theme.ansi else "dark" if item.theme.dark else "light"
        mine = "*" if item.name == context.settings.ui.theme and item.theme is not None else ""
        rows.append((mine, item.name, kind, "bundled" if item.bundled else str(item.path), "; ".join(item.problems)))
    look = context.look
    context.put_lines(
        table(
            (Column(""), Column("THEME"), Column("KIND"), Column("FROM", flex=True), Column("PROBLEM", flex=True)),
            rows,
            look.width,
            look.mark,
        )
    )
    return 0


def check(context: Context) -> int:
    """Each file given, or every theme found: what is wrong with it."""
    given = [Path(os.path.expanduser(item)) for item in context.args.get("file") or []]
    paths = given or [item.path for item in list_themes(folders(context))]
    bad = 0
    for path in paths:
        problems = check_theme(path)
        if not problems:
            put(f"{path}: good")
            continue
        bad += 1
        for problem in problems:
            say(f"{path}: {problem}")
    return EXIT["config"][0] if bad else 0
