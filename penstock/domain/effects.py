"""What becomes of a job's settings where it runs: how the operator reads them, and which take no effect."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from penstock.domain import runtime_config
from penstock.domain.job import SKIP_DIRTY_RECORDS, JobConfig

_HOUR_S = 3600
_SHORT_TTL_S = 60
_LONGEST = 1000
_DEFAULT = JobConfig()
_SKIPPED = (
    "dirty_data_strategy 0: of what csv, json and protobuf cannot read, fields become null and records are left "
    "out, unless a table says otherwise; other formats fail the job"
)
_NOT_SKIPPED = (
    "dirty_data_strategy 0 has no effect here: what a table cannot read fails the job, "
    "unless its format is told to skip it ('json.ignore-parse-errors' = 'true')"
)
_SIZES = {
    "cu_number": "cus",
    "manager_cu_number": "manager_cus",
    "tm_cus": "taskmanager_cus",
    "tm_slot_num": "taskmanager_slots",
}


@dataclass(frozen=True)
class Site:
    """What a queue and its operator make of settings."""

    has_own_clusters: bool = False
    """Each job of the queue has a cluster for itself."""
    ttl_in_hours: bool = False
    """`idle_state_retention` counts hours, as in older clients of DLI, and not seconds."""
    skips_dirty_records: bool = False
    """`dirty_data_strategy` 0 has an effect; clients that ask their users nothing send it too."""


def in_effect(config: JobConfig, site: Site) -> JobConfig:
    """Give the settings as they are meant at this site."""
    ttl_s = config.state_ttl_s * (_HOUR_S if site.ttl_in_hours else 1)
    strategy = config.dirty_data_strategy if site.skips_dirty_records else None
    return replace(config, state_ttl_s=ttl_s, dirty_data_strategy=strategy)


def remarks(config: JobConfig, site: Site) -> str:
    """Tell the user of a job which of its settings take no effect, or one that may surprise; never their values."""
    return "; ".join(_remarks(config, site))[:_LONGEST]


def _remarks(config: JobConfig, site: Site) -> Iterator[str]:
    settings = runtime_config.sort(config)
    unused = (*settings.unused, *(() if site.has_own_clusters else settings.sizes))
    if unused:
        yield f"of runtime_config nothing here acts on {', '.join(unused)}"
    if settings.owned:
        yield f"of runtime_config other settings of the job decide {', '.join(settings.owned)}"
    if not site.has_own_clusters:
        yield from _on_shared_cluster(config)
    if config.resource_config and config.resource_config_version != "v2":
        yield "resource_config has no effect: resource_config_version is v1"
    if 0 < config.state_ttl_s < _SHORT_TTL_S and not site.ttl_in_hours:
        yield (
            f"idle_state_retention counts seconds: state that is not used for {config.state_ttl_s} s is forgotten, "
            "and sums and counts begin anew"
        )
    if config.dirty_data_strategy == SKIP_DIRTY_RECORDS:
        yield _SKIPPED if site.skips_dirty_records else _NOT_SKIPPED


def _on_shared_cluster(config: JobConfig) -> Iterator[str]:
    if config.resource_config_version == "v2":
        named = ["resource_config"] if config.resource_config else []
    else:
        named = [wire for wire, ours in _SIZES.items() if getattr(config, ours) != getattr(_DEFAULT, ours)]
    if named:
        yield f"the jobs of this queue share a cluster: {', '.join(named)} count for admission, and size no process"
    if config.log_config:
        yield "the jobs of this queue share a cluster: flink_log_config has no effect"
