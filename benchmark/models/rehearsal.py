"""A first try of a user's own network, in a process of its own: whatever its code does, the harness goes on.

The code may end its process, never return, print without end, or make a net that breaks only when it is trained.
"""

import json
import os
import subprocess
import sys

from pydantic import TypeAdapter

from benchmark.errors import BadScenario, BenchError
from benchmark.models.networks.file import FileNet

LIMIT = 300.0  # seconds that building and two batches may take, with the seconds that torch needs to start

Shape = tuple[int, ...]


def rehearse(net: FileNet, input_shape: Shape, classes: int, limit: float = LIMIT, *, tokens: bool = False) -> None:
    """Build, train and evaluate the network in another process. Raises BenchError when that fails or never ends."""
    reading, writing = os.pipe()
    command = [sys.executable, "-P", "-c", f"from benchmark.models.rehearsal import main; main({writing})"]
    given = json.dumps([net.model_dump(), input_shape, classes, tokens]).encode()
    about = f"{net.file}, tried in a process of its own with inputs of {input_shape} and {classes} classes,"
    try:
        with os.fdopen(reading, "rb") as answer:
            try:
                done = subprocess.run(
                    command,
                    input=given,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    pass_fds=[writing],
                    timeout=limit,
                )
            finally:
                os.close(writing)
            said = answer.read()
    except subprocess.TimeoutExpired:
        raise BadScenario(f"{about} did not return within {limit:g} s; take out what waits or never ends") from None
    if not said:
        raise BadScenario(f"{about} ended that process with status {done.returncode}; take that out") from None
    if sentence := json.loads(said):
        raise BadScenario(sentence)


def main(answer: int) -> None:
    """The other process: reads what `rehearse` gives it, writes a sentence or nothing wrong to the descriptor."""
    net, shape, classes, tokens = json.loads(sys.stdin.buffer.read())
    try:
        rehearse_here(TypeAdapter(FileNet).validate_json(json.dumps(net)), tuple(shape), classes, tokens=tokens)
        sentence = ""
    except BenchError as error:
        sentence = str(error)
    except MemoryError:
        sentence = f"{net['file']} needs more memory than there is; make the network smaller"
    os.write(answer, json.dumps(sentence).encode())
    os._exit(0)  # whatever threads and exit handlers the file has made


def rehearse_here(net: FileNet, input_shape: Shape, classes: int, *, tokens: bool = False) -> None:
    """Do with the network all that the harness does. Raises BenchError when something of it fails."""
    import torch

    from benchmark.models.build import check_logits, seeded_model, skeleton
    from benchmark.models.user_code import user_code
    from benchmark.scenario.schema import Recipe
    from benchmark.split import Split
    from benchmark.tasks.classification import Classification
    from benchmark.tasks.language import Language
    from benchmark.training import StackedModel, train_block

    torch.set_num_threads(1)
    check_logits(net, input_shape, classes, tokens=tokens)
    recipe = Recipe(optimizer="sgd", learning_rate=1e-6, momentum=0.5, schedule="constant", epochs=1, batch_size=2)
    rows = torch.arange(4)
    split = Split(torch.rand(4, *input_shape), rows % classes, rows)
    if tokens:
        sequences = torch.arange(4 * input_shape[0]).view(4, -1) % classes
        split = Split(sequences, sequences, rows)
    loss = (Language() if tokens else Classification()).loss()  # any loss will do
    with user_code(f"training two nets of {net.file}"):
        nets = [seeded_model(net, input_shape, classes, seed) for seed in (1, 2)]
        trained = train_block(nets, recipe, split, [1, 2], loss)
        {name: tensor.numpy() for name, tensor in trained.state.items()}
        again = StackedModel.from_state(skeleton(net, input_shape, classes).eval(), trained.state)
        inputs = split.inputs.expand(2, *split.inputs.shape)
        with torch.no_grad():
            first, second = again(inputs), again(inputs)
    if not torch.equal(first.nan_to_num(), second.nan_to_num()):
        raise BadScenario(
            f"{net.file} returned a net that in evaluation mode gives the same inputs other outputs each time; "
            "draw random numbers only where self.training is true"
        )
