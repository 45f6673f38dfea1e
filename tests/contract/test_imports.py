"""Who imports whom: the static contracts, and what is really loaded by a child process (a static graph misses deferred imports)."""

import ast
import json
import os
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "slskdn_tui"
ENGINE = PACKAGE / "engine"
HEAVY = ("textual", "rich", "aioslsk", "numpy", "scipy", "av", "soundfile", "libtorrent")

# docs/architecture.md: what each domain of the engine may import, besides model, config and engine/runtime.
TABLE: dict[str, set[str]] = {
    "content": set(),
    "store": set(),
    "peers": {"store"},
    "trace": {"store"},
    "dht": {"store"},
    "music": {"store"},
    "audio": {"content", "store"},
    "swarm": {"content", "peers", "store", "trace"},
    "soulseek": {"peers", "store"},
    "overlay": {"content", "dht", "peers", "store"},
    "library": {"content", "audio", "music", "store"},
    "discovery": {"peers", "store"},
    "cache": {"jobs", "library", "store"},
    "playback": {"jobs", "swarm"},
    "jobs": {"content", "store", "peers", "trace", "dht", "music", "audio", "swarm", "soulseek", "overlay", "library"},
    "bench": {"overlay", "swarm", "content", "peers"},
    "handlers": {
        "content",
        "store",
        "peers",
        "trace",
        "dht",
        "music",
        "audio",
        "swarm",
        "soulseek",
        "overlay",
        "library",
        "jobs",
        "playback",
        "cache",
    },
    "views": {"content", "store", "peers", "trace", "dht", "music", "audio", "swarm", "soulseek", "overlay", "library", "jobs", "playback"},
}


def domains() -> list[str]:
    return sorted(path.name for path in ENGINE.iterdir() if (path / "__init__.py").exists() and path.name != "runtime")


def loaded_by(code: str) -> set[str]:
    """Heavy packages in `sys.modules` after `code` ran in a fresh interpreter."""
    probe = f"{code}\nimport sys, json\nsys.stderr.write('\\x1e' + json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    environ = {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}
    done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, cwd=ROOT, env=environ, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.rpartition("\x1e")[2]))


def test_the_walls_stand() -> None:
    lint = Path(sys.executable).with_name("lint-imports")
    if not lint.exists():
        pytest.skip("import-linter is not installed (pip install 'slskdn-tui[dev]')")
    done = subprocess.run([lint, "--no-cache"], capture_output=True, text=True, cwd=ROOT, timeout=300, check=False)
    assert done.returncode == 0, done.stdout[-6000:]


def test_every_domain_has_its_contract_and_the_contract_is_the_table() -> None:
    parser = ConfigParser()
    parser.read(ROOT / ".importlinter")
    there = set(domains())
    assert there <= set(TABLE), "a new domain needs a row in docs/architecture.md, in TABLE and in .importlinter"
    for domain in there:
        section = parser[f"importlinter:contract:domain-{domain}"]
        assert section["type"] == "protected" and section["protected_modules"].split() == [f"slskdn_tui.engine.{domain}"]
        users = {
            line.removeprefix("slskdn_tui.engine.")
            for line in section["allowed_importers"].split()
            if line.startswith("slskdn_tui.engine.")
        }
        assert users == {other for other in there if domain in TABLE[other]}, domain


@pytest.mark.parametrize("domain", [*domains(), "runtime"])
def test_a_domains_own_init_imports_no_other_domain(domain: str) -> None:
    """The contracts let `engine/*.py` import everything; a domain's `__init__` has the same depth and must not use that."""
    tree = ast.parse((ENGINE / domain / "__init__.py").read_text())
    for node in ast.walk(tree):
        names = (
            [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else []
        )
        for name in names:
            if name.startswith("slskdn_tui.engine."):
                other = name.split(".")[2]
                assert other in TABLE.get(domain, set()) | {domain, "runtime"}, f"{domain} imports {other}"


def test_the_engine_loads_no_screen_library() -> None:
    assert not loaded_by("import slskdn_tui.engine.engine") & {"textual", "rich"}


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "--version",
        "jobs list --help",
        "jobs pause x",
        "config path",
        "completions bash",
        "themes list",
        "init --help",
        "debug job x",
        "audio inspect --help",
    ],
)
def test_a_verb_loads_neither_screens_nor_the_network_nor_audio(line: str) -> None:
    code = f"""
from slskdn_tui.cli.app import run
from slskdn_tui.cli.hooks import Hooks
from slskdn_tui.model.errors import UserError
async def none(*args): raise UserError("no_engine", "none runs")
run({line.split()!r}, Hooks(none, none, none, none, none, none, none, none), {{"SLSKDN_PROFILE": "/nonexistent"}})
"""
    assert loaded_by(code) == set()


@pytest.mark.parametrize("line", ["status", "jobs list"])
def test_looking_with_no_engine_running_reads_the_database_and_loads_nothing_heavy(line: str, tmp_path: Path) -> None:
    code = f"from slskdn_tui.main import main\nmain(['--profile', {str(tmp_path)!r}, *{line.split()!r}])"
    assert loaded_by(code) == set()


def test_the_bench_loads_neither_aioslsk_nor_numpy() -> None:
    assert not loaded_by("import slskdn_tui.engine.bench.serve, slskdn_tui.engine.bench.fetch") & set(HEAVY)


def test_main_itself_is_light() -> None:
    assert loaded_by("import slskdn_tui.main") == set()
