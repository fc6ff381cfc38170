"""What every engine promises: `FakeEngine` and `FlinkEngine` pass the same tests."""

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from enum import StrEnum
from typing import Protocol, TypeVar

import pytest

from penstock.domain import bucket
from penstock.domain.engine import (
    Absent,
    Alive,
    Cancel,
    Ended,
    Ending,
    Engine,
    Overview,
    Refused,
    SavepointFailed,
    SavepointState,
    SavepointWritten,
    StopWithSavepoint,
    Stranger,
    Submit,
    TriggerSavepoint,
    Unreachable,
    Watched,
)
from penstock.domain.job import JarProgram, Job, JobConfig, JobType, Run, SavepointRequest

_PATIENCE_S = 30.0
_T = TypeVar("_T")


class Kind(StrEnum):
    """The programs that the contract runs; each world has its own text for them."""

    NUMBERS = "writes 1, 2, 3 and so on for ever, and knows how far it is"
    MAXIMA = "runs for ever, and keeps the maximum of each group"
    SUMS = "runs for ever, and keeps the sums of each group: state that does not fit the maxima's"
    BOUNDED = "ends by itself"
    FAILING = "fails at a record, a second after its first"
    WRONG = "names a table in line 2, column 29 that is not there"
    JAR_NUMBERS = "a jar that does as NUMBERS"
    JAR_WRONG = "a jar whose program executes nothing"


class World(Protocol):
    """An engine to test, and what a test needs to see around it."""

    engine: Engine

    def sql(self, kind: Kind, job_id: int) -> str: ...

    def program(self, kind: Kind, job_id: int) -> JarProgram | None: ...

    def away(self) -> Engine:
        """Give an engine whose cluster does not answer."""
        ...

    def has_state(self, address: str) -> bool: ...

    def produced(self, job_id: int) -> list[int]:
        """Return the numbers that a job of kind NUMBERS has written."""
        ...

    def no_savepoints(self, request: SavepointRequest) -> None:
        """See to it that this savepoint cannot be written."""
        ...


