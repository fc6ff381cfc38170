"""Opening a data directory, holding it alone, and starting the service while Flink is away."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import func, select

from penstock import service
from penstock.domain.queue import DEFAULT
from penstock.service import CannotStart
from penstock.settings import Settings
from penstock.store import access, queues, schema

URL = "http://127.0.0.1:8380"


@pytest.fixture(autouse=True)
def _own_umask() -> Iterator[None]:
    """Give the widest one, so that a mode is what the service makes it; it sets the process's own."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return replace(
        Settings(), data_dir=tmp_path / "data", flink_home=tmp_path / "no Flink", java=tmp_path / "no Java"
    )


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[service.Storage]:
    storage = service.open_storage(settings)
    yield storage
    storage.database.close()


def on(data_dir: Path) -> Settings:
    return replace(Settings(), data_dir=data_dir)


def counted(storage: service.Storage) -> dict[str, int]:
    tables = (schema.PROJECTS, schema.USERS, schema.MEMBERSHIPS, schema.ACCESS_KEYS)
    with storage.database.read() as tx:
        return {table.name: tx.execute(select(func.count()).select_from(table)).scalar_one() for table in tables}


# --- the buckets ---


def test_a_storage_map_that_cannot_be_used_is_told_of(settings: Settings, tmp_path: Path) -> None:
    file = tmp_path / "storage.toml"
    file.write_text("\n[state]\n")
    told = "^cannot use the storage map: .*storage.toml, line 2, table 'state': it names no place; "
    with pytest.raises(CannotStart, match=told):
        service.open_buckets(replace(settings, storage=file))
    file.write_text("[state]\nfolder = 'a,b'\n")
    with pytest.raises(CannotStart, match="Flink cannot use a folder with ','"):
        service.open_buckets(replace(settings, storage=file))


@pytest.mark.parametrize(("mode", "told"), [(0o644, True), (0o600, False)])
def test_a_storage_map_whose_secret_others_can_read_is_warned_of(
    settings: Settings, tmp_path: Path, caplog: pytest.LogCaptureFixture, mode: int, told: bool
) -> None:
    file = tmp_path / "storage.toml"
    file.write_text("[state]\nendpoint = 'http://s3.test'\naccess_key = 'AK'\nsecret_key = 'hidden'\n")
    file.chmod(mode)
    buckets = service.open_buckets(replace(settings, storage=file))
    assert buckets.knows("state")
    assert (f"others can read {file}, which holds a secret key" in caplog.text) is told
    assert "hidden" not in caplog.text


# --- the data directory ---


def test_the_first_start_makes_one_of_each_and_later_ones_make_none(settings: Settings) -> None:
    keys = []
    for _ in range(3):
        with opened(settings) as storage, storage.database.read() as tx:
            keys.append(access.first_key(tx, storage.vault))
            assert counted(storage) == {"projects": 1, "users": 1, "memberships": 1, "access_keys": 1}
    assert keys[0] is not None
    assert keys == [keys[0]] * 3


def test_processes_that_open_a_new_directory_at_once_make_one_of_each(settings: Settings) -> None:
    program = (
        "import sys; from pathlib import Path; from penstock import service, settings\n"
        "service.open_storage(settings.load({'data_dir': Path(sys.argv[1])}, {})).database.close()\n"
    )
    command = [sys.executable, "-c", program, settings.data_dir]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0)] * 3
    with opened(settings) as storage:
        assert counted(storage) == {"projects": 1, "users": 1, "memberships": 1, "access_keys": 1}


def test_everything_in_it_is_for_its_owner_only(settings: Settings) -> None:
    with opened(settings), service.held(settings) as seat:
        seat.announce(URL)
        modes = {file.name: file.stat().st_mode & 0o777 for file in settings.data_dir.iterdir()}
    assert modes.keys() >= {"penstock.db", "penstock.db-wal", "secret.key", "serve.lock", "serve.json"}
    assert set(modes.values()) == {0o600}
    assert settings.data_dir.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("content", [Fernet.generate_key(), b"", None], ids=["another", "empty", "missing"])
def test_without_its_key_file_it_cannot_be_opened(settings: Settings, content: bytes | None) -> None:
    with opened(settings):
        pass
    file = settings.data_dir / "secret.key"
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(CannotStart, match="the key file"):
        service.open_storage(settings)


def test_a_file_in_its_place_is_told_of(settings: Settings) -> None:
    settings.data_dir.write_text("")
    with pytest.raises(CannotStart, match=f"cannot open the data directory {settings.data_dir}: .*File exists"):
        service.open_storage(settings)


def test_a_database_that_cannot_be_used_is_told_of(settings: Settings, tmp_path: Path) -> None:
    for url in (f"sqlite:///{tmp_path}", "nonsense", "nosuchdb://host/name"):
        with pytest.raises(CannotStart, match="cannot use the database: "):
            service.open_storage(replace(settings, database_url=url))


