"""YAML from strangers: refused early, read plainly, written so that it reads back the same."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.config import safe_yaml
from slskdn_tui.config.settings import Secret
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText

HOSTILE = {
    "depth": ("[" * 50_000, "nested deeper"),
    "depth_of_mappings": ("\n".join(" " * i + "a:" for i in range(200)), "nested deeper"),
    "alias": ("a: [1]\nb: *x", "an alias"),
    "anchor": ("a: &x [1]", "an anchor"),
    "alias_bomb": ("a: &a [x, x]\nb: &b [*a, *a]", "an anchor"),
    "python_tag": ("a: !!python/object/apply:os.system [id]", "a tag"),
    "local_tag": ("a: !x 1", "a tag"),
    "tag_directive": ("%TAG ! tag:x.org,2000:\n---\na: 1", "%TAG"),
    "merge": ("<<: {a: 1}", "a merge key"),
    "duplicate": ("a: 1\nb: 2\na: 3", "key `a` again"),
    "second_document": ("a: 1\n---\nb: 2", "a second document"),
    "complex_key": ("? [a]\n: 1", "as a key"),
    "long_scalar": ("a: " + "x" * 5000, "longer than"),
    "many_nodes": ("[" + "1," * 60_000 + "]", "more than 50,000"),
    "large": ("# " + "x" * 1_100_000, "larger than"),
    "control": ("a: \x1b]52;c;x\x07", "not YAML"),
    "broken": ("a: [1,\nb", "not YAML"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_text_is_refused_with_a_reason(name: str) -> None:
    text, reason = HOSTILE[name]
    with pytest.raises(UserError) as caught:
        safe_yaml.load(text, "job.yaml")
    assert caught.value.code == "config"
    assert reason in caught.value.message
    assert "job.yaml" in caught.value.message


def test_hostile_depth_is_refused_before_the_rest_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = 0

    def counted(text: str, Loader: type) -> object:
        nonlocal taken
        for event in real(text, Loader=Loader):
            taken += 1
            yield event

    real = yaml.parse
    monkeypatch.setattr(yaml, "parse", counted)
    with pytest.raises(UserError):
        safe_yaml.load("[" * 50_000, "x")
    assert taken <= safe_yaml.MAX_DEPTH + 4


def test_the_line_of_a_duplicate_key_and_of_the_first_one_are_named() -> None:
    with pytest.raises(UserError, match=r"job.yaml, line 4: key `b` again \(first on line 2\)"):
        safe_yaml.load("a:\n  b: 1\n  c: 2\n  b: 3\n", "job.yaml")


def test_lines_of_nested_values_are_known() -> None:
    loaded = safe_yaml.load("# comment\na:\n  b:\n    - c: 1\n    - c: 2\n      d: 3\n", "x")
    assert loaded.data == {"a": {"b": [{"c": 1}, {"c": 2, "d": 3}]}}
    assert loaded.line_of(("a", "b", 1, "d")) == 6
    assert loaded.line_of(("a", "b", 1, "no such")) == 5
    assert loaded.line_of(("zzz",)) == 2


@pytest.mark.parametrize(
    "text", ["No", "yes", "on", "3:00:00", "010", "2025-12-09", "0x1f", "0o17", "1_000", ".nan", ".inf", "1e999", "9" * 5000, "Null?"]
)
def test_words_that_old_yaml_turns_into_something_else_stay_text(text: str) -> None:
    if len(text) <= safe_yaml.MAX_SCALAR:
        assert safe_yaml.load(f"a: {text}", "x").data == {"a": text}
    else:
        assert safe_yaml.scalar(text) == text


@pytest.mark.parametrize(
    ("text", "value"), [("12", 12), ("-3", -3), ("1.5", 1.5), ("1e3", 1000.0), ("true", True), ("~", None), ("", None), ("0", 0)]
)
def test_plain_values(text: str, value: object) -> None:
    read = safe_yaml.load(f"a: {text}", "x").data["a"]
    assert read == value and type(read) is type(value)


def test_an_empty_text_is_no_data() -> None:
    assert safe_yaml.load("", "x").data is None
    assert safe_yaml.load("# only words\n", "x").data is None


def test_a_manifest_of_5000_tracks_still_fits() -> None:
    text = safe_yaml.dump({"tracks": [{"position": i, "title": f"Track {i}", "duration_ms": 1000} for i in range(5000)]})
    assert len(safe_yaml.load(text, "x").data["tracks"]) == 5000


words = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co", "Zl", "Zp"), exclude_characters="\ufeff\ufffe\uffff"),
    max_size=20,
)
awkward = st.sampled_from(
    [
        "No",
        "1e3",
        "12",
        "~",
        "",
        "null",
        "010",
        "3:00",
        "<<",
        "=",
        "2025-12-09T15:30:00Z",
        "- a",
        "a: b",
        "#x",
        "*a",
        "&a",
        "!a",
        "%a",
        "1.",
        ".5",
        "true",
        "'",
        '"',
    ]
)
leaf = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.floats(allow_nan=False, allow_infinity=False) | words | awkward
tree = st.recursive(leaf, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words | awkward, inner, max_size=4), max_leaves=20)


@given(st.dictionaries(words | awkward, tree, max_size=5))
def test_what_is_written_reads_back_the_same(data: dict) -> None:
    assert safe_yaml.load(safe_yaml.dump(data), "x").data == data


def test_short_lists_stand_on_one_line_and_dates_plain_as_in_the_roadmap() -> None:
    text = safe_yaml.dump({"preferred_codecs": ["FLAC"], "started_at": "2025-12-09T15:30:00Z", "completed_tracks": [1, 2]})
    assert text == "preferred_codecs: [FLAC]\nstarted_at: 2025-12-09T15:30:00Z\ncompleted_tracks: [1, 2]\n"


def test_a_secret_is_written_as_stars_and_clean_text_as_text() -> None:
    assert safe_yaml.dump({"a": Secret("hunter2"), "b": SafeText("ok")}) == "a: '***'\nb: ok\n"


def test_what_cannot_be_written_is_said() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        safe_yaml.dump({"a": object()})
    with pytest.raises(ValueError, match="larger than"):
        safe_yaml.dump({"a": 10**30})
