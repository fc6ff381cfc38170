"""Programs for Flink that jar jobs of the tests run; `python -m tests.flink.programs` builds them."""

import zipfile
from pathlib import Path

from penstock.flink.runner.build import Recipe
from tests.jars import jar_of

RECIPE = Recipe(
    sources=Path(__file__).with_name("src"),
    jar=Path(__file__).with_name("programs.jar"),
    main_class="io.penstock.programs.Counter",
)


def some(*classes: str) -> bytes:
    """Make a jar of a few of these classes, by their names below `io.penstock.programs`."""
    with zipfile.ZipFile(RECIPE.jar) as jar:
        paths = [f"io/penstock/programs/{name.replace('.', '/')}" for name in classes]
        names = [
            name for name in jar.namelist() if any(name.startswith((f"{path}.", f"{path}$")) for path in paths)
        ]
        return jar_of({name: jar.read(name) for name in names})
