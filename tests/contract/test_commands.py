"""The command table: everything has a name of its own, words, and keys that do not clash."""

from collections import Counter

import pytest

from slskdn_tui.commands import SPECS, by_key, by_name, by_verb

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
