"""Pull plugs on a real service with real jobs, and tell what became of them.

python -m tests.real.chaos.plug_puller [--faults 60] [--seed N] [--jobs 4] [--outside] [--append]
"""

import argparse
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.real.chaos import faults, judge, outside, report, site
from tests.real.chaos.crew import Crew, Trouble
from tests.real.chaos.faults import Fault
from tests.real.chaos.judge import Limits, Wrong
from tests.real.chaos.report import Episode, Report
from tests.real.chaos.site import Site

_LOOK_EVERY_S = 0.25


@dataclass(frozen=True)
class Plan:
    """What a run does; two with the same seed pull the same plugs at the same intervals."""

    seed: int
    faults: int = 60
    kinds: Sequence[str] = ()
    """Names of faults, pulled in turn; all of them in random order unless given."""
    jobs: int = 4
    job_seconds: tuple[int, int] = (40, 120)
    longest_hold_s: float = 40
    longest_pause_s: float = 5
    """Before a fault; about one in three comes while the one before is still being repaired."""
    recovery_s: float = 180
    limits: Limits = field(default_factory=Limits)


def pull_plugs(place: Site, plan: Plan, tell: Callable[[str], None]) -> Report:
    """Carry out the plan, wait until everything has settled, and judge."""
    chance = random.Random(plan.seed)
    crew = Crew(place, chance, plan.jobs, plan.job_seconds)
    episodes: list[Episode] = []
    for number, fault in enumerate(_deck(place, plan, chance), start=1):
        crew.settle()
        crew.refill()
        time.sleep(chance.uniform(0, plan.longest_pause_s))
        episode = _pull(fault, min(chance.uniform(*fault.holds_s), plan.longest_hold_s))
        if number == plan.faults or chance.random() < 2 / 3:
            episode = _until_well(place, crew, episode, plan.recovery_s)
        episodes.append(episode)
        tell(f"{number:3} of {plan.faults}  {episode}  ({crew.checked} jobs checked)")
    crew.wind_up(plan.recovery_s + plan.job_seconds[1])
    return Report(plan.seed, episodes, crew.troubles + _broken(place, plan), crew.checked, crew.lines, crew.refused)


def _deck(place: Site, plan: Plan, chance: random.Random) -> Iterator[Fault]:
    """Deal faults, each kind as often as any other."""
    known = {fault.name: fault for fault in faults.all_faults(place.served, place.restart, place.wires)}
    dealt: list[str] = []
    while len(dealt) < plan.faults:
        dealt += plan.kinds or chance.sample(list(known), len(known))
    return (known[name] for name in dealt[: plan.faults])


def _pull(fault: Fault, hold_s: float) -> Episode:
    pulled_at = time.monotonic()
    try:
        fault.pull()
        time.sleep(hold_s)
    finally:
        fault.mend()
    return Episode(fault.name, pulled_at, hold_s)


def _until_well(place: Site, crew: Crew, episode: Episode, patience_s: float) -> Episode:
    """Wait until every job is shown as running, runs, and has come further than it was; note how long that took."""
    mended_at = time.monotonic()
    files = {name: workload.files() for name, workload in crew.at_work.items()}
    waited, unwell = 0.0, list(files)
    while unwell and waited < patience_s:
        time.sleep(_LOOK_EVERY_S)
        waited = time.monotonic() - mended_at
        newest = place.samples[-1]
        if newest.rows is None or newest.at < mended_at:
            continue
        if any(judge.is_at_rest(newest.rows.get(name)) for name in crew.at_work):
            crew.settle()
        behind = {name for name, workload in crew.at_work.items() if workload.files() <= files[name]}
        unwell = sorted(behind.union(judge.unwell(newest, crew.at_work)))
    for name in unwell:
        crew.accuse(Wrong.STUCK, name, f"is not well {patience_s:.0f} s after: {episode.fault}")
    return replace(episode, recovery_s=waited)


def _broken(place: Site, plan: Plan) -> list[Trouble]:
    found = judge.broken(place.samples, plan.limits)
    return [Trouble(spell.since, spell.wrong, spell.job, f"for {spell.seconds:.1f} s") for spell in found]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
    parser.add_argument("--jobs", type=int, default=4, help="jobs at once; the queue has 8 slots")
    parser.add_argument("--kind", action="append", default=[], help="only this fault; may be given several times")
    parser.add_argument("--false-for", type=float, default=Limits.false_s, help="seconds a status may be false")
    parser.add_argument("--outside", action="store_true", help="run half of the jobs on an external cluster")
    parser.add_argument("--append", action="store_true", help=f"add a row to docs/{report.PAGE.name}")
    given = parser.parse_args()
    limits = Limits(false_s=given.false_for)
    plan = Plan(given.seed, given.faults, given.kind, given.jobs, limits=limits)
    print(f"seed {plan.seed}", flush=True)
    folder = Path(tempfile.mkdtemp(prefix="plug-puller-"))
    with site.opened(folder) as place, contextlib.ExitStack() as ends:
        if given.outside:
            place.attach(outside.QUEUE, ends.enter_context(outside.running(folder / outside.QUEUE)))
        told = pull_plugs(place, plan, lambda line: print(line, flush=True))
    print(told)
    if given.append:
        report.append(told)
    if told.troubles:
        print(f"logs and output are in {folder}")
        return 1
    shutil.rmtree(folder)
    return 0


if __name__ == "__main__":
    sys.exit(main())
