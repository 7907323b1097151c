"""The simulation of a competition's queue, held against closed forms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from queueing.competition import WEEK, Work, draw_arrivals, entries_done, make_jobs
from queueing.formulas import erlang_c, mean_time_with_failures, mean_wait
from queueing.simulation import Cluster, Job, simulate
from queueing.tables import Competition, throughputs, waitings

TIMES = st.floats(0.1, 10)
JOBS = st.lists(
    st.builds(Job, st.floats(0, 50), st.lists(TIMES, min_size=1, max_size=4).map(tuple), TIMES, TIMES, TIMES),
    min_size=1,
    max_size=8,
).map(lambda jobs: sorted(jobs, key=lambda job: job.arrival))


def naive_erlang_c(servers, load):
    """Return the formula as textbooks print it."""
    last = load**servers / math.factorial(servers) * servers / (servers - load)
    return last / (sum(load**k / math.factorial(k) for k in range(servers)) + last)


@given(servers=st.integers(1, 60), used=st.floats(0.01, 0.99))
def test_erlang_c_is_the_formula_of_textbooks(servers, used):
    assert erlang_c(servers, used * servers) == pytest.approx(naive_erlang_c(servers, used * servers), rel=1e-9)


def test_waits_of_known_queues():
    assert mean_wait(1, 0.5, 1.0) == pytest.approx(1.0)  # M/M/1: ρ / (μ − λ)
    assert erlang_c(2, 1.0) == pytest.approx(1 / 3)
    assert mean_wait(3, 3.0, 1.0) == math.inf
    assert 0 < erlang_c(1000, 990.0) < 1


@pytest.mark.parametrize(("servers", "used"), [(1, 0.7), (4, 0.8), (20, 0.9)])
@pytest.mark.seconds
def test_jobs_of_one_block_wait_as_erlang_says(servers, used):
    rng, count, skipped = np.random.default_rng(servers), 30_000, 2_000
    arrivals = np.cumsum(rng.exponential(1 / (servers * used), count))
    lengths = rng.exponential(1.0, count)
    jobs = [Job(float(at), (float(length),)) for at, length in zip(arrivals, lengths, strict=True)]
    waits = (simulate(jobs, Cluster(servers)).begun - arrivals)[skipped:]
    batches = waits.reshape(20, -1).mean(axis=1)  # neighbours wait alike, so single jobs are no independent sample
    expected = mean_wait(servers, servers * used, 1.0)
    assert abs(batches.mean() - expected) < 4 * batches.std(ddof=1) / math.sqrt(len(batches))
    assert batches.std(ddof=1) / math.sqrt(len(batches)) < 0.15 * expected  # else the test could not fail


@pytest.mark.parametrize("workers", [1, 7, 40])
def test_without_failures_all_is_done_after_the_work_over_the_workers(workers):
    rng = np.random.default_rng(workers)
    jobs = [Job(0.0, tuple(rng.uniform(0.5, 1.5, 16).tolist())) for _ in range(30)]
    outcome, work = simulate(jobs, Cluster(workers)), sum(sum(job.blocks) for job in jobs)
    assert outcome.busy == pytest.approx(work)
    assert outcome.lost == 0
    assert work / workers - 1e-6 <= outcome.done.max() <= work / workers + 1.5


@pytest.mark.parametrize(("failures", "repair"), [(0.05, 0.0), (0.5, 2.0)])
@pytest.mark.seconds
def test_a_failing_worker_takes_as_long_as_the_closed_form_says(failures, repair):
    lengths = np.full(4000, 1.5)
    jobs = [Job(0.0, tuple(part)) for part in lengths.reshape(20, -1).tolist()]
    outcome = simulate(jobs, Cluster(1, failures, repair))
    each = np.diff(np.concatenate([[0], np.sort(outcome.done)])) / 200
    expected = mean_time_with_failures(1.5, failures, repair)
    assert abs(each.mean() - expected) < 4 * each.std(ddof=1) / math.sqrt(len(each))
    assert outcome.busy - outcome.lost == pytest.approx(lengths.sum())


@given(JOBS, st.integers(1, 5), st.sampled_from([0.0, 0.02, 0.2]), st.integers(1, 2), st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_every_job_ends_and_no_work_is_lost_for_good(jobs, workers, failures, timers, seed):
    outcome = simulate(jobs, Cluster(workers, failures, 1.0, timers), seed)
    arrivals = np.array([job.arrival for job in jobs])
    least = np.array([max(job.blocks) + job.timing + job.scoring + job.board for job in jobs])
    assert (outcome.begun >= arrivals - 1e-9).all()
    assert (outcome.done >= arrivals + least - 1e-6).all()
    work = sum(sum(job.blocks) + job.scoring for job in jobs)
    assert outcome.busy - outcome.lost == pytest.approx(work)
    assert outcome.busy <= workers * outcome.done.max() + 1e-6
    for stage, machines in ((sum(job.timing for job in jobs), timers), (sum(job.board for job in jobs), 1)):
        assert outcome.done.max() >= stage / machines - 1e-6


@given(st.integers(0, 99))
@settings(max_examples=20)
def test_arrivals_are_in_order_and_rush_before_the_deadline(seed):
    arrivals = draw_arrivals(2000, 4.0, 0.5, np.random.default_rng(seed))
    assert (np.diff(arrivals) >= 0).all()
    assert arrivals[0] >= 0
    assert arrivals[-1] <= 4 * WEEK
    assert 0.5 < (arrivals > 0.9 * 4 * WEEK).mean() < 0.6  # half of them, and a tenth of the others


def test_throughput_is_limited_by_workers_first_and_then_by_timing():
    competition = Competition([Work(4, 10.0, 2.0, 1.0), Work(2, 5.0, 1.0, 0.0)], teams=60)
    few, many = throughputs(competition, [Cluster(2), Cluster(100)])
    assert (few.limit, many.limit) == ("workers", "timing")
    assert few.simulated == pytest.approx(few.by_closed_form, rel=0.05)
    assert many.simulated == pytest.approx(3600 / 3.0, rel=0.1)
    assert few.by_closed_form == pytest.approx(2 * 3600 / 51.0)
    slowed = next(throughputs(Competition(competition.works, 60, board=2.0), [Cluster(100)]))
    assert slowed.limit == "board"
    assert slowed.simulated == pytest.approx(3600 / 4.0, rel=0.1)


def test_more_workers_wait_less_and_an_entry_is_done_with_its_last_scenario():
    competition = Competition([Work(4, 600.0, 20.0, 10.0)] * 2, teams=200, weeks=1.0)
    waits = list(waitings(competition, [Cluster(workers) for workers in (2, 8, 64)]))
    assert waits[0].mean > waits[1].mean > waits[2].mean
    assert waits[2].mean * 3600 >= 600 + 20 + 10
    assert all(each.mean <= each.longest for each in waits)
    assert waits[0].used > waits[2].used
    assert entries_done(np.array([3.0, 5.0, 9.0, 1.0]), 2).tolist() == [5.0, 9.0]
    jobs = make_jobs(np.array([1.0, 2.0]), competition.works, 0.0)
    assert [job.arrival for job in jobs] == [1.0, 1.0, 2.0, 2.0]


def test_the_work_of_a_plan_is_all_that_the_plan_counts():
    costs = {"run": 0.04, "evaluating": 0.1, "worker": 3.0, "timing": 2.5, "scoring": 3.5}
    plan = {"unit_costs": costs, "blocks_per_entry": 16, "runs": 1024, "entries": 2}
    work = Work.of(plan)
    assert work.seconds == pytest.approx(512 * 0.04 + 16 * 3.1 + 3.5)
    assert work.timing == 2.5
