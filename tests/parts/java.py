"""How the parts that are Java programs are started: on the Java that Penstock installs, small."""

import os

from penstock.flink import distribution
from tests.parts import artifacts


def command(part: str, main: str, *options: str, heap_mb: int) -> list[str]:
    """Give the command line of a main class of a part, to which its arguments are added."""
    java = distribution.install_java(artifacts.CACHE, lambda label, done, total: None)
    class_path = os.pathsep.join(map(str, artifacts.jars(part)))
    small = (f"-Xmx{heap_mb}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
    return [str(java), *small, *options, "-cp", class_path, main]
