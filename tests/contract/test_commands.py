"""The command table: everything has a name of its own, words, and keys that do not clash."""

import re
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.cli.app import VERBS, run
from slskdn_tui.cli.hooks import Hooks
from slskdn_tui.commands import SPECS, Arg, CommandSpec, by_key, by_name, by_verb
from slskdn_tui.engine.handlers.table import HANDLERS, checked
from slskdn_tui.seam import Command, Result

SCREENS = sorted({key.screen for spec in SPECS for key in spec.keys} - {"all"})
TAKEN = {"ctrl+b", "ctrl+a", "ctrl+s", "ctrl+q", "ctrl+h", "ctrl+i", "ctrl+m", "ctrl+j", "f10", "f11"}


def test_names_and_verbs_are_unique() -> None:
    assert [name for name, count in Counter(spec.name for spec in SPECS).items() if count > 1] == []
    assert [verb for verb, count in Counter(spec.verb for spec in SPECS if spec.verb).items() if count > 1] == []
    for spec in SPECS:
        assert by_name(spec.name) is spec
        assert not spec.verb or by_verb(spec.verb) is spec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
def test_a_command_says_what_it_does(spec) -> None:
    assert spec.summary and spec.summary[0].isupper() and not spec.summary.endswith(".") and len(spec.summary) <= 68
    assert all(arg.help for arg in spec.args)
    assert spec.where != "ui" or not spec.verb, "what only the screens do has no command line"
    assert spec.where == "ui" or spec.verb or spec.keys or not spec.palette  # what only faces hand on needs no way of its own
    names = [arg.name for arg in spec.args]
    assert len(names) == len(set(names))
    places = [arg for arg in spec.args if not arg.flag]
    assert [arg.required for arg in places] == sorted((arg.required for arg in places), reverse=True)
    assert not any(arg.many for arg in places[:-1])
    assert not spec.danger or spec.danger.count("?") == 1, "the question, then what is lost"


def test_a_key_means_one_thing_on_a_screen() -> None:
    for screen in ["all", *SCREENS]:
        keys = Counter(key.key for spec in SPECS for key in spec.keys if key.screen == screen)
        assert [key for key, count in keys.items() if count > 1] == [], screen


@pytest.mark.parametrize("screen", SCREENS)
def test_a_screens_footer_holds_at_most_eight_keys(screen: str) -> None:
    shown = {
        key.key
        for spec in by_key(screen).values()
        for key in spec.keys
        if key.footer and key.screen in ("all", screen) and by_key(screen).get(key.key) is spec
    }
    assert 1 <= len(shown) <= 8, sorted(shown)


def test_no_key_belongs_to_terminals_and_multiplexers() -> None:
    assert {key.key for spec in SPECS for key in spec.keys} & TAKEN == set()


@pytest.mark.parametrize("screen", SCREENS)
def test_esc_is_never_the_only_way_back(screen: str) -> None:
    back = [key for key, spec in by_key(screen).items() if spec.name == "app.back"]
    assert set(back) - {"escape"}


def test_every_command_reaches_who_carries_it_out() -> None:
    of = {where: {spec.name for spec in SPECS if spec.where == where} for where in ("engine", "cli")}
    assert of["engine"] == set(HANDLERS)
    assert of["cli"] == set(VERBS), "a face's verb has its function, and no function is without a verb"


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.where == "cli"], ids=lambda spec: spec.name)
def test_a_verb_of_the_command_line_is_run_by_a_test(spec: CommandSpec) -> None:
    """Those the engine carries out are all run below."""
    words = re.compile(r"""["']""" + r"""["'],\s*["']""".join(spec.verb) + r"""["']|["']""" + " ".join(spec.verb) + r"""[ "']""")
    root = Path(__file__).parents[1]
    assert [path for path in root.rglob("test_*.py") if path != Path(__file__) and words.search(path.read_text("utf-8"))]


WORDS = {"int": "3", "float": "0.5", "path": "a/b", "job": "0f4de638", "track": "2"}


def fullest(spec: CommandSpec) -> tuple[list[str], dict[str, Any]]:
    """The command line that says all there is to say, and what the engine should get of it."""
    line, wanted = list(spec.verb), dict[str, Any]()
    for arg in spec.args:
        if arg.name == "json":
            continue
        if arg.flag:
            line.append("--" + arg.name.replace("_", "-"))
        if arg.type != "bool":
            line.append(arg.choices[-1] if arg.choices else WORDS.get(arg.type, "word"))
        if arg.name != "yes":
            wanted[arg.name] = value_of(arg, line[-1])
    return line, wanted


def value_of(arg: Arg, word: str) -> Any:
    one: Any = word
    if arg.type in ("int", "track"):
        one = int(word)
    elif arg.type == "float":
        one = float(word)
    elif arg.type == "bool":
        one = True
    elif arg.type == "path":
        one = str(Path(word).absolute())
    return [one] if arg.many else one


@pytest.mark.parametrize("spec", [spec for spec in SPECS if spec.where == "engine" and spec.verb], ids=lambda spec: spec.name)
def test_all_that_a_verb_takes_comes_to_the_engine_which_takes_it(spec: CommandSpec, tmp_path: Path) -> None:
    sent: list[Command] = []

    class Engine:
        description = "a test's"

        async def start(self) -> None: ...
        async def stop(self) -> None: ...

        async def submit(self, command: Command) -> Result:
            sent.append(command)
            return Result()

    async def connect(*args: Any) -> Any:
        return Engine()

    def none(*args: Any) -> Any:
        raise AssertionError("not this")

    line, wanted = fullest(spec)
    assert run(line, Hooks(connect, none, none, none, none, none, none, none), {"SLSKDN_PROFILE": str(tmp_path)}) == 0
    assert sent == [Command(spec.name, wanted)]
    assert wanted.items() <= checked(sent[0])[1].items()
