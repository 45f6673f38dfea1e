"""The generated pages: keys, command line, configuration, themes. `python -m slskdn_tui.cli.docs [--check] [FOLDER]`.

`pages` is pure; `main` writes the pages, or with `--check` says which are stale and exits 1.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from slskdn_tui.cli.present import help as helps
from slskdn_tui.commands import SPECS, CommandSpec, by_key
from slskdn_tui.commands.types import key_label
from slskdn_tui.config import describe, safe_yaml
from slskdn_tui.config.generate import default_file
from slskdn_tui.config.overrides import variable
from slskdn_tui.config.settings import Secret, Settings
from slskdn_tui.config.themes import ATTRIBUTES, MIN_CONTRAST, Colors, Quality, Sources, States, bundled_dir, list_themes
from slskdn_tui.model.errors import EXIT

MARK = "<!-- Made by `python -m slskdn_tui.cli.docs` from the program's own tables; edit those. -->\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _code(text: str) -> str:
    """Inline code that survives in a table cell."""
    return "`" + text.replace("|", "\\|") + "`" if "`" not in text else f"`` {text} ``"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)]) + "\n"


def screens() -> list[str]:
    """Screens that have keys of their own, in the table's order."""
    return list(dict.fromkeys(key.screen for spec in SPECS for key in spec.keys if key.screen != "all"))


def _bound(spec: CommandSpec, screen: str) -> list[str]:
    return [key_label(key.key) for key in spec.keys if key.screen == screen]


def keys_page() -> str:
    """docs/keys.md"""
    out = [MARK, "# Keys\n"]
    out.append(
        "Press `?` on any screen for its keys. A key can be changed in the configuration by the command's name, e.g.\n\n"
        "```yaml\nui:\n  keymap:\n    jobs.cancel: X\n```\n\nTwo commands on one key are named by `slskdn config check`, and when the program starts.\n"
    )
    for screen in ("all", *screens()):
        taken = by_key(screen) if screen != "all" else {}
        rows = []
        for spec in SPECS:
            if keys := _bound(spec, screen):
                shown = any(key.footer and key.screen == screen for key in spec.keys)
                rows.append((" ".join(_code(key) for key in keys), _cell(spec.summary), f"`{spec.name}`", "yes" if shown else ""))
        title = "Everywhere" if screen == "all" else f"{screen.capitalize()}"
        out.append(f"## {title}\n\n{_table(('key', 'does', 'command', 'in the footer'), rows)}")
        hidden = [
            (key_label(key.key), spec)
            for spec in SPECS
            for key in spec.keys
            if screen != "all" and key.screen == "all" and taken.get(key.key, spec) is not spec
        ]
        if hidden:
            out.append(
                "Here these keys do not mean what they mean elsewhere: "
                + ", ".join(f"`{key}` ({spec.summary.lower()})" for key, spec in hidden)
                + ".\n"
            )
    return "\n".join(out)


def cli_page() -> str:
    """docs/cli.md"""
    out = [MARK, "# Command line\n"]
    out.append(
        "`slskdn` without a command opens the screens. Every screen has a command that prints the same facts; `--json` prints them for programs. "
        "Data goes to standard output, talk to standard error. A job id may be shortened as long as it is unique.\n"
    )
    out.append(f"```text\n{helps.help_root()}```\n")
    out.append(
        "## Exit codes\n\n"
        + _table(("code", "name", "means"), [(str(code), f"`{name}`", _cell(words)) for name, (code, words) in EXIT.items()])
    )
    out.append(
        'With `--json` a failure is also printed as `{"code": NAME, "message": ..., "hint": ...}`. What can lose something asks first; '
        "without a terminal to ask on it is refused unless `--yes` is given.\n"
    )
    for category, title in helps.CATEGORIES.items():
        specs = [spec for spec in helps.verbs() if spec.category == category]
        if specs:
            out.append(f"## {title}\n")
            out += [f"### slskdn {' '.join(spec.verb)}\n\n```text\n{helps.help_verb(spec)}```\n" for spec in specs]
    return "\n".join(out)


