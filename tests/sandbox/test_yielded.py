"""Runs that yield nets on their way, in a worker."""

import torch
from hostile import body

from benchmark.sandbox.messages import MOST_YIELDED

HALVE = "for p in net.parameters(): p.data.mul_(0.5)"


def scaled(weights, factor):
    return {name: factor * tensor for name, tensor in weights.items()}


def same(one, other):
    return all(torch.equal(tensor, other[name]) for name, tensor in one.items())


def test_yielded_nets_come_back_as_they_were_and_the_last_one_counts(attempt):
    run = attempt(body(f"for step in range(3):\n    {HALVE}\n    yield net"))
    assert (run.status, len(run.yielded)) == ("ok", 3), run.reason
    assert all(same(net, scaled(attempt.weights, 0.5**step)) for step, net in enumerate(run.yielded, 1))
    assert same(run.weights, run.yielded[-1])
    plain = attempt(body("pass"))
    assert plain.yielded == ()  # nothing of the run before


def test_a_returned_net_counts_in_place_of_the_last_one_that_is_yielded(attempt):
    run = attempt(body(f"import copy\nlater = copy.deepcopy(net)\n{HALVE}\nyield\nreturn later"))
    assert same(run.weights, attempt.weights)
    assert [same(net, scaled(attempt.weights, 0.5)) for net in run.yielded] == [True]


def test_of_too_many_nets_the_first_are_kept_and_the_last_still_counts(attempt):
    run = attempt(body(f"for step in range(14):\n    {HALVE}\n    yield net"))
    assert (run.status, len(run.yielded)) == ("ok", MOST_YIELDED)
    assert same(run.weights, scaled(attempt.weights, 0.5**14))
    assert run.note == "of the 14 nets that unlearning yields, the first 10 are looked at, and the last one"


def test_of_nets_for_which_there_is_no_room_the_first_are_kept(attempt):
    size = sum(tensor.nbytes for tensor in attempt.weights.values())
    run = attempt(body(f"for step in range(4):\n    {HALVE}\n    yield net"), file_bytes=3 * size)
    assert (run.status, len(run.yielded)) == ("ok", 2), run.reason


def test_something_else_that_is_yielded_fails_the_run(attempt):
    run = attempt(body("yield net\nyield 3"))
    assert (run.status, run.reason) == (
        "invalid-output",
        "unlearning returned an int, expected the unlearned net or None",
    )
    run = attempt(body("yield net\nnet[3].bias.data[0] = float('nan')\nyield net\nnet[3].bias.data[0] = 0"))
    assert (run.status, run.reason) == (
        "invalid-output",
        "of net 2 that was yielded: 3.bias holds values that are not finite",
    )


def test_what_a_run_writes_into_the_file_itself_is_read_as_strictly(attempt, worker):
    places = ["/returned", str(worker._process.exchange)]  # in a sandbox, and in a process without one
    forge = f"""
    import glob
    (path,) = [path for place in {places} for path in glob.glob(place + "/**/*.nets", recursive=True)]
    open(path, "ab").write(bytes(range(64)))
    """
    run = attempt(body(forge))
    assert run.weights is None or run.yielded == ()
    assert attempt(body("yield net")).status == "ok"  # nothing is left of it


def test_nothing_can_yield_too_to_be_timed_against(worker, attempt):
    run = worker.run(attempt.weights, 1, "nothing", yields=4)
    assert len(run.yielded) == 4
    assert all(same(net, attempt.weights) for net in run.yielded)
