"""The commands and their options."""

from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from penstock import __version__, settings
from penstock.cli.failure import fail

app = typer.Typer(
    help="Run and list Apache Flink jobs behind the REST API of Huawei Cloud DLI streaming jobs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="Access keys of users in projects.", no_args_is_help=True)
app.add_typer(keys, name="keys")

_KINDS = get_type_hints(settings.Settings, include_extras=True)


def _option(name: str) -> typer.models.OptionInfo:
    """Make the option of a setting; its default is left to `settings.load`, below the environment."""
    default = getattr(settings.Settings, name)
    shown = "" if default in (None, False) else f" [default: {default}]"
    option: typer.models.OptionInfo = typer.Option(
        help=settings.description(_KINDS[name]) + shown, show_default=False
    )
    return option


DataDir = Annotated[Path | None, _option("data_dir")]
CacheDir = Annotated[Path | None, _option("cache_dir")]
DatabaseUrl = Annotated[str | None, _option("database_url")]


@app.command()
def serve(
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[int | None, _option("port")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    cache_dir: CacheDir = None,
    flink_home: Annotated[Path | None, _option("flink_home")] = None,
    java: Annotated[Path | None, _option("java")] = None,
    queue_slots: Annotated[int | None, _option("queue_slots")] = None,
    queue_cus: Annotated[int | None, _option("queue_cus")] = None,
    stop_engines: Annotated[bool | None, _option("stop_engines")] = None,
    log_level: Annotated[str | None, _option("log_level")] = None,
) -> None:
    """Run the service: the API, the controller and Flink. Ctrl-C ends it; Flink and its jobs go on."""
    from penstock.cli import serving

    serving.serve(_load(locals()))


@app.command()
def stop(
    data_dir: DataDir = None,
    engines: Annotated[bool, typer.Option("--engines", help="End Flink and its jobs, too.")] = False,
) -> None:
    """End the service that runs on a data directory, and with --engines its Flink."""
    from penstock.cli import serving

    serving.stop(_load({"data_dir": data_dir}).data_dir, engines=engines)


@app.command()
def env(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print what points the official SDK at this service: eval "$(penstock env)"."""
    from penstock.cli import access

    access.print_environment(_load(locals()))


@keys.command("create")
def create_key(
    project: Annotated[str, typer.Option(help="Name of the project; made when there is none.")],
    user: Annotated[str, typer.Option(help="Name of the user; made when there is none.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an access key for a user in a project, and print it; the secret is not shown again."""
    from penstock.cli import access

    access.create_key(_load({"data_dir": data_dir, "database_url": database_url}), project, user)


@app.command()
def demo(cache_dir: CacheDir = None) -> None:
    """Watch one job live on real Flink, in a folder of its own that is removed at the end."""
    from penstock.cli import demo as played

    played.play(_load(locals()))


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"penstock {__version__}")
        raise typer.Exit


@app.callback()
def main(
    _version_: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Every option of a setting can also be given in the environment, as PENSTOCK_…; the option wins."""


def _load(options: dict[str, object]) -> settings.Settings:
    try:
        return settings.load(options)
    except settings.BadSetting as error:
        fail(str(error))


if __name__ == "__main__":
    app()
