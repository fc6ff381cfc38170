"""The data directory, opened by a command itself, whether a service runs or not; and `penstock env`."""

import contextlib
import shlex
from collections.abc import Iterator

from penstock import service
from penstock.cli.failure import fail
from penstock.domain.errors import PenstockError
from penstock.service import Storage
from penstock.settings import Settings
from penstock.store import access


def print_environment(settings: Settings) -> None:
    """Print the exports of the first key, with the address of the service that runs, or would run."""
    with opened(settings) as storage, storage.database.read() as tx:
        key = access.first_key(tx, storage.vault)
    if key is None:
        fail("there is no key in use; make one with: penstock keys create --project NAME --user NAME")
    print_exports(endpoint(settings), key.access_key, key.secret, key.project_id)


def print_exports(endpoint: str, access_key: str, secret: str, project_id: str) -> None:
    exports = {
        "PENSTOCK_ENDPOINT": endpoint,
        "HUAWEICLOUD_SDK_AK": access_key,
        "HUAWEICLOUD_SDK_SK": secret,
        "HUAWEICLOUD_SDK_PROJECT_ID": project_id,
    }
    for name, value in exports.items():
        print(f"export {name}={shlex.quote(value)}")


def endpoint(settings: Settings) -> str:
    """Give the address of the service that runs on the data directory, or would run."""
    running = next(iter(service.running(settings.data_dir)), None)
    return running.url if running and running.url else f"http://{settings.host}:{settings.port}"


@contextlib.contextmanager
def opened(settings: Settings) -> Iterator[Storage]:
    """Open the data directory; what is refused within ends the command with its text."""
    storage = open_storage(settings)
    try:
        yield storage
    except PenstockError as error:
        fail(str(error))
    finally:
        storage.database.close()


def open_storage(settings: Settings) -> Storage:
    if not settings.data_dir.is_dir():
        fail(f"there is no data directory {settings.data_dir} yet; penstock serve makes it")
    try:
        return service.open_storage(settings)
    except service.CannotStart as error:
        fail(str(error))
