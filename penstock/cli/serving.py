"""`penstock serve` and `penstock stop`."""

import contextlib
import logging
import os
import signal
import socket
import sys
import time
from pathlib import Path

import uvicorn
from rich.console import Console

from penstock import service, telemetry
from penstock.cli import progress
from penstock.cli.failure import fail
from penstock.flink import cluster, processes
from penstock.server import protocol
from penstock.settings import Settings

log = logging.getLogger("penstock")

_STOP_PATIENCE_S = 60
_GO_ON = "go on (penstock stop --engines ends them)"
_ENDED = "ended with it"


def serve(settings: Settings) -> None:
    """Run the service until a signal ends it."""
    telemetry.set_up_logging(settings.log_level)
    for each in (signal.SIGINT, signal.SIGTERM):
        signal.signal(each, lambda *_: sys.exit(0))
    try:
        storage = service.open_storage(settings)
        with service.held(settings) as seat, _listen(settings) as listener:
            _run(settings, storage, listener, seat)
    except service.CannotStart as error:
        fail(str(error))


def _run(settings: Settings, storage: service.Storage, listener: socket.socket, seat: service.Seat) -> None:
    running = service.Service(settings, storage, progress.Downloads(Console(stderr=True), log.info), seat)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{listener.getsockname()[1]}"
    running.start()
    seat.announce(url)
    log.info("listening on %s, data in %s", url, settings.data_dir)
    try:
        uvicorn.Server(protocol.configuration(running.app, settings.trusted_proxies)).run(sockets=[listener])
    finally:
        running.stop()
        log.info("stopped; Flink and its jobs %s", _ENDED if settings.stop_engines else _GO_ON)


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    try:
        return socket.create_server((settings.host, settings.port), family=family, backlog=1024)
    except OSError as error:
        raise service.CannotStart(
            f"cannot listen on {settings.host}:{settings.port}: {os.strerror(error.errno or 0)}"
        ) from error


def stop(data_dir: Path, *, engines: bool) -> None:
    """End what runs on the data directory, and say what that was."""
    running = service.running(data_dir)
    for instance in running:
        _end(instance, data_dir)
        print(f"stopped the service on {data_dir}")
    if not running:
        print(f"no service runs on {data_dir}")
    if engines:
        try:
            ended = cluster.stop_all(data_dir)
        except processes.StillRunning as error:
            fail(str(error))
        print(f"ended {ended} engine processes")


def _end(running: service.Instance, data_dir: Path) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(running.pid, signal.SIGTERM)
    deadline = time.monotonic() + _STOP_PATIENCE_S
    while running in service.running(data_dir):
        if time.monotonic() > deadline:
            fail(f"the service (pid {running.pid}) has not ended within {_STOP_PATIENCE_S} s")
        time.sleep(0.05)
