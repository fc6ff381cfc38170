"""The commands and their options."""

from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from penstock import __version__, settings
from penstock.cli.failure import fail
from penstock.domain import lines
from penstock.domain.queue import Isolation

app = typer.Typer(
    help="Run and list Apache Flink jobs behind the REST API of Huawei Cloud DLI streaming jobs.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
keys = typer.Typer(help="Access keys of users in projects.", no_args_is_help=True)
app.add_typer(keys, name="keys")
jobs = typer.Typer(help="Jobs, and what has happened to them.", no_args_is_help=True)
app.add_typer(jobs, name="jobs")
orphans = typer.Typer(help="Flink jobs that no job explains.", no_args_is_help=True)
app.add_typer(orphans, name="orphans")
queues = typer.Typer(help="Queues: what jobs run on, and how much of it there is.", no_args_is_help=True)
app.add_typer(queues, name="queues")
connectors = typer.Typer(help="Connectors and formats that Flink itself does not bring.", no_args_is_help=True)
app.add_typer(connectors, name="connectors")
packages = typer.Typer(help="Packages: the jars and files that jobs name.", no_args_is_help=True)
app.add_typer(packages, name="packages")
engines = typer.Typer(help="Installed Flinks: one release for each line.", no_args_is_help=True)
app.add_typer(engines, name="engines")
topics = typer.Typer(help="Topics: where the alarms of jobs go.", no_args_is_help=True)
app.add_typer(topics, name="topics")

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
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, as the API has it.")]
FlinkLine = Annotated[str | None, typer.Option("--flink", help="Line of Flink; the newest unless given.")]


@app.command()
def serve(
    host: Annotated[str | None, _option("host")] = None,
    port: Annotated[int | None, _option("port")] = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
    storage: Annotated[Path | None, _option("storage")] = None,
    cache_dir: CacheDir = None,
    flink_home: Annotated[Path | None, _option("flink_home")] = None,
    java: Annotated[Path | None, _option("java")] = None,
    queue_slots: Annotated[int | None, _option("queue_slots")] = None,
    queue_cus: Annotated[int | None, _option("queue_cus")] = None,
    recycle_at_metaspace_percent: Annotated[int | None, _option("recycle_at_metaspace_percent")] = None,
    savepoint_timeout_s: Annotated[int | None, _option("savepoint_timeout_s")] = None,
    idle_state_retention_unit: Annotated[str | None, _option("idle_state_retention_unit")] = None,
    log_copy_interval_s: Annotated[int | None, _option("log_copy_interval_s")] = None,
    package_limit_mb: Annotated[int | None, _option("package_limit_mb")] = None,
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


@jobs.command("list")
def list_jobs(
    status: Annotated[str | None, typer.Option(help="Only jobs with this status, such as job_running.")] = None,
    name: Annotated[str | None, typer.Option(help="Only jobs whose name holds this.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="At most so many, the newest first.")] = 100,
    as_json: AsJson = False,
) -> None:
    """List jobs. As all of `penstock jobs` and `orphans`, it speaks to the service that `penstock env` names."""
    from penstock.cli import jobs as shown

    shown.show_list(status, name, limit, as_json=as_json)


@jobs.command("show")
def show_job(job_id: int, as_json: AsJson = False) -> None:
    """Show a job, with how its last run ended."""
    from penstock.cli import jobs as shown

    shown.show(job_id, as_json=as_json)


@jobs.command("history")
def show_history(
    job_id: Annotated[int | None, typer.Argument(help="All of the project unless given.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many events, the newest last.")] = 100,
    as_json: AsJson = False,
) -> None:
    """Tell what has happened to a job, deleted or not: when, why and by whom."""
    from penstock.cli import jobs as shown

    shown.show_history(job_id, limit, as_json=as_json)


@jobs.command("logs")
def show_logs(
    job_id: int,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job is at rest.")] = False,
    process: Annotated[
        str | None, typer.Option(help="Only this: jobmanager, taskmanager, taskmanager-2, submit-client.")
    ] = None,
    run: Annotated[str | None, typer.Option(help="The run, by the start of its id; else the last one.")] = None,
    as_list: Annotated[bool, typer.Option("--list", help="List the files of all runs instead.")] = False,
) -> None:
    """Print what the processes of a job's run have logged for it, and what was said of a failed submission."""
    from penstock.cli import logs as shown

    chosen = shown.Choice(job_id, run, process)
    if as_list:
        shown.show_list(chosen)
    elif follow:
        shown.follow(chosen)
    else:
        shown.show(chosen)


@orphans.command("list")
def list_orphans(as_json: AsJson = False) -> None:
    """List the Flink jobs that no job explains."""
    from penstock.cli import orphans as shown

    shown.show_list(as_json=as_json)


@orphans.command("stop")
def stop_orphan(flink_job_id: str) -> None:
    """Cancel one, for sure: it is asked for until the job is gone."""
    from penstock.cli import orphans as shown

    shown.stop(flink_job_id)


@orphans.command("adopt")
def adopt_orphan(
    flink_job_id: str,
    job: Annotated[int | None, typer.Option(help="The job at rest whose program it is; else a new one.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the new job; as Flink has it unless given.")] = None,
) -> None:
    """Make one the run of a job, which is watched and can be stopped from then on."""
    from penstock.cli import orphans as shown

    shown.adopt(flink_job_id, job, name)


@queues.command("list")
def list_queues(as_json: AsJson = False) -> None:
    """List the queues of the project, and those of the service. Speaks to the service that `penstock env` names."""
    from penstock.cli import queues as shown

    shown.show_list(as_json=as_json)


@queues.command("show")
def show_queue(name: str, as_json: AsJson = False) -> None:
    """Show a queue."""
    from penstock.cli import queues as shown

    shown.show(name, as_json=as_json)


@queues.command("create")
def create_queue(
    name: str,
    cus: Annotated[int, typer.Option(min=1, help="Compute units that its jobs may hold together.")],
    slots: Annotated[
        int | None, typer.Option(min=1, help="Task slots of its cluster; one a CU unless given.")
    ] = None,
    isolation: Annotated[
        Isolation | None, typer.Option(help="What its jobs share: a cluster (session), or nothing (job).")
    ] = None,
    rest_url: Annotated[
        str | None,
        typer.Option(help="REST address of a Flink session cluster that others keep, to run on that one."),
    ] = None,
    description: str = "",
) -> None:
    """Create a queue; its cluster is started at once, unless it is one for each job or an external one."""
    from penstock.cli import queues as done

    done.create(name, cus, {"slots": slots, "isolation": isolation, "rest_url": rest_url}, description)


@queues.command("resize")
def resize_queue(name: str, cus: Annotated[int, typer.Option(min=1, help="Compute units from now on.")]) -> None:
    """Change how many compute units a queue has; the slots of its cluster stay."""
    from penstock.cli import queues as done

    done.resize(name, cus)


@queues.command("delete")
def delete_queue(name: str) -> None:
    """Delete a queue that has no active job, and end its cluster if it is one of ours."""
    from penstock.cli import queues as done

    done.delete(name)


@queues.command("release")
def release_queue(
    name: str,
    host_is_lost: Annotated[
        bool, typer.Option("--host-is-lost", help="Say that it is: nothing there lives.")
    ] = False,
) -> None:
    """Let a queue be kept on another host, now that the one with its cluster is lost for ever.

    If that host still lives, or comes back, its jobs run twice and write twice: be sure.
    """
    from penstock.cli import queues as done

    done.release(name, host_is_lost=host_is_lost)


@connectors.command("list")
def list_connectors(flink: FlinkLine = None, as_json: AsJson = False, cache_dir: CacheDir = None) -> None:
    """List what can be installed for a line of Flink, and what is."""
    from penstock.cli import connectors as shown

    shown.show_list(_load({"cache_dir": cache_dir}), flink, as_json=as_json)


@connectors.command("add")
def add_connectors(
    names: Annotated[list[str], typer.Argument(metavar="NAME...", help="As penstock connectors list names them.")],
    folder: Annotated[
        Path | None,
        typer.Option(
            "--from", file_okay=False, exists=True, help="Folder that holds the jars; nothing is fetched."
        ),
    ] = None,
    flink: FlinkLine = None,
    cache_dir: CacheDir = None,
) -> None:
    """Install some, verified by hash, from where the user's Maven settings say; Maven itself is not needed."""
    from penstock.cli import connectors as done

    done.add(_load({"cache_dir": cache_dir}), names, flink, folder)


@connectors.command("remove")
def remove_connectors(
    names: Annotated[list[str], typer.Argument(metavar="NAME...")],
    flink: FlinkLine = None,
    cache_dir: CacheDir = None,
) -> None:
    """Remove some; jobs that use them cannot start any more."""
    from penstock.cli import connectors as done

    done.remove(_load({"cache_dir": cache_dir}), names, flink)


@packages.command("list")
def list_packages(as_json: AsJson = False) -> None:
    """List the packages of the project. Speaks to the service that `penstock env` names."""
    from penstock.cli import packages as shown

    shown.show_list(as_json=as_json)


@packages.command("upload")
def upload_package(
    file: Path,
    group: Annotated[str, typer.Option(help="The group it belongs to; none unless given.")] = "",
    name: Annotated[str, typer.Option(help="Its name; that of the file unless given.")] = "",
) -> None:
    """Store a file as a package, in place of one of the same name: running jobs keep what they have."""
    from penstock.cli import packages as done

    done.upload(file, group, name or file.name)


@packages.command("remove")
def remove_package(
    name: str, group: Annotated[str, typer.Option(help="The group it belongs to; none unless given.")] = ""
) -> None:
    """Remove a package that no job names."""
    from penstock.cli import packages as done

    done.remove(name, group)


@engines.command("list")
def list_engines(cache_dir: CacheDir = None, as_json: AsJson = False) -> None:
    """List the Flink lines that jobs can name, what release runs each, and which are installed."""
    from penstock.cli import engines as shown

    shown.show_list(_load({"cache_dir": cache_dir}).cache_dir, as_json=as_json)


@engines.command("install")
def install_engine(
    line: Annotated[str, typer.Argument(help="Such as 1.20, or a version that it serves.")] = lines.DEFAULT,
    cache_dir: CacheDir = None,
) -> None:
    """Install the Flink of a line now; otherwise the first job that needs it does, and waits for it."""
    from penstock.cli import engines as done

    done.install(_load({"cache_dir": cache_dir}).cache_dir, line)


@engines.command("remove")
def remove_engine(line: str, cache_dir: CacheDir = None) -> None:
    """Remove the Flink of a line, unless one of its clusters runs; a job that needs it installs it again."""
    from penstock.cli import engines as done

    done.remove(_load({"cache_dir": cache_dir}).cache_dir, line)


@topics.command("add")
def add_topic(
    name: Annotated[str, typer.Argument(help="What jobs call it in smn_topic.")],
    url: Annotated[str, typer.Argument(help="Where it leads, as Apprise has it; - reads it from standard input.")],
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Add a topic; its URL is stored encrypted, and not shown again."""
    from penstock.cli import topics as done

    done.add(_load({"data_dir": data_dir, "database_url": database_url}), name, url)


@topics.command("list")
def list_topics(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the topics, without what is secret of where they lead."""
    from penstock.cli import topics as shown

    shown.show_list(_load({"data_dir": data_dir, "database_url": database_url}), as_json=as_json)


@topics.command("remove")
def remove_topic(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Remove a topic; alarms of jobs that still name it fail, and nothing else."""
    from penstock.cli import topics as done

    done.remove(_load({"data_dir": data_dir, "database_url": database_url}), name)


@topics.command("test")
def send_test(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Send a message to a topic, and say whether it was taken."""
    from penstock.cli import topics as done

    done.send_test(_load({"data_dir": data_dir, "database_url": database_url}), name)


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
