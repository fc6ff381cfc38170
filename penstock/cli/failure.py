"""How a command fails: one line on standard error, and exit code 1."""

from typing import NoReturn

import typer


def fail(message: str) -> NoReturn:
    typer.echo(f"penstock: {message}", err=True)
    raise typer.Exit(1)