def test_a_disk_that_fills_up_at_any_point_is_told_of_and_leaves_nothing_in_the_way(settings: Settings) -> None:
    """The limit on the size of a file stands for the disk."""
    program = (
        "import resource, signal, sys; from pathlib import Path; from penstock import service, settings\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "told = set()\n"
        "for number, size in enumerate([1, *range(4096, 170_000, 8192), -1]):\n"
        "    resource.setrlimit(resource.RLIMIT_FSIZE, (size, -1))\n"
        "    for place in (f'{sys.argv[1]}/each-{number}', f'{sys.argv[1]}/same'):\n"
        "        try: service.open_storage(settings.load({'data_dir': Path(place)}, {})).database.close()\n"
        "        except service.CannotStart as error: told.add(str(error).rpartition(': ')[2])\n"
        "        else: told.add('opened')\n"
        "print(sorted(told))\n"
    )
    settings.data_dir.mkdir()
    done = subprocess.run(
        [sys.executable, "-c", program, settings.data_dir], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "'opened'" in done.stdout
    with opened(replace(settings, data_dir=settings.data_dir / "same")) as storage:
        assert counted(storage)["access_keys"] == 1


# --- one service per data directory ---


def test_a_second_holder_is_refused_with_the_address_of_the_first(tmp_path: Path) -> None:
    settings = on(tmp_path)
    with service.held(settings) as seat:
        seat.announce(URL)
        told = f"a service already runs on {tmp_path} at {URL} \\(pid {os.getpid()}\\); end it with: penstock stop"
        with pytest.raises(CannotStart, match=told), service.held(settings):
            pass
        assert service.running(tmp_path) == [service.Instance(os.getpid(), URL)], (
            "a refused holder takes nothing away"
        )
    assert service.running(tmp_path) == []
    with service.held(on(tmp_path)):
        pass


def test_a_holder_that_has_not_announced_itself_yet_still_holds(tmp_path: Path) -> None:
    told = f"a service already runs on {tmp_path}; end it"
    with service.held(on(tmp_path)), pytest.raises(CannotStart, match=told), service.held(on(tmp_path)):
        pass


def test_a_file_cannot_be_held(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CannotStart, match="cannot lock the data directory"), service.held(on(tmp_path / "file")):
        pass


def test_a_holder_that_was_killed_holds_no_more(tmp_path: Path) -> None:
    program = (
        "import sys, pathlib; from penstock import service, settings\n"
        "with service.held(settings.load({'data_dir': pathlib.Path(sys.argv[1])}, {})) as seat:\n"
        f"    seat.announce({URL!r}); print('held', flush=True); input()\n"
    )
    command = [sys.executable, "-c", program, tmp_path]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert service.running(tmp_path) == [service.Instance(holder.pid, URL)]
        holder.kill()
    assert (tmp_path / "serve.json").exists()
    assert service.running(tmp_path) == []
    with service.held(on(tmp_path)):
        pass


@pytest.mark.parametrize(
    "left",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"pid": 1}',
        json.dumps({"pid": 2**22 + 1, "url": URL}),
        json.dumps({"pid": os.getpid(), "url": URL}),
    ],
    ids=["empty", "null", "list", "object", "half", "no such process", "another process with that pid"],
)
def test_what_an_earlier_service_left_behind_is_no_running_one(tmp_path: Path, left: str) -> None:
    (tmp_path / "serve.json").write_text(left)
    assert service.running(tmp_path) == []


# --- the service, while Flink cannot be started ---


@contextlib.contextmanager
def started(settings: Settings) -> Iterator[service.Storage]:
    storage = service.open_storage(settings)
    with service.held(settings) as seat:
        running = service.Service(settings, storage, lambda label, done, total: None, seat)
        running.start()
        try:
            yield storage
        finally:
            running.stop()


def test_a_start_makes_the_default_queue_and_gives_it_the_size_that_is_set(settings: Settings) -> None:
    for cus, slots in ((16, 8), (32, 4)):
        with started(replace(settings, queue_cus=cus, queue_slots=slots)) as storage, storage.database.read() as tx:
            queue = queues.find(tx, "any project", DEFAULT)
        assert (queue.cus, queue.slots) == (cus, slots)


def test_a_start_removes_the_engines_of_queues_that_no_longer_exist(settings: Settings) -> None:
    engines = settings.data_dir / "engines"
    for name in (DEFAULT, "queue-7"):
        (engines / name).mkdir(parents=True)
    with started(settings):
        assert [folder.name for folder in engines.iterdir() if folder.is_dir()] == [DEFAULT]


def test_a_start_removes_what_a_killed_service_has_left_of_bundles(settings: Settings) -> None:
    left = settings.data_dir / "bundles" / "0" / "penstock-x"
    left.mkdir(parents=True)
    with started(settings):
        assert not left.exists()
