"""The service that a command speaks to: the one that the variables of `penstock env` point at."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from penstock.cli.failure import fail
from penstock.client import ApiError, Client, Unreachable

_VARIABLES = ("PENSTOCK_ENDPOINT", "HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_PROJECT_ID")


@contextmanager
def opened() -> Iterator[Client]:
    """Give the client; a call that the service refuses, or does not answer, ends the command with its text."""
    missing = [name for name in _VARIABLES if not os.environ.get(name)]
    if missing:
        fail(f'{", ".join(missing)} not set; set them with: eval "$(penstock env)"')
    try:
        with Client(*(os.environ[name] for name in _VARIABLES)) as client:
            yield client
    except (ApiError, Unreachable) as error:
        fail(str(error))
