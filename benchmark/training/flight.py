"""Several trainings in flight at once on one GPU.

A small batch leaves most of a large GPU idle, and starting its kernels one by one takes longer than running them.
So every training records its step once (a CUDA graph), and afterwards starts it with a single call, on a stream of its
own, in turn with the others. On a CPU, where a process is one training at a time, they follow one another; so do nets
that draw random numbers (dropout), anywhere, because two in flight would draw from one generator.
"""

import copy
import time
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from benchmark.errors import BadScenario, BenchError
from benchmark.scenario.schema import Recipe
from benchmark.seeds import derive_seed
from benchmark.tasks import Loss
from benchmark.training.recipe import Batch, Lessons, Training, by_autograd

_UNRECORDED = 3  # steps with batches of a size until the libraries have made whatever they keep
_TIMED = 20  # steps by which a width is judged
_WORTH_IT = 1.05  # what twice as many in flight have to gain
_widths: dict[tuple[str, str, torch.Size, str], int] = {}  # of this process


def train_each(nets: Sequence[nn.Module], recipe: Recipe, lessons: Lessons, seeds: list[int], loss: Loss) -> None:
    """Train every net in place, each as if alone, as many at a time as is fastest on the examples' device."""
    width = _width(nets, recipe, lessons, loss)
    for first in range(0, len(nets), width):
        some = range(len(nets))[first : first + width]
        complete([_start_training(nets[i], seeds[i], recipe, lessons.of_models(slice(i, i + 1)), loss) for i in some])


def complete(trainings: Sequence[Training]) -> None:
    """Bring the trainings to their end: on a GPU all at once, elsewhere one after the other."""
    if all(training.device.type == "cuda" and not training.draws for training in trainings):
        _advance([_Flying(training) for training in trainings])
        return
    for training in trainings:
        generators = [training.device.index or 0] if training.device.type == "cuda" else []
        with torch.random.fork_rng(devices=generators):
            torch.manual_seed(derive_seed(training.seeds[0], "layers"))
            for batch in training.batches():
                training.step(batch)


def _start_training(net: nn.Module, seed: int, recipe: Recipe, lessons: Lessons, loss: Loss) -> Training:
    net.train()
    on_gpu = lessons.split.inputs.device.type == "cuda"
    for parameter in net.parameters() if on_gpu else ():
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)

    def forward(inputs: Tensor) -> Tensor:
        (batch,) = inputs
        if on_gpu and batch.ndim == 4:
            batch = batch.contiguous(memory_format=torch.channels_last)
        return net(batch)[None]

    gradients = by_autograd(forward, net.parameters(), recipe, loss)
    return Training(gradients, net.parameters(), recipe, lessons, [seed], draws=draws(net))


def draws(net: nn.Module) -> bool:
    """Tell by its layers whether training the net takes random numbers; a forward that calls F.dropout is not seen."""
    return any(map(_draws, net.modules()))


def _draws(layer: nn.Module) -> bool:
    if isinstance(layer, nn.RReLU | nn.FractionalMaxPool2d | nn.FractionalMaxPool3d):
        return True
    kind = type(layer).__name__  # StochasticDepth is torchvision's, which need not be imported here
    if isinstance(layer, nn.modules.dropout._DropoutNd) or kind == "StochasticDepth":
        return layer.p > 0  # pyright: ignore[reportOperatorIssue, reportReturnType]
    return isinstance(layer, nn.RNNBase | nn.MultiheadAttention) and layer.dropout > 0


