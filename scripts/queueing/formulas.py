"""Closed forms of queueing theory that the simulation is held against."""

import math


def mean_wait(servers: int, arrivals: float, services: float) -> float:
    """Return the mean time that a job of M/M/c waits before a server takes it.

    `arrivals` and `services`: per unit of time, of all jobs and of one server. Infinite where servers cannot keep up.
    """
    spare = servers * services - arrivals
    return erlang_c(servers, arrivals / services) / spare if spare > 0 else math.inf


def erlang_c(servers: int, load: float) -> float:
    """Return the probability that a job of M/M/c has to wait; `load`: arrivals per unit of time over services of one.

    By the recursion of Erlang's B formula, which no factorial overflows.
    """
    blocked = 1.0
    for count in range(1, servers + 1):
        blocked = load * blocked / (count + load * blocked)
    used = load / servers
    return blocked / (1 - used * (1 - blocked)) if used < 1 else 1.0


def mean_time_with_failures(length: float, failures: float, repair: float) -> float:
    """Return the mean time until a piece of work of this length ends that begins anew after every failure.

    `failures`: of its worker per unit of time, which then needs the time `repair`. Of n failures before the first
    success each costs the time until it, and the repair; together (1/λ + r)(e^(λs) − 1).
    """
    return (1 / failures + repair) * math.expm1(failures * length) if failures else length
