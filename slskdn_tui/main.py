"""The one place that chooses an engine and hands it to a face. Everything heavy is imported where it is needed: a CLI verb starts light."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sys
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from slskdn_tui.engine.bench.plain import plain
from slskdn_tui.model.errors import UserError

if TYPE_CHECKING:
    from slskdn_tui.cli.hooks import AppOptions, CheckLine, DemoOptions
    from slskdn_tui.config.paths import Paths
    from slskdn_tui.config.settings import Settings
    from slskdn_tui.engine.engine import Engine
    from slskdn_tui.model.audio import AudioFacts
    from slskdn_tui.seam import EngineProtocol


async def _attach(paths: Paths) -> EngineProtocol | None:
    """The engine that serves this profile, if one does."""
    from slskdn_tui.engine.remote import RemoteEngine

    if not paths.socket.exists():
        return None
    engine = RemoteEngine(paths.socket)
    try:
        await engine.start()
    except UserError as error:
        if error.code != "no_engine":
            raise
        return None
    return engine


async def connect(paths: Paths, settings: Settings, need: str) -> EngineProtocol:
    """A started engine for a CLI verb: the running one, or for looking only the databases. UserError `no_engine` when `need` is live and none runs."""
    if engine := await _attach(paths):
        return engine
    if need == "live":
        raise UserError("no_engine", "no engine runs for this profile", "start `slskdn` (the screens) or `slskdn serve` in another window")
    from slskdn_tui.engine.readonly import ReadOnlyEngine

    readonly = ReadOnlyEngine(paths, settings=settings)
    await readonly.start()
    return readonly


def _own_engine(paths: Paths, settings: Settings, how: str) -> Engine:
    from slskdn_tui.config.secrets import resolve_password
    from slskdn_tui.engine.engine import Engine

    return Engine(paths, settings, password=resolve_password(settings), how=how)


def serve(paths: Paths, settings: Settings) -> int:
    """Run the engine until SIGTERM, SIGINT, `slskdn stop`, or a hang-up that `nohup` does not ignore."""
    from slskdn_tui.cli.serving import talk

    async def main() -> None:
        engine = _own_engine(paths, settings, "slskdn serve")
        loop = asyncio.get_running_loop()
        hung_up = () if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else (signal.SIGHUP,)
        for number in (signal.SIGTERM, signal.SIGINT, *hung_up):
            loop.add_signal_handler(number, engine.ask_to_stop)
        await engine.start()
        print(f"slskdn serves {paths.config}; `slskdn` attaches its screens, `slskdn stop` ends it", file=sys.stderr, flush=True)
        talking = asyncio.create_task(talk(engine))
        try:
            await engine.wait()
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            await engine.stop()

    asyncio.run(main())
    return 0


def screens(paths: Paths, settings: Settings, options: AppOptions) -> int:
    """The Textual app over the running engine, or over one of its own; for looking only, over the databases."""
    from slskdn_tui.config.themes import theme_folders
    from slskdn_tui.ui.app import run_app

    def engine_factory() -> EngineProtocol:
        from slskdn_tui.engine.remote import RemoteEngine

        if paths.socket.exists() and asyncio.run(_answers(paths)):
            return RemoteEngine(paths.socket)
        if options.readonly:
            from slskdn_tui.engine.readonly import ReadOnlyEngine

            return ReadOnlyEngine(paths, settings=settings)
        return _own_engine(paths, settings, "in this window")

    return run_app(
        engine_factory(),
        settings=settings.ui.model_copy(update={"mouse": settings.ui.mouse and options.mouse}),
        themes_dirs=theme_folders(paths, os.environ),
        theme=options.theme or settings.ui.theme,
        ascii_mode=options.ascii,
        refresh_hz=options.refresh_hz or settings.ui.refresh_hz,
        low_bandwidth=options.low_bandwidth,
        readonly=options.readonly,
    )


async def _answers(paths: Paths) -> bool:
    engine = await _attach(paths)
    if engine is None:
        return False
    await engine.stop()
    return True


async def probe(paths: Paths, settings: Settings) -> list[CheckLine]:
    """What `slskdn check` asks of the engine's libraries."""
    from slskdn_tui.cli.hooks import CheckLine
    from slskdn_tui.engine.probe import probe as engine_probe

    return [CheckLine(part, state, words, mend) for part, state, words, mend in await engine_probe(paths, settings)]


async def analyse(files: Sequence[str]) -> AsyncGenerator[AudioFacts, None]:
    """The facts of each file, in order, by one worker process."""
    from slskdn_tui.engine.audio.check import AudioChecker

    checker = AudioChecker()
    try:
        for file in files:
            yield await checker.analyse(file)
    finally:
        await checker.close()


def demo(options: DemoOptions) -> int:
    from slskdn_tui.config.paths import Paths
    from slskdn_tui.lab.run import run_demo
    from slskdn_tui.ui.terminal import ended_in_order

    async def attach(paths: Paths) -> EngineProtocol:
        engine = await _attach(paths)
        if engine is None:
            raise UserError("no_engine", f"no engine answers in {paths.config}", "look into its log")
        return engine

    def show(profile: Path) -> int:
        from slskdn_tui.config.load import load_settings

        paths = Paths.of(profile)
        return screens(paths, load_settings(paths, {}), options.app)

    with ended_in_order():
        return run_demo(options, attach, show)


def bench_serve(listen: str, ready: str | None, file: str) -> int:
    from slskdn_tui.engine.bench.serve import serve as bench

    return bench(listen, ready, file)


def bench_fetch(out: str, peers: str, as_json: bool) -> int:
    from slskdn_tui.engine.bench.knock import knock

    knocks = knock(peers)
    from slskdn_tui.engine.bench.fetch import fetch

    return fetch(out, peers, as_json, knocks)


def main(argv: Sequence[str] | None = None) -> int:
    """The `slskdn` command; returns its exit code."""
    words = sys.argv[1:] if argv is None else argv
    failed: BaseException | None = None
    if (bench := plain(words)) is not None:  # measured from its first moment: it does not wait for the command line to load
        gc.disable()  # nothing of what is loaded now is garbage, and looking for it takes a fifth of the time; the bench enables it again
        try:
            if bench.verb == "serve":
                return bench_serve(bench.values["--listen"], bench.values.get("--ready"), bench.values["file"])
            code = bench_fetch(bench.values["--out"], bench.values["--peers"], bench.json)
            if argv is None:
                os._exit(code)  # all is written and closed: taking the interpreter apart would only be measured, too
            return code
        except (UserError, KeyboardInterrupt) as error:
            failed = error
    from slskdn_tui.cli.app import run
    from slskdn_tui.cli.hooks import Hooks

    def tell(*_: object) -> int:
        """The command line says what went wrong, as it does for any verb."""
        assert failed is not None
        raise failed

    serving, fetching = (bench_serve, bench_fetch) if failed is None else (tell, tell)
    return run(words, Hooks(connect, screens, serve, demo, serving, fetching, probe, analyse))
