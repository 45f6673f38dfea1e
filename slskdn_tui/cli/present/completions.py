"""Shell completions, written from the command table. Core."""

from __future__ import annotations

from slskdn_tui.cli.present import help as helps
from slskdn_tui.commands import Arg, CommandSpec


def _flags(spec: CommandSpec) -> list[str]:
    out = [f"--no-{arg.name.replace('_', '-')}" if helps.negatable(arg) else helps.flag_name(arg) for arg in spec.args if arg.flag]
    return [*out, *(["--yes"] if helps.asks(spec) else []), "--profile", "--help"]


def _places(spec: CommandSpec) -> tuple[list[str], bool]:
    """Fixed words a positional argument takes, and whether one is a file."""
    places = [arg for arg in spec.args if not arg.flag]
    return [choice for arg in places for choice in arg.choices], any(arg.type == "path" for arg in places)


def _top() -> list[str]:
    return list(dict.fromkeys(spec.verb[0] for spec in helps.verbs()))


def _below(*group: str) -> list[str]:
    """The words that may follow these."""
    depth = len(group)
    return list(dict.fromkeys(spec.verb[depth] for spec in helps.verbs() if spec.verb[:depth] == group and len(spec.verb) > depth))


def _valued(arg: Arg) -> bool:
    return arg.flag and arg.type != "bool"


_ROOT_FLAGS = ["--help", "--version", "--profile", *(name.split()[0] for name, _ in helps.APP_OPTIONS)]


def _cases(opening: str, closing: str) -> list[str]:
    """`case` branches: after a group its verbs, after a verb its flags and words; the same in bash and zsh."""
    lines = []
    for word in _top():
        if below := _below(word):
            lines.append(f'    "{word} ") {opening}{" ".join(below)}{closing} ;;')
    by_key: dict[str, list[CommandSpec]] = {}
    for spec in helps.verbs():
        by_key.setdefault(f'"{" ".join(spec.verb[:2])}"' if len(spec.verb) > 1 else f'"{spec.verb[0]} "*', []).append(spec)
    for key, specs in by_key.items():
        # Verbs of three words share what is offered after their second.
        offered = dict.fromkeys(word for spec in specs for word in [*spec.verb[2:], *_flags(spec), *_places(spec)[0]])
        more = " files=1;" if any(_places(spec)[1] for spec in specs) else ""
        lines.append(f"    {key}){more} {opening}{' '.join(offered)}{closing} ;;")
    return lines


def _choice_cases(opening: str, closing: str) -> list[str]:
    """After a flag that takes a value: its choices, or a file name."""
    seen: dict[str, Arg] = {helps.flag_name(arg): arg for spec in helps.verbs() for arg in spec.args if _valued(arg)}
    lines = ["    --profile) files=1 ;;"]
    for name, arg in seen.items():
        if arg.choices:
            lines.append(f"    {name}) {opening}{' '.join(arg.choices)}{closing} ;;")
        elif arg.type == "path":
            lines.append(f"    {name}) files=1 ;;")
        else:
            lines.append(f"    {name}) : ;;")
    return lines


def bash() -> str:
    """A bash completion function."""
    put_words = ('words="', '"')
    return "\n".join(
        [
            "# slskdn completion for bash: source <(slskdn completions bash)",
            "_slskdn() {",
            '  local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}" words="" files=0 typed="" i',
            "  for ((i = 1; i < COMP_CWORD; i++)); do",
            '    case "${COMP_WORDS[i]}" in',
            "      --profile | --theme | --refresh) ((i++)) ;;",
            "      -*) ;;",
            '      *) typed="$typed${typed:+ }${COMP_WORDS[i]}" ;;',
            "    esac",
            "  done",
            '  set -f; local -a parts=($typed); set +f; typed="${parts[0]:-} ${parts[1]:-}"',
            '  case "$prev" in',
            *_choice_cases(*put_words),
            '    *) case "$typed" in',
            f'    " ") words="{" ".join([*_top(), *_ROOT_FLAGS])}" ;;',
            *_cases(*put_words),
            "    esac ;;",
            "  esac",
            '  COMPREPLY=($(compgen -W "$words" -- "$cur"))',
            '  ((files)) && COMPREPLY+=($(compgen -f -- "$cur"))',
            "}",
            "complete -o filenames -F _slskdn slskdn",
            "",
        ]
    )


