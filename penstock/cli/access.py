"""`penstock env` and `penstock keys`: they open the data directory themselves, whether a service runs or not."""

import shlex

from penstock import service
from penstock.cli.failure import fail
from penstock.settings import Settings
from penstock.store import access
from penstock.store.access import Key


def print_environment(settings: Settings) -> None:
    """Print the exports of the first key, with the address of the service that runs, or would run."""
    storage = open_storage(settings)
    with storage.database.read() as tx:
        key = access.first_key(tx, storage.vault)
    assert key is not None
    _print(settings, key)


def create_key(settings: Settings, project: str, user: str) -> None:
    """Make a key, and print it as exports."""
    if not project.strip() or not user.strip():
        fail("--project and --user must not be empty")
    storage = open_storage(settings)
    with storage.database.write() as tx:
        key = access.create_key(tx, storage.vault, project=project, user=user, now=service.now_ms())
    _print(settings, key)


def open_storage(settings: Settings) -> service.Storage:
    if not settings.data_dir.is_dir():
        fail(f"there is no data directory {settings.data_dir} yet; penstock serve makes it")
    try:
        return service.open_storage(settings)
    except service.CannotStart as error:
        fail(str(error))


def _print(settings: Settings, key: Key) -> None:
    running = next(iter(service.running(settings.data_dir)), None)
    exports = {
        "PENSTOCK_ENDPOINT": running.url if running and running.url else f"http://{settings.host}:{settings.port}",
        "HUAWEICLOUD_SDK_AK": key.access_key,
        "HUAWEICLOUD_SDK_SK": key.secret,
        "HUAWEICLOUD_SDK_PROJECT_ID": key.project_id,
    }
    for name, value in exports.items():
        print(f"export {name}={shlex.quote(value)}")
