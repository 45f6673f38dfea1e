"""Rooms stay readable."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted(path for folder in ("slskdn_tui", "tests") for path in (ROOT / folder).rglob("*.py"))


def test_no_file_is_longer_than_500_lines() -> None:
    long = {str(path.relative_to(ROOT)): count for path in FILES if (count := len(path.read_text().splitlines())) > 500}
    assert long == {}


def test_the_app_is_at_most_300_lines() -> None:
    app = ROOT / "slskdn_tui" / "ui" / "app.py"
    assert app.exists() and len(app.read_text().splitlines()) <= 300


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.is_relative_to(ROOT / "slskdn_tui")], ids=lambda path: str(path.relative_to(ROOT))
)
def test_every_module_says_what_it_is(path: Path) -> None:
    text = path.read_text()
    assert not text or text.lstrip().startswith(('"""', 'r"""')), "a module begins with its docstring"


def test_nothing_unfinished_is_left() -> None:
    words = ("TO" + "DO", "FIX" + "ME")
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in FILES
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if any(word in line for word in words)
    ]
    assert found == []
