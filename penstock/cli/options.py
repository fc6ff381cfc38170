"""The options that several commands have, and the settings that they make."""

from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from penstock import settings
from penstock.cli.failure import fail

_KINDS = get_type_hints(settings.Settings, include_extras=True)


def option(name: str) -> typer.models.OptionInfo:
    """Make the option of a setting; its default is left to `settings.load`, below the environment."""
    default = getattr(settings.Settings, name)
    shown = "" if default in (None, False) else f" [default: {default}]"
    made: typer.models.OptionInfo = typer.Option(
        help=settings.description(_KINDS[name]) + shown, show_default=False
    )
    return made


DataDir = Annotated[Path | None, option("data_dir")]
CacheDir = Annotated[Path | None, option("cache_dir")]
DatabaseUrl = Annotated[str | None, option("database_url")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API has it.")]
FlinkLine = Annotated[str | None, typer.Option("--flink", help="Line of Flink; the newest unless given.")]


def load(options: dict[str, object]) -> settings.Settings:
    try:
        return settings.load(options)
    except settings.BadSetting as error:
        fail(str(error))