class Case:
    """One job under test."""

    def __init__(self, world: World, job_id: int, kind: Kind, resume_from: str | None = None) -> None:
        seen = world.engine.look([])
        assert isinstance(seen, Overview)
        run = Run(uuid.uuid4().hex, submit_at=0, resume_from=resume_from, cluster=seen.cluster)
        self.world = world
        self.request: SavepointRequest | None = None
        self.job = Job(
            id=job_id,
            project_id="p",
            user_id="u",
            user_name="ann",
            type=JobType.OPENSOURCE_SQL,
            name=f"contract {job_id}",
            queue="default",
            created_at=0,
            updated_at=0,
            sql=world.sql(kind, job_id),
            program=world.program(kind, job_id),
            config=JobConfig(checkpoint_enabled=True, checkpoint_interval_s=1),
        )
        self.run_id = run.id
        self.job = replace(self.job, run=replace(run, checkpoints=f"{bucket.checkpoint_path(self.job)}{run.id}/"))

    def submit(self) -> "Case":
        self.world.engine.perform(Submit(self.job))
        return self

    def ask_savepoint(self) -> SavepointRequest:
        target = f"obs://penstock/contract/{uuid.uuid4().hex}/"
        self.request = SavepointRequest(uuid.uuid4().hex, target, time.time_ns() // 1_000_000)
        return self.request

    def look(self) -> Overview:
        run = self.job.run
        assert run is not None
        seen = self.world.engine.look([Watched(run.id, self.request, run.cluster, run.checkpoints)])
        assert isinstance(seen, Overview)
        return seen

    def see(self) -> Alive | Ended | None:
        """See the run; None while the cluster does not show it."""
        seen = self.look().runs.get(self.run_id)
        return seen if isinstance(seen, Alive | Ended) else None

    def until(self, fits: Callable[[Alive | Ended], _T | None]) -> _T:
        """Look until the run is seen as wanted, and return what `fits` made of it."""
        deadline = time.monotonic() + _PATIENCE_S
        while True:
            seen = self.see()
            if seen is not None and (found := fits(seen)):
                return found
            assert time.monotonic() < deadline, f"not seen in time; last seen: {seen}"
            time.sleep(0.02)

    def until_running(self) -> Alive:
        return self.until(lambda seen: seen if isinstance(seen, Alive) and seen.all_running else None)

    def until_ended(self) -> Ended:
        return self.until(lambda seen: seen if isinstance(seen, Ended) else None)

    def until_savepoint(self) -> SavepointState:
        return self.until(
            lambda seen: seen.savepoint if isinstance(seen.savepoint, SavepointWritten | SavepointFailed) else None
        )

    def until_produced(self, number: int) -> None:
        deadline = time.monotonic() + _PATIENCE_S
        while number not in self.world.produced(self.job.id):
            self.look()
            assert time.monotonic() < deadline, f"{number} was not produced in time"
            time.sleep(0.02)

    def stop_with_savepoint(self) -> str:
        """Stop the job, and return the address of its savepoint."""
        self.world.engine.perform(StopWithSavepoint(self.run_id, self.ask_savepoint()))
        ended = self.until_ended()
        assert isinstance(ended.savepoint, SavepointWritten)
        return ended.savepoint.path


class EngineContract:
    """Subclasses provide the fixtures `world` and `job_id`."""

    def test_a_submitted_job_is_alive_and_then_all_its_tasks_run(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        seen = case.until_running()
        assert (seen.cause, seen.cancelling, seen.restarts, seen.savepoint) == (None, False, 0, None)
        assert 0 < seen.started_at <= seen.sent_at
        assert seen.answering_since <= seen.sent_at

    def test_a_run_id_that_is_submitted_twice_is_one_job(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        started_at = case.until_running().started_at
        assert case.submit().until_running().started_at == started_at

    def test_a_run_id_that_has_ended_is_not_started_again(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.BOUNDED).submit()
        ended = case.until_ended()
        assert case.submit().until_ended().ended_at == ended.ended_at

    @pytest.mark.parametrize("kind", [Kind.NUMBERS, Kind.JAR_NUMBERS])
    def test_eight_submissions_of_one_id_at_once_are_one_job(self, world: World, job_id: int, kind: Kind) -> None:
        case = Case(world, job_id, kind)
        before = case.look().strangers.keys()
        with ThreadPoolExecutor(8) as pool:
            for done in [pool.submit(case.submit) for _ in range(8)]:
                done.result()
        case.until_running()
        assert case.look().strangers.keys() <= before

    def test_wrong_sql_is_refused_with_its_place_in_the_script(self, world: World, job_id: int) -> None:
        with pytest.raises(Refused) as refused:
            Case(world, job_id, Kind.WRONG).submit()
        assert refused.value.reason == "line 2, column 29: Object 'nowhere' not found"
        assert not refused.value.state_missing

    def test_a_jar_that_makes_no_job_is_refused(self, world: World, job_id: int) -> None:
        with pytest.raises(Refused, match="main has returned without execute"):
            Case(world, job_id, Kind.JAR_WRONG).submit()

    def test_a_run_that_was_never_submitted_is_not_shown(self, world: World, job_id: int) -> None:
        assert Case(world, job_id, Kind.NUMBERS).see() is None

    def test_a_cancelled_job_ends_and_its_newest_checkpoint_stays(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until(lambda seen: seen.checkpoint)
        world.engine.perform(Cancel(case.run_id))
        ended = case.until_ended()
        assert (ended.how, ended.ran, ended.cause) == (Ending.CANCELED, True, None)
        assert ended.checkpoint is not None
        assert world.has_state(ended.checkpoint)

    def test_a_cancel_of_a_job_that_has_ended_or_never_was_does_nothing(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.BOUNDED).submit()
        ended = case.until_ended()
        world.engine.perform(Cancel(case.run_id))
        world.engine.perform(Cancel(uuid.uuid4().hex))
        assert case.until_ended().how is ended.how

    def test_a_savepoint_is_written_at_its_target_while_the_job_runs_on(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        request = case.ask_savepoint()
        world.engine.perform(TriggerSavepoint(case.run_id, request))
        written = case.until_savepoint()
        assert isinstance(written, SavepointWritten)
        assert written.path.startswith(request.target)
        assert world.has_state(written.path)
        assert case.until_running()

    def test_one_trigger_asked_for_twice_is_one_savepoint(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        request = case.ask_savepoint()
        world.engine.perform(TriggerSavepoint(case.run_id, request))
        written = case.until_savepoint()
        world.engine.perform(TriggerSavepoint(case.run_id, request))
        assert case.until_savepoint() == written

    def test_a_trigger_that_never_arrived_is_not_known(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        case.ask_savepoint()
        assert case.until_running().savepoint is None

    def test_a_savepoint_that_cannot_be_written_fails_and_the_job_runs_on(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        request = case.ask_savepoint()
        world.no_savepoints(request)
        world.engine.perform(StopWithSavepoint(case.run_id, request))
        failed = case.until_savepoint()
        assert isinstance(failed, SavepointFailed)
        assert failed.cause
        assert case.until_running()

    @pytest.mark.parametrize("ask", [TriggerSavepoint, StopWithSavepoint])
    def test_a_savepoint_at_a_place_that_cannot_be_is_refused_and_the_job_runs_on(
        self, world: World, job_id: int, ask: type[TriggerSavepoint | StopWithSavepoint]
    ) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        case.request = replace(case.ask_savepoint(), target="obs://No Bucket/")
        with pytest.raises(Refused, match="'No Bucket' is not a bucket name"):
            world.engine.perform(ask(case.run_id, case.request))
        assert case.until_running().savepoint is None

    def test_a_stop_with_savepoint_finishes_the_job(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        world.engine.perform(StopWithSavepoint(case.run_id, case.ask_savepoint()))
        ended = case.until_ended()
        assert ended.how is Ending.FINISHED
        assert isinstance(ended.savepoint, SavepointWritten)
        assert world.has_state(ended.savepoint.path)
        assert ended.checkpoint is None  # Flink drops those of a job that finishes

    @pytest.mark.parametrize("kind", [Kind.NUMBERS, Kind.JAR_NUMBERS])
    def test_a_job_goes_on_from_its_savepoint_where_it_was(self, world: World, job_id: int, kind: Kind) -> None:
        first = Case(world, job_id, kind).submit()
        first.until_produced(3)
        savepoint = first.stop_with_savepoint()
        newest = max(world.produced(job_id))
        Case(world, job_id, kind, savepoint).submit().until_produced(newest + 5)
        assert sorted(world.produced(job_id)) == list(range(1, max(world.produced(job_id)) + 1))

    def test_a_job_goes_on_from_its_retained_checkpoint(self, world: World, job_id: int) -> None:
        first = Case(world, job_id, Kind.NUMBERS).submit()
        first.until_produced(3)
        first.until(lambda seen: seen.checkpoint)
        world.engine.perform(Cancel(first.run_id))
        checkpoint = first.until_ended().checkpoint
        second = Case(world, job_id, Kind.NUMBERS, checkpoint).submit()
        newest = max(world.produced(job_id))
        second.until_produced(newest + 5)
        assert world.produced(job_id).count(1) == 1

    def test_a_job_that_is_to_go_on_from_a_checkpoint_takes_the_newest_of_that_run(
        self, world: World, job_id: int
    ) -> None:
        first = Case(world, job_id, Kind.NUMBERS).submit()
        known = first.until(lambda seen: seen.checkpoint)
        at = len(world.produced(job_id))
        first.until(lambda seen: seen.checkpoint not in (None, known) and len(world.produced(job_id)) > at)
        world.engine.perform(Cancel(first.run_id))
        first.until_ended()
        newest = max(world.produced(job_id))
        Case(world, job_id, Kind.NUMBERS, known).submit().until_produced(newest + 5)
        assert sorted(world.produced(job_id)) == list(range(1, max(world.produced(job_id)) + 1))

    def test_a_savepoint_may_be_named_by_the_folder_above_it(self, world: World, job_id: int) -> None:
        first = Case(world, job_id, Kind.NUMBERS).submit()
        first.until_running()
        savepoint = first.stop_with_savepoint()
        above = savepoint.rstrip("/").rpartition("/")[0] + "/"
        assert Case(world, job_id, Kind.NUMBERS, above).submit().until_running()

    def test_a_job_whose_state_is_missing_is_refused(self, world: World, job_id: int) -> None:
        with pytest.raises(Refused) as refused:
            Case(world, job_id, Kind.NUMBERS, "obs://penstock/never/written/").submit()
        assert refused.value.state_missing
        assert "obs://penstock/never/written/" in refused.value.reason

    def test_a_job_that_its_state_does_not_fit_fails_before_it_ran(self, world: World, job_id: int) -> None:
        first = Case(world, job_id, Kind.MAXIMA).submit()
        first.until(lambda seen: seen.checkpoint)
        savepoint = first.stop_with_savepoint()
        ended = Case(world, job_id, Kind.SUMS, savepoint).submit().until_ended()
        assert (ended.how, ended.ran, ended.restore_failed) == (Ending.FAILED, False, True)
        assert ended.cause is not None
        assert ended.cause.startswith("StateMigrationException: ")

    def test_a_job_that_fails_at_a_record_ran_and_tells_why(self, world: World, job_id: int) -> None:
        ended = Case(world, job_id, Kind.FAILING).submit().until_ended()
        assert (ended.how, ended.ran, ended.restore_failed) == (Ending.FAILED, True, False)
        assert ended.cause == "NumberFormatException: For input string: 'x'. Invalid character found."

    def test_a_bounded_job_finishes_and_ran(self, world: World, job_id: int) -> None:
        ended = Case(world, job_id, Kind.BOUNDED).submit().until_ended()
        assert (ended.how, ended.ran, ended.cause) == (Ending.FINISHED, True, None)
        assert 0 < ended.started_at <= ended.ended_at

    def test_a_job_that_is_not_watched_is_a_stranger_while_it_lives(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until_running()
        unwatched = world.engine.look([])
        assert isinstance(unwatched, Overview)
        assert case.run_id in unwatched.strangers
        world.engine.perform(Cancel(case.run_id))
        case.until_ended()
        ended = world.engine.look([])
        assert isinstance(ended, Overview)
        assert case.run_id not in ended.strangers

    def test_a_stranger_is_told_by_its_name_and_state(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        started_at = case.until_running().started_at
        seen = world.engine.look([])
        assert isinstance(seen, Overview)
        assert seen.strangers[case.run_id] == Stranger(
            case.run_id, case.job.name, "RUNNING", started_at, seen.cluster
        )

    def test_what_a_run_has_left_is_found_although_the_cluster_does_not_show_it(
        self, world: World, job_id: int
    ) -> None:
        case = Case(world, job_id, Kind.NUMBERS).submit()
        case.until(lambda seen: seen.checkpoint)
        world.engine.perform(TriggerSavepoint(case.run_id, case.ask_savepoint()))
        written = case.until_savepoint()
        world.engine.perform(Cancel(case.run_id))
        newest = case.until_ended().checkpoint
        assert case.job.run is not None
        namesake = case.run_id[:6] + uuid.uuid4().hex[6:]  # a savepoint's address holds no more of the run's id
        unknown = Watched(namesake, case.request, case.job.run.cluster, case.job.run.checkpoints)
        absent = self._absent(world, unknown)
        assert (absent.checkpoint, absent.savepoint) == (newest, written)

    def test_a_run_that_left_nothing_has_left_nothing(self, world: World, job_id: int) -> None:
        case = Case(world, job_id, Kind.NUMBERS)
        assert case.job.run is not None
        never = Watched(case.run_id, case.ask_savepoint(), case.job.run.cluster, case.job.run.checkpoints)
        absent = self._absent(world, never)
        assert (absent.checkpoint, absent.savepoint) == (None, None)

    def _absent(self, world: World, watched: Watched) -> Absent:
        seen = world.engine.look([watched])
        assert isinstance(seen, Overview)
        absent = seen.runs[watched.run_id]
        assert isinstance(absent, Absent)
        assert (absent.cluster, absent.sent_at) == (seen.cluster, seen.sent_at)
        return absent

    def test_the_cluster_answers_without_a_gap_since_the_first_look(self, world: World) -> None:
        looks = [world.engine.look([]) for _ in range(3)]
        since = {look.answering_since for look in looks if isinstance(look, Overview)}
        assert len(since) == 1

    def test_a_cluster_that_is_away_is_unreachable(self, world: World) -> None:
        away = world.away()
        looks = [away.look([Watched(uuid.uuid4().hex)]) for _ in range(2)]
        first, second = looks
        assert isinstance(first, Unreachable)
        assert isinstance(second, Unreachable)
        assert first.reason
        assert first.since is not None
        assert first.since == second.since
