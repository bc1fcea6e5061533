"""The fake server as a process: `python -m synthgen.testing --port 0 --fault rate_limit=0.05`.

A fake OpenAI-compatible server on this machine. It prints its base URL and serves until Ctrl-C or SIGTERM. Then it
prints the number of chat requests by status and fault, as one JSON object; with `--slots` also the work of the slots. It
keeps no bodies in memory.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict

from synthgen.errors import SynthgenError
from synthgen.testing.dialects import DIALECTS
from synthgen.testing.faults import KINDS, STRAYS, Script, first_of, mix, stray
from synthgen.testing.latency import Latency
from synthgen.testing.limits import Limits
from synthgen.testing.server import FakeOpenAI
from synthgen.text.tokenizer import DEFAULT_ENCODING, get_tokenizer

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        server = _server(given)
    except SynthgenError as error:
        parser.error(str(error))
    try:
        asyncio.run(_serve(server))
    except OSError as error:
        parser.error(str(error))
    slots = {"slots": asdict(server.slot_use)} if given.slots else {}
    _print(json.dumps({**server.counts, **slots}, sort_keys=True))
    return 0


def _server(given: argparse.Namespace) -> FakeOpenAI:
    limits = Limits(
        given.rpm, given.tpm, given.window_s, given.limit_kind, given.limit_headers, retry_after=given.limit_headers
    )
    return FakeOpenAI(
        port=given.port,
        latency=Latency.parse(given.latency_ms),
        script=_script(given),
        slots=given.slots,
        limits=limits if given.rpm or given.tpm else None,
        dialect=given.dialect,
        api_key=given.api_key,
        models=tuple(given.model or ("fake-model",)),
        caching=given.caching,
        keep_bodies=False,
        log_file=given.log,
        log_bodies=given.log_bodies,
        batch_delay_s=given.batch_delay_s,
    )


def _script(given: argparse.Namespace) -> Script | None:
    after, as_date, seed = given.retry_after, given.retry_after_date, given.seed
    scripts = []
    if given.stray:
        scripts.append(stray(given.stray, given.stray_status, retry_after=after, retry_after_as_date=as_date, seed=seed))
    if given.fault:
        scripts.append(mix(dict(given.fault), retry_after=after, retry_after_as_date=as_date, seed=seed))
    return first_of(*scripts) if scripts else None


async def _serve(server: FakeOpenAI) -> None:
    # The token table is loaded before the first request, and the garbage collector ignores it.
    get_tokenizer(DEFAULT_ENCODING)
    gc.freeze()
    serving = asyncio.ensure_future(server.serve(ready=_print))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
    try:
        await serving
    except asyncio.CancelledError:
        return


def _parser() -> argparse.ArgumentParser:
    kinds = "\n".join(f"  {kind:14} {meaning}" for kind, meaning in KINDS.items())
    parser = argparse.ArgumentParser(
        prog="python -m synthgen.testing",
        description=(__doc__ or "").partition("\n\n")[2],
        epilog=f"faults:\n{kinds}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 (the default) takes a free port")
    add(
        "--latency-ms",
        default="0",
        metavar="MS",
        help="50, or uniform:100:500, or log-normal:MEAN:SIGMA; 300,10=30000 is 30 s from second 10 on",
    )
    add("--fault", action="append", default=[], type=_rate, metavar="KIND=RATE", help="a share of the requests; repeatable")
    add("--stray", type=float, default=0.0, metavar="SHARE", help="turn away a share of all attempts, the repeated ones too")
    add("--stray-status", type=int, default=429, choices=list(STRAYS), help="their status (429)")
    add("--retry-after", metavar="S", help="send this header with 429, 503 and 529 of faults and strays")
    add("--retry-after-date", action="store_true", help="send it as an HTTP date")
    add("--seed", type=int, default=0, help="selects the requests that get faults")
    add("--dialect", default="permissive", choices=sorted(DIALECTS), help="kind of server (default: permissive)")
    add("--model", action="append", metavar="NAME", help="a model that exists; repeatable (default: fake-model)")
    add("--api-key", metavar="KEY", help="answer 401 to any other key")
    add("--rpm", type=int, metavar="N", help="limit of requests per minute")
    add("--tpm", type=int, metavar="N", help="limit of tokens per minute")
    add("--window-s", type=float, default=60.0, metavar="S", help="time window of the limits (60)")
    add("--limit-kind", default="sliding", choices=["sliding", "bucket"], help="an exact window, or a bucket that refills")
    add(
        "--no-limit-headers",
        dest="limit_headers",
        action="store_false",
        help="never say what the limits are, or when to try again",
    )
    add("--slots", type=int, metavar="N", help="work on N answers at a time and queue the other requests")
    add("--caching", action="store_true", help="report repeated prefixes as cached")
    add("--batch-delay-s", type=float, default=0.0, metavar="S", help="duration of a batch")
    add("--log", metavar="FILE", help="append every request on arrival to this JSONL file")
    add("--no-log-bodies", dest="log_bodies", action="store_false", help="write no bodies to the log")
    return parser


def _rate(text: str) -> tuple[str, float]:
    kind, _, rate = text.partition("=")
    return kind, float(rate)


def _print(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
