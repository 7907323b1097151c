"""A network of the user's own: a function of a Python file. Its code may be wrong in any way."""

import contextlib
import io
import sys
from collections.abc import Callable, Iterator
from functools import cache
from hashlib import sha256
from types import ModuleType

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from benchmark.errors import BadScenario, BenchError
from benchmark.text import reason_of

_TRAINED = (torch.float32, torch.float64)
_KEPT = (*_TRAINED, torch.float16, torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)


def build_from_source(file: str, source: str, input_shape: tuple[int, ...], classes: int) -> nn.Module:
    """Return what the function makes that `file`, path.py:function, names in a module with this source.

    Raises BenchError when that is no network the harness can keep.
    """
    name = file.rpartition(":")[2]
    build: Callable[..., object] | None = getattr(_module(file, source), name, None)
    if not callable(build):
        raise BadScenario(f"{file} has no function {name}; define {name}(input_shape, classes) there")
    with user_code(f"{file}, called with inputs of {input_shape} and {classes} classes,"):
        net = build(input_shape, classes)
    return check_net(net, file)


def check_net(net: object, title: str) -> nn.Module:
    """Return what `title` has built. Raises BadScenario when it is no network the harness can keep."""
    if not isinstance(net, nn.Module):
        raise BadScenario(f"{title} returned a {type(net).__name__}, expected a torch.nn.Module")
    with user_code(f"the state_dict of the net of {title}"):
        odd = _oddity(net)
    if odd:
        raise BadScenario(f"{title} returned a net {odd}")
    return net


@contextlib.contextmanager
def user_code(about: str) -> Iterator[None]:
    """Run the user's code: nothing it prints reaches standard output, whatever it raises becomes a BenchError."""
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    except (BenchError, MemoryError):
        raise
    except (SystemExit, KeyboardInterrupt):
        raise BadScenario(f"{about} ended the program, expected it to return; take that out") from None
    except Exception as error:
        raise BadScenario(f"{about} raised {type(error).__name__}: {reason_of(error)}; correct it") from None


def _oddity(net: nn.Module) -> str:
    """Return what the harness cannot store, stack or train of a net, and what to do; "" for any other net."""
    parameters = dict(net.named_parameters(remove_duplicate=False))
    buffers = dict(net.named_buffers(remove_duplicate=False))
    for name, tensor in (parameters | buffers).items():
        if odd := _odd_tensor(tensor, _TRAINED if name in parameters else _KEPT):
            return f"whose {name} {odd}"
    if not parameters:
        return "without parameters, expected some to train"
    if any(_are_tied(list(tensors.values())) for tensors in (parameters, buffers)):
        return "whose layers share weights; give each its own"
    state = net.state_dict()
    if left_out := buffers.keys() - state.keys():
        return (
            f"whose buffer {min(left_out)} is not in its state_dict, expected all there; register it without "
            "persistent=False"
        )
    if wrong := state.keys() ^ (parameters.keys() | buffers.keys()):
        return f"whose state_dict has {min(wrong)} for more than its parameters and buffers; leave it as torch makes it"
    return ""


def _odd_tensor(tensor: Tensor, dtypes: tuple[torch.dtype, ...]) -> str:
    if is_lazy(tensor):
        return "has no shape before the first batch; give the layer its number of inputs instead of using a lazy one"
    if tensor.layout != torch.strided:
        return f"is stored as {tensor.layout}, expected a dense tensor; call to_dense()"
    if tensor.dtype not in dtypes:
        return f"is {tensor.dtype}, expected {', '.join(str(dtype).removeprefix('torch.') for dtype in dtypes)}"
    here = torch.get_default_device()
    if tensor.device.type not in ("cpu", here.type):
        return f"is on the device {tensor.device}, expected the CPU, from where the harness moves it; name no device"
    return ""


def _are_tied(tensors: list[Tensor]) -> bool:
    """Tell whether two of them are one, or lie in the same memory."""
    if len({id(tensor) for tensor in tensors}) < len(tensors):
        return True
    places = [tensor.data_ptr() for tensor in tensors if tensor.numel() and tensor.device.type != "meta"]
    return len(set(places)) < len(places)


@cache
def _module(file: str, source: str) -> ModuleType:
    """Return the module with this source, once a process. Its name is one that no file goes by."""
    module = ModuleType(f"architecture_{sha256(source.encode()).hexdigest()[:16]}")
    sys.modules[module.__name__] = module  # dataclasses and pickle look their module up
    with user_code(f"{file}, when it was run,"):
        exec(compile(source, file.rpartition(":")[0], "exec"), module.__dict__)
    return module