def zsh() -> str:
    """A zsh completion function."""
    put_words = ("offered=(", ")")
    return "\n".join(
        [
            "#compdef slskdn",
            "# slskdn completion for zsh: slskdn completions zsh > ~/.zfunc/_slskdn (with that folder in fpath)",
            "_slskdn() {",
            '  local files=0 i prev="${words[CURRENT-1]}"',
            "  local -a offered typed",
            "  for ((i = 2; i < CURRENT; i++)); do",
            '    case "${words[i]}" in',
            "      --profile | --theme | --refresh) ((i++)) ;;",
            "      -*) ;;",
            '      *) typed+=("${words[i]}") ;;',
            "    esac",
            "  done",
            '  case "$prev" in',
            *_choice_cases(*put_words),
            '    *) case "${typed[1]} ${typed[2]}" in',
            f'    " ") offered=({" ".join([*_top(), *_ROOT_FLAGS])}) ;;',
            *_cases(*put_words),
            "    esac ;;",
            "  esac",
            "  compadd -- $offered",
            "  ((files)) && _files",
            "}",
            'if [ "$funcstack[1]" = "_slskdn" ]; then _slskdn "$@"; else compdef _slskdn slskdn; fi',
            "",
        ]
    )


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def fish() -> str:
    """Fish completions."""
    lines = ["# slskdn completion for fish: slskdn completions fish > ~/.config/fish/completions/slskdn.fish", "complete -c slskdn -f"]
    top = " ".join(_top())
    for word in _top():
        alone = next((spec.summary for spec in helps.verbs() if spec.verb == (word,)), helps.GROUPS.get(word, ""))
        lines.append(f"complete -c slskdn -n 'not __fish_seen_subcommand_from {top}' -a {word} -d {_quoted(alone)}")
    for name, words in (helps.PROFILE, *helps.APP_OPTIONS):
        flag = name.split()[0].removeprefix("--")
        lines.append(
            f"complete -c slskdn -n 'not __fish_seen_subcommand_from {top}' -l {flag} {'-r ' if ' ' in name else ''}-d {_quoted(words)}"
        )
    for spec in helps.verbs():
        seen = [f"__fish_seen_subcommand_from {word}" for word in spec.verb]
        for depth in range(1, len(spec.verb)):
            below, words = " ".join(_below(*spec.verb[:depth])), spec.summary
            if depth + 1 < len(spec.verb):
                words = helps.GROUPS[" ".join(spec.verb[: depth + 1])]
            before = f"{'; and '.join(seen[:depth])}; and not __fish_seen_subcommand_from {below}"
            lines.append(f"complete -c slskdn -n '{before}' -a {spec.verb[depth]} -d {_quoted(words)}")
        when = f"'{'; and '.join(seen)}'"
        for arg in spec.args:
            if arg.flag:
                name = ("no-" if helps.negatable(arg) else "") + arg.name.replace("_", "-")
                takes = (
                    f" -xa '{' '.join(arg.choices)}'"
                    if arg.choices
                    else " -rF"
                    if arg.type == "path"
                    else " -x"
                    if arg.type != "bool"
                    else ""
                )
                lines.append(f"complete -c slskdn -n {when} -l {name}{takes} -d {_quoted(arg.help)}")
            elif arg.choices:
                lines.append(f"complete -c slskdn -n {when} -a '{' '.join(arg.choices)}' -d {_quoted(arg.help)}")
            elif arg.type == "path":
                lines.append(f"complete -c slskdn -n {when} -F -d {_quoted(arg.help)}")
        if helps.asks(spec):
            lines.append(f"complete -c slskdn -n {when} -l yes -d 'do not ask'")
    return "\n".join(dict.fromkeys(lines)) + "\n"


SHELLS = {"bash": bash, "zsh": zsh, "fish": fish}
