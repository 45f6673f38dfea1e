"""What people install: the wheel holds the themes and the licence, and nothing of the tests."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
def test_the_wheel_holds_themes_and_code_and_starts(tmp_path: Path) -> None:
    pytest.importorskip("build", reason="build is not installed (pip install 'slskdn-tui[dev]')")
    command = [sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "lib")
    wanted = {f"slskdn_tui/themes/{path.name}" for path in (ROOT / "themes").glob("*.toml")}
    wanted |= {str(path.relative_to(ROOT)) for path in (ROOT / "slskdn_tui").rglob("*.py")}
    assert wanted <= names and any(name.endswith("themes/night.toml") for name in names)
    assert any(name.endswith("LICENSE") for name in names) and not any(name.startswith("tests") for name in names)
    code = (
        "from pathlib import Path; from slskdn_tui.config.themes import bundled_dir, list_themes; import slskdn_tui;"
        "assert Path(slskdn_tui.__file__).is_relative_to(Path.cwd()); assert bundled_dir().is_relative_to(Path.cwd()); assert list_themes()"
    )
    started = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=tmp_path / "lib",
        env={"PYTHONPATH": str(tmp_path / "lib")},
        check=False,
    )
    assert started.returncode == 0, started.stderr


def test_the_projects_facts_are_stated() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    from slskdn_tui import __version__

    assert project["version"] == __version__
    assert project["license"] == "GPL-3.0-or-later" and project["requires-python"] == ">=3.11"
    assert project["scripts"] == {"slskdn": "slskdn_tui.main:main"}
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text()
