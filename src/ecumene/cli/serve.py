"""``ecumene serve``."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
from typing import Any

from ecumene.cli import places

_EXAMPLES = """examples:
  ecumene serve --data DIR
  ecumene serve --data DIR --host 0.0.0.0 --limits gee        others may reach it, with keys

The variable ECUMENE_CACHE_MB sets the memory for decoded pixels (a quarter of the machine's, at most 4096).
"""

YOUNG = 20_000
"""Objects made, less those ended, between two looks of the collector of cycles; Python's own 700 suits small programs."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def register(subparsers: Any) -> None:
    """Adds the command to the parser."""
    serve = subparsers.add_parser(
        "serve",
        help="serve the Earth Engine API over HTTP",
        description="Serves the catalogue of a data folder until it is interrupted. Clients need a key ('ecumene keys create') unless --anonymous is given.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    places.register(
        serve, "data folder: the catalogue and the accounts are kept here (made if missing)"
    )
    serve.add_argument(
        "--host", default="127.0.0.1", help="address to listen on (default: %(default)s)"
    )
    serve.add_argument(
        "--port", type=port, default=8080, help="port to listen on (default: %(default)s)"
    )
    serve.add_argument(
        "--anonymous",
        action="store_true",
        help="let requests without a token in (loopback addresses only)",
    )
    serve.add_argument(
        "--limits",
        choices=("open", "gee"),
        default="open",
        help="how large a request may be: 'open' is generous, 'gee' as strict as Earth Engine (default: %(default)s)",
    )
    serve.add_argument(
        "--timeout",
        type=float,
        metavar="SECONDS",
        help="longest time of one computation (default: 300, as Earth Engine)",
    )
    serve.add_argument(
        "--workers",
        type=int,
        default=2,
        metavar="N",
        help="exports and ingestions that run at the same time; 0 leaves them to others (default: %(default)s)",
    )
    serve.set_defaults(run=run)


def port(text: str) -> int:
    """A TCP port; the system would silently take larger numbers modulo 65536."""
    number = int(text) if text.isdecimal() else -1
    if not 0 <= number <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port (0 to 65535)")
    return number


def _settle() -> None:
    """Freed memory is kept for the next blocks; the collector of cycles need not look at what stays."""
    from ecumene.storage import heap

    heap.keep()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)


def run(options: argparse.Namespace) -> int:
    """Serves until interrupted."""
    if options.anonymous and options.host not in LOOPBACK:
        print(
            "ecumene: --anonymous is refused beyond the loopback address: make keys instead.",
            file=sys.stderr,
        )
        return 2
    print("Starting …", file=sys.stderr, flush=True)
    import uvicorn

    from ecumene.app import build

    application = build(
        options.data,
        limits=options.limits,
        anonymous=options.anonymous,
        compute_seconds=options.timeout,
        tasks=options.workers,
    )
    shown = f"[{options.host}]" if ":" in options.host else options.host
    access = "everybody on this machine" if options.anonymous else "clients with a key"
    print(
        f"Ecumene serves {options.data} on http://{shown}:{options.port} to {access}",
        file=sys.stderr,
        flush=True,
    )
    signal.signal(signal.SIGHUP, lambda *_: application.forget())
    _settle()
    uvicorn.run(
        application, host=options.host, port=options.port, log_level="warning", access_log=False, server_header=False,
        timeout_graceful_shutdown=10,
    )  # fmt: skip
    return 0
