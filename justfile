# Everything runs from the project's own virtual environment when there is one.
python := if path_exists(".venv/bin/python") == "true" { ".venv/bin/python" } else { "python3" }

# What CI checks beside the tests: lint, types, import contracts, generated pages.
check:
    {{python}} -m ruff check slskdn_tui tests
    {{python}} -m ruff format --check slskdn_tui tests
    {{python}} -m mypy
    {{python}} -c "import sys; from importlinter.cli import lint_imports_command; sys.argv = [\"lint-imports\"]; lint_imports_command()"
    {{python}} -m slskdn_tui.cli.docs --check
    {{python}} -m tests.fakes.pictures --check

# The fast tests: no apt tool, no network beyond 127.x.
test *args:
    {{python}} -m pytest {{args}}

# Slow and interop tests, which need the tools .ci/run installs.
test-all:
    {{python}} -m pytest -m "slow or interop"

# One figure of the docs: `just bench loopback`.
bench name *args:
    {{python}} tests/bench/{{name}}.py {{args}}

# Ten million inputs over a decoder: `just fuzz krpc`. Needs the extra `fuzz`.
fuzz name *args:
    {{python}} tests/fuzz/fuzz_{{name}}.py --runs 10000000 {{args}}

# Long runs: big simulations and many kills.
nightly:
    SLSKDN_NIGHTLY=1 {{python}} -m pytest -m "slow or interop"

# Before a release: everything, a thousand kills, and the wheel from a clean folder.
release-check: check test test-all
    SLSKDN_NIGHTLY=1 {{python}} -m pytest -m slow tests/engine/swarm/test_kills.py
    {{python}} -m build

demo *args:
    {{python}} -m slskdn_tui demo {{args}}
