"""`python -m slskdn_tui.engine.bench serve|fetch`: the two bench verbs without the command line's own imports. Shell."""

from __future__ import annotations

import argparse
import gc
import os
import sys

from slskdn_tui.engine.bench.knock import knock
from slskdn_tui.model.errors import UserError


def main() -> int:
    parser = argparse.ArgumentParser(prog="slskdn bench")
    verbs = parser.add_subparsers(dest="verb", required=True)
    serve = verbs.add_parser("serve")
    serve.add_argument("--listen", required=True)
    serve.add_argument("--ready")
    serve.add_argument("file")
    fetch = verbs.add_parser("fetch")
    fetch.add_argument("--json", action="store_true")
    fetch.add_argument("--out", required=True)
    fetch.add_argument("--peers", required=True)
    given = parser.parse_args()
    gc.disable()  # until the modules are loaded, as in `slskdn_tui.main`
    try:
        if given.verb == "serve":
            from slskdn_tui.engine.bench.serve import serve as run_serve

            return run_serve(given.listen, given.ready, given.file)
        knocks = knock(given.peers)
        from slskdn_tui.engine.bench.fetch import fetch as run_fetch

        code = run_fetch(given.out, given.peers, given.json, knocks)
        os._exit(code)  # all is written and closed: taking the interpreter apart would only be measured, too
    except UserError as error:
        sys.stderr.write(f"{error}\n")
        return error.exit_code


if __name__ == "__main__":
    raise SystemExit(main())