class _Recorded:
    """A step for batches of one size, as the GPU replays it from tensors of its own."""

    def __init__(self, training: Training, batch: Batch, stream: torch.cuda.Stream, like: "_Recorded | None") -> None:
        """`like`: another size's step of the same training; as the two never run at once, they share their memory."""
        self._rows = batch.rows.clone()
        self._moves = None if batch.moves is None else batch.moves.clone()
        self._graph = torch.cuda.CUDAGraph()
        pool = None if like is None else like._graph.pool()
        try:
            # Only what this thread asks of CUDA is forbidden meanwhile: a submission may have others.
            with torch.cuda.graph(self._graph, pool=pool, stream=stream, capture_error_mode="thread_local"):
                training.compute(self._rows, self._moves)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise BadScenario(
                f"a training step of this net could not be recorded on the GPU ({str(error).splitlines()[0]}); a step "
                "must not ask for a tensor's value, and --device cpu trains any net"
            ) from error

    def replay(self, batch: Batch) -> None:
        self._rows.copy_(batch.rows)
        if self._moves is not None and batch.moves is not None:
            self._moves.copy_(batch.moves)
        self._graph.replay()


class _Flying:
    """A training on a stream of its own; recording changes nothing of what is computed."""

    def __init__(self, training: Training) -> None:
        self.device = training.device
        self._training, self._batches = training, training.batches()
        self._stream = torch.cuda.Stream(training.device)
        self._stream.wait_stream(torch.cuda.current_stream(training.device))
        self._done: Counter[int] = Counter()  # by the size of the batch: an epoch's last one may be smaller
        self._steps: dict[int, _Recorded] = {}

    def advance(self) -> bool:
        """Start the next step and do not wait for it; False when there is none."""
        with torch.cuda.stream(self._stream):
            batch = next(self._batches, None)
            if batch is None:
                return False
            size = batch.rows.shape[1]
            if self._done[size] < _UNRECORDED:
                self._training.step(batch)
            else:
                self._training.set_rate(batch.learning_rate)
                if size not in self._steps:
                    other = next(iter(self._steps.values()), None)
                    self._steps[size] = _Recorded(self._training, batch, self._stream, other)
                self._steps[size].replay(batch)
            self._done[size] += 1
            return True


def _advance(flying: list[_Flying], steps: int | None = None) -> None:
    """Take `steps` steps of each in turn, or all there are, and wait for the GPU."""
    devices, left = {each.device for each in flying}, flying
    while left and steps != 0:
        left = [each for each in left if each.advance()]
        steps = None if steps is None else steps - 1
    for device in devices:
        torch.cuda.synchronize(device)


def _width(nets: Sequence[nn.Module], recipe: Recipe, lessons: Lessons, loss: Loss) -> int:
    """Return the fastest number of trainings at once: doubled as long as that gains, and measured once per process."""
    device = lessons.split.inputs.device
    if device.type != "cuda" or len(nets) == 1 or draws(nets[0]):
        return 1
    key = (str(device), str(nets[0]), lessons.split.inputs.shape[1:], recipe.model_dump_json(exclude={"epochs"}))
    if key not in _widths:
        best, width = 0.0, 1
        while width <= len(nets):
            rate = _steps_a_second([copy.deepcopy(net) for net in nets[:width]], recipe, lessons, loss)
            if rate <= _WORTH_IT * best:
                break
            best, width = rate, 2 * width
        _widths[key] = max(width // 2, 1)
    return _widths[key]


def _steps_a_second(nets: list[nn.Module], recipe: Recipe, lessons: Lessons, loss: Loss) -> float:
    """Return the steps per second of all nets; 0 if they do not fit into the GPU, which libraries say in many ways."""
    long_enough = recipe.model_copy(update={"epochs": recipe.epochs + _UNRECORDED + 2 + _TIMED})
    one = lessons.of_models(slice(0, 1))._replace(epochs=None)
    flying: list[_Flying] = []
    try:
        flying += [_Flying(_start_training(net, 0, long_enough, one, loss)) for net in nets]
        _advance(flying, _UNRECORDED + 2)  # the first recording and one replay
        started = time.perf_counter()
        _advance(flying, _TIMED)
        return len(nets) * _TIMED / (time.perf_counter() - started)
    except (RuntimeError, BenchError):
        torch.cuda.synchronize(lessons.split.inputs.device)  # before the memory of what still runs is given away
        if len(nets) == 1:
            raise
        return 0.0
