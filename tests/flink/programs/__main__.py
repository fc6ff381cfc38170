from penstock.flink.runner import build
from tests.flink import programs

build.main(programs.RECIPE)
