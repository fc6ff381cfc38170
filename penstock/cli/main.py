"""The commands and their options."""

from pathlib import Path
from typing import Annotated

import typer

from penstock import __version__
from penstock.cli import calls, people
from penstock.cli.options import AsJson, CacheDir, DatabaseUrl, DataDir, FlinkLine, load, option
from penstock.domain import lines

app = typer.Typer(
    help="Run and list Apache Flink jobs behind the REST API of Huawei Cloud DLI streaming jobs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(people.projects, name="projects")
app.add_typer(people.users, name="users")
app.add_typer(people.members, name="members")
app.add_typer(people.keys, name="keys")
app.add_typer(calls.jobs, name="jobs")
app.add_typer(calls.orphans, name="orphans")
app.add_typer(calls.queues, name="queues")
connectors = typer.Typer(help="Connectors and formats that Flink itself does not bring.", no_args_is_help=True)
app.add_typer(connectors, name="connectors")
app.add_typer(calls.packages, name="packages")
engines = typer.Typer(help="Installed Flinks: one release for each line.", no_args_is_help=True)
app.add_typer(engines, name="engines")
topics = typer.Typer(help="Topics: where the alarms of jobs go.", no_args_is_help=True)
app.add_typer(topics, name="topics")


@app.command()
def serve(
    host: Annotated[str | None, option("host")] = None,
    port: Annotated[int | None, option("port")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    storage: Annotated[Path | None, option("storage")] = None,
    cache_dir: CacheDir = None,
    flink_home: Annotated[Path | None, option("flink_home")] = None,
    java: Annotated[Path | None, option("java")] = None,
    queue_slots: Annotated[int | None, option("queue_slots")] = None,
    queue_cus: Annotated[int | None, option("queue_cus")] = None,
    recycle_at_metaspace_percent: Annotated[int | None, option("recycle_at_metaspace_percent")] = None,
    savepoint_timeout_s: Annotated[int | None, option("savepoint_timeout_s")] = None,
    idle_state_retention_unit: Annotated[str | None, option("idle_state_retention_unit")] = None,
    dirty_data_strategy_applies: Annotated[bool | None, option("dirty_data_strategy_applies")] = None,
    log_copy_interval_s: Annotated[int | None, option("log_copy_interval_s")] = None,
    history_days: Annotated[int | None, option("history_days")] = None,
    package_limit_mb: Annotated[int | None, option("package_limit_mb")] = None,
    jobs_per_project: Annotated[int | None, option("jobs_per_project")] = None,
    calls_per_second: Annotated[int | None, option("calls_per_second")] = None,
    stop_engines: Annotated[bool | None, option("stop_engines")] = None,
    trusted_proxies: Annotated[str | None, option("trusted_proxies")] = None,
    audit_days: Annotated[int | None, option("audit_days")] = None,
    log_level: Annotated[str | None, option("log_level")] = None,
) -> None:
    """Run the service: the API, the controller and Flink. Ctrl-C ends it; Flink and its jobs go on."""
    from penstock.cli import serving

    serving.serve(load(locals()))


@app.command()
def stop(
    data_dir: DataDir = None,
    engines: Annotated[bool, typer.Option("--engines", help="End Flink and its jobs, too.")] = False,
) -> None:
    """End the service that runs on a data directory, and with --engines its Flink."""
    from penstock.cli import serving

    serving.stop(load({"data_dir": data_dir}).data_dir, engines=engines)


@app.command()
def env(data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Print what points the official SDK at this service: eval "$(penstock env)"."""
    from penstock.cli import access

    access.print_environment(load(locals()))


@app.command()
def audit(
    project: Annotated[str | None, typer.Option(help="Only the calls about this project, by its name.")] = None,
    export: Annotated[
        str | None, typer.Option(metavar="ndjson", help="Print all of it, a JSON object a line.")
    ] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Tell who has changed what, from where, and what came of it: the newest 100 calls, or all."""
    from penstock.cli import audit as shown

    settings = load({"data_dir": data_dir, "database_url": database_url})
    if export not in (None, "ndjson"):
        raise typer.BadParameter("it is ndjson", param_hint="--export")
    (shown.export if export else shown.show)(settings, project)


@app.command()
def demo(cache_dir: CacheDir = None) -> None:
    """Watch one job live on real Flink, in a folder of its own that is removed at the end."""
    from penstock.cli import demo as played

    played.play(load(locals()))


@connectors.command("list")
def list_connectors(flink: FlinkLine = None, as_json: AsJson = False, cache_dir: CacheDir = None) -> None:
    """List what can be installed for a line of Flink, and what is."""
    from penstock.cli import connectors as shown

    shown.show_list(load({"cache_dir": cache_dir}), flink, as_json=as_json)


@connectors.command("add")
def add_connectors(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As penstock connectors list names them.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from",
            file_okay=False,
            exists=True,
            help="Folder that holds the jars and packages; nothing is fetched.",
        ),
    ] = None,
    flink: FlinkLine = None,
    cache_dir: CacheDir = None,
) -> None:
    """Install some, verified by hash, from where the user's Maven settings say; Maven itself is not needed."""
    from penstock.cli import connectors as done

    done.add(load({"cache_dir": cache_dir}), names, flink, folder)


@connectors.command("remove")
def remove_connectors(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    flink: FlinkLine = None,
    cache_dir: CacheDir = None,
) -> None:
    """Remove some; jobs that use them cannot start any more."""
    from penstock.cli import connectors as done

    done.remove(load({"cache_dir": cache_dir}), names, flink)


@engines.command("list")
def list_engines(cache_dir: CacheDir = None, as_json: AsJson = False) -> None:
    """List the Flink lines that jobs can name, what release runs each, and which are installed."""
    from penstock.cli import engines as shown

    shown.show_list(load({"cache_dir": cache_dir}).cache_dir, as_json=as_json)


@engines.command("install")
def install_engine(
    line: Annotated[str, typer.Argument(help="Such as 1.20, or a version that it serves.")] = lines.DEFAULT,
    cache_dir: CacheDir = None,
) -> None:
    """Install the Flink of a line now; otherwise the first job that needs it does, and waits for it."""
    from penstock.cli import engines as done

    done.install(load({"cache_dir": cache_dir}).cache_dir, line)


@engines.command("remove")
def remove_engine(line: str, cache_dir: CacheDir = None) -> None:
    """Remove the Flink of a line, unless one of its clusters runs; a job that needs it installs it again."""
    from penstock.cli import engines as done

    done.remove(load({"cache_dir": cache_dir}).cache_dir, line)


@topics.command("add")
def add_topic(
    name: Annotated[str, typer.Argument(help="What jobs call it in smn_topic.")],
    url: Annotated[str, typer.Argument(help="Where it leads, as Apprise has it; - reads it from standard input.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a topic; its URL is stored encrypted, and not shown again."""
    from penstock.cli import topics as done

    done.add(load({"data_dir": data_dir, "database_url": database_url}), name, url)


@topics.command("list")
def list_topics(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the topics, without what is secret of where they lead."""
    from penstock.cli import topics as shown

    shown.show_list(load({"data_dir": data_dir, "database_url": database_url}), as_json=as_json)


@topics.command("remove")
def remove_topic(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Remove a topic; alarms of jobs that still name it fail, and nothing else."""
    from penstock.cli import topics as done

    done.remove(load({"data_dir": data_dir, "database_url": database_url}), name)


@topics.command("test")
def send_test(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Send a message to a topic, and say whether it was taken."""
    from penstock.cli import topics as done

    done.send_test(load({"data_dir": data_dir, "database_url": database_url}), name)


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


if __name__ == "__main__":
    app()
