"""Every setting, once: its name, type, default, and one line of what it does.

A setting `some_name` is the option `--some-name` of `penstock serve` and `PENSTOCK_SOME_NAME` in the environment.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import msgspec
import platformdirs
from msgspec import Meta

PREFIX = "PENSTOCK_"
_DATA_DIR = platformdirs.user_data_path("penstock")
_CACHE_DIR = platformdirs.user_cache_path("penstock")
_SLOTS = 8 * (os.cpu_count() or 1)


class BadSetting(Exception):
    """A setting has a value that it cannot have; the text names it and says what it can."""


@dataclass(frozen=True)
class Settings:
    host: Annotated[str, Meta(description="Address that the API listens on.")] = "127.0.0.1"
    port: Annotated[int, Meta(ge=0, le=65535, description="Port that the API listens on; 0 takes a free one.")] = (
        8380
    )
    data_dir: Annotated[Path, Meta(description="Folder of the database, the buckets and the engine's files.")] = (
        _DATA_DIR
    )
    storage: Annotated[
        Path | None,
        Meta(
            description="TOML file that maps buckets to folders and S3 servers; unless set they are folders here."
        ),
    ] = None
    database_url: Annotated[
        str | None,
        Meta(description="SQLAlchemy URL of the database, instead of an SQLite file in the data directory."),
    ] = None
    cache_dir: Annotated[Path, Meta(description="Folder of installed engines, shared by all data directories.")] = (
        _CACHE_DIR
    )
    flink_home: Annotated[
        Path | None,
        Meta(description="An unpacked Flink 2.3 or 1.20, for the jobs that name no version or one that it serves."),
    ] = None
    java: Annotated[
        Path | None,
        Meta(description="The `java` program for that Flink, instead of the Java 17 that Penstock installs."),
    ] = None
    queue_slots: Annotated[
        int, Meta(ge=1, le=1000, description="Task slots of the default queue; 8 for each processor unless set.")
    ] = _SLOTS
    queue_cus: Annotated[
        int, Meta(ge=2, le=100_000, description="Compute units of the default queue; twice its slots unless set.")
    ] = 2 * _SLOTS
    recycle_at_metaspace_percent: Annotated[
        int,
        Meta(
            ge=0,
            le=100,
            description="How full a Flink process's metaspace is when its jobs move to a new cluster; 0: never.",
        ),
    ] = 85
    savepoint_timeout_s: Annotated[
        int, Meta(ge=1, le=30 * 24 * 3600, description="Seconds that a savepoint may take; 24 hours unless set.")
    ] = 24 * 3600
    idle_state_retention_unit: Annotated[
        str, Meta(pattern="^(seconds|hours)$", description="What `idle_state_retention` of a job counts.")
    ] = "seconds"
    dirty_data_strategy_applies: Annotated[
        bool,
        Meta(description="Let jobs with `dirty_data_strategy` 0 skip what csv, json and protobuf cannot read."),
    ] = False
    log_copy_interval_s: Annotated[
        int,
        Meta(ge=1, le=24 * 3600, description="Seconds between two copies of the logs of jobs to their buckets."),
    ] = 60
    history_days: Annotated[
        int,
        Meta(
            ge=1,
            le=36_500,
            description="Days that events and sent alarms are kept; how a job ended last stays as long as the job.",
        ),
    ] = 90
    package_limit_mb: Annotated[
        int, Meta(ge=1, le=100_000, description="Megabytes that a package, or a jar or file of a job, may have.")
    ] = 512
    jobs_per_project: Annotated[int, Meta(ge=1, le=1_000_000, description="Jobs that a project may have.")] = 10_000
    calls_per_second: Annotated[
        int,
        Meta(
            ge=1,
            le=100_000,
            description="Calls that an access key may make; those of ten seconds may come at once.",
        ),
    ] = 100
    stop_engines: Annotated[bool, Meta(description="End Flink and its jobs together with the service.")] = False
    trusted_proxies: Annotated[
        str | None,
        Meta(
            pattern=r"^[0-9a-fA-F.:/, ]*$",
            description="Addresses or networks, with commas, of proxies whose `X-Forwarded-For` says who calls.",
        ),
    ] = None
    audit_days: Annotated[int, Meta(ge=1, le=36_500, description="Days that the audit log is kept.")] = 180
    log_level: Annotated[
        str, Meta(pattern="^(DEBUG|INFO|WARNING|ERROR)$", description="Least level of the log lines.")
    ] = "INFO"


def load(options: Mapping[str, object], environment: Mapping[str, str] = os.environ) -> Settings:
    """Merge the options that were given (None: not given) over the environment over the defaults.

    Raises `BadSetting`.
    """
    values = {}
    for name, kind in get_type_hints(Settings, include_extras=True).items():
        value = options.get(name)
        if value is None:
            value = environment.get(PREFIX + name.upper()) or None
        if value is not None:
            values[name] = _convert(name, kind, value)
    if "queue_slots" in values:
        values.setdefault("queue_cus", 2 * values["queue_slots"])
    return Settings(**values)


def description(kind: object) -> str:
    """Give the line of documentation of a setting's type hint."""
    return next(each.description or "" for each in getattr(kind, "__metadata__", ()) if isinstance(each, Meta))


def _convert(name: str, kind: Any, value: object) -> Any:
    try:
        return msgspec.convert(value, kind, strict=False, dec_hook=lambda _type, text: _path(text))
    except msgspec.ValidationError as error:
        raise BadSetting(f"{PREFIX}{name.upper()} (--{name.replace('_', '-')}): {error}, got {value!r}") from error


def _path(text: object) -> Path:
    return Path(str(text)).expanduser().absolute()
