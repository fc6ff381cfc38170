"""The commands that call the API of the service that `penstock env` names: jobs, orphans, queues and packages."""

from pathlib import Path
from typing import Annotated

import typer

from penstock.cli.options import AsJson
from penstock.domain.queue import Isolation

jobs = typer.Typer(help="Jobs, and what has happened to them.", no_args_is_help=True)
orphans = typer.Typer(help="Flink jobs that no job explains.", no_args_is_help=True)
queues = typer.Typer(help="Queues: what jobs run on, and how much of it there is.", no_args_is_help=True)
packages = typer.Typer(help="Packages: the jars and files that jobs name.", no_args_is_help=True)


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


@jobs.command("export")
def export_jobs(
    folder: Annotated[str, typer.Argument(help="A folder of a bucket, such as backups/jobs.")],
    job_ids: Annotated[list[int] | None, typer.Argument(help="All of the project unless given.")] = None,
) -> None:
    """Write the settings of jobs to a zip in a bucket."""
    from penstock.cli import jobs as done

    done.export(folder, job_ids or [])


@jobs.command("import")
def import_jobs(
    place: Annotated[str, typer.Argument(help="A zip of a bucket, or a folder of zips.")],
    cover: Annotated[
        bool, typer.Option("--cover", help="Let them replace jobs at rest that have their names.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Create the jobs of an export, each for itself, and tell what became of each."""
    from penstock.cli import jobs as done

    done.bring(place, is_cover=cover, as_json=as_json)


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


@queues.command("forget")
def forget_jobs(
    name: str,
    cluster_is_lost: Annotated[
        bool, typer.Option("--cluster-is-lost", help="Say that it is: it never comes back.")
    ] = False,
) -> None:
    """End all jobs of a queue whose external cluster is lost for ever, deleted ones too; Flink is not asked."""
    from penstock.cli import queues as done

    done.forget(name, cluster_is_lost=cluster_is_lost)


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