def config_page() -> str:
    """docs/config.md"""
    out = [MARK, "# Configuration\n"]
    out.append(
        "One YAML file; `slskdn config path` says where, `slskdn init` writes it with every key and a comment, `slskdn config check` reads it and names "
        "file, line and key of whatever is wrong. A key you leave out has its default. It is read when slskdn starts; `slskdn status` says when it was "
        "changed since. With `--profile DIR` (or `SLSKDN_PROFILE`) configuration, data and "
        "state live in that one folder.\n\n"
        "Every key can be overridden by an environment variable, e.g. "
        f"`{variable('soulseek', 'listen_port')}=2235`; a list is given as `a,b`. The file is kept readable by you alone (0600) when it holds a secret; "
        "secrets are never written to logs, traces or manifests.\n\n"
        "The file is plain YAML: no anchors, aliases, tags or merge keys, each key once, at most 1 MiB. `yes`, `no` and `3:00` are text; truth is `true` and `false`.\n"
    )
    for section in Settings.model_fields:
        model = describe.section_model(section)
        words = (model.__doc__ or "").strip() if model is not None else ""
        rows = [(f"`{key.key}`", _cell(key.comment), _cell(key.allowed), _code(_default(key.default))) for key in describe.keys(section)]
        out.append(f"## {section}\n\n{words}\n\n{_table(('key', 'meaning', 'allowed', 'default'), rows)}")
    out.append(f"## The whole file with its defaults\n\n```yaml\n{default_file()}```\n")
    return "\n".join(out)


def _default(value: object) -> str:
    if isinstance(value, Secret):
        value = value.reveal()
    return safe_yaml.dump({"": value}).removeprefix("'': ").strip() or "''"


def themes_page() -> str:
    """docs/themes.md"""
    out = [MARK, "# Themes\n"]
    out.append(
        "A theme is one TOML file. Choose one with `T` in the program, with `--theme NAME`, or in the configuration (`ui: theme:`); "
        "`slskdn themes list` shows what is there and `slskdn themes check FILE` says what is wrong with a file. Your own themes go into the folder `themes` "
        "beside the configuration file (`slskdn config path`); one with the name of a bundled theme takes its place. A bad file is named once when the program "
        "starts and never keeps it from starting.\n"
    )
    rows = []
    for item in list_themes():
        if item.bundled and item.theme is not None:
            comment = item.path.read_text(encoding="utf-8").split("\n", 1)[0]
            kind = "the terminal's own colours" if item.theme.ansi else "dark" if item.theme.dark else "light"
            rows.append((f"`{item.name}`", kind, _cell(comment.removeprefix("#").strip()) if comment.startswith("#") else ""))
    out.append("## Bundled\n\n" + _table(("theme", "kind", "what it is for"), rows))
    out.append(
        "## Writing one\n\n"
        f"A style is words: a colour, `on` and a second colour for what stands behind, and any of {', '.join(f'`{word}`' for word in sorted(ATTRIBUTES))}. "
        "A colour is `#rrggbb`; with `ansi = true` it is one of the terminal's own sixteen by name (`red`, `bright_blue`, `default`). "
        f"Text must stand out from its ground by a contrast of {MIN_CONTRAST}:1 at least. Colour never says anything that a word does not say, too.\n"
    )
    for name, model in (("colors", Colors), ("states", States), ("sources", Sources), ("quality", Quality)):
        fields = ", ".join(f"`{key}`" + ("" if field.is_required() else " (may be left out)") for key, field in model.model_fields.items())
        out.append(f"* `[{name}]` {(model.__doc__ or '').strip().splitlines()[0]} Keys: {fields}.")
    sample = (bundled_dir() / "night.toml").read_text(encoding="utf-8")
    out.append(f"* `[ui]` Textual's own variables, for the few who need them.\n\n```toml\n{sample.rstrip()}\n```\n")
    return "\n".join(out)


def pages() -> dict[str, str]:
    """Every generated page by its file name in docs/."""
    return {"keys.md": keys_page(), "cli.md": cli_page(), "config.md": config_page(), "themes.md": themes_page()}


def main(argv: Sequence[str]) -> int:
    checking = "--check" in argv
    rest = [word for word in argv if word != "--check"]
    folder = Path(rest[0]) if rest else Path(__file__).resolve().parents[2] / "docs"
    stale = []
    for name, text in pages().items():
        target = folder / name
        if target.exists() and target.read_text(encoding="utf-8") == text:
            continue
        stale.append(name)
        if not checking:
            target.write_text(text, encoding="utf-8")
    for name in stale:
        sys.stderr.write(f"docs/{name}: {'stale, run python -m slskdn_tui.cli.docs' if checking else 'written'}\n")
    return 1 if checking and stale else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
