"""Arguments of `unlearning`: the names of its parameters decide."""

import ast
import functools
import inspect
import subprocess
import sys
import types

import pytest

from benchmark.sandbox.child.binding import DEFAULT, PLAIN, bind, call_arguments, parameters_of
from benchmark.sandbox.child.contract import entry_point

VALUES = {name: name.upper() for name in (*PLAIN, "class_weights", "device", "seed", "recipe", "loss", "refusal")}


def parameters(signature: str) -> list[inspect.Parameter]:
    function = ast.parse(f"def unlearning({signature}): pass").body[0]
    assert isinstance(function, ast.FunctionDef)
    return parameters_of(function)


def roles(signature: str) -> str:
    """Return what each parameter is bound to, in order: r, f, v, n, - for its own default."""
    short = {"net": "n", "retain": "r", "forget": "f", "validation": "v", DEFAULT: "-"}
    bound = bind(parameters(signature)).bound.values()
    return " ".join(
        "".join(short.get(role, role) for role in ((value,) if isinstance(value, str) else value)) or "."
        for value in bound
    )


@pytest.mark.parametrize(
    "signature",
    [
        "net, retain_loader, forget_loader, val_loader",
        "model, retain, forget, validation",
        "a, b, c, d",
        "net, x, y, z",
        "net, *, retain_loader, forget_loader, val_loader",
        "net, retain_loader, /, forget_loader, val_loader",
        "*args",
        "*args, **kwargs",
        "net, *loaders",
        "net, retain_loader, *rest",
        "**kwargs",
        "net, retain_loader, forget_loader, val_loader, lr=0.1",
        "net, retain_loader, forget_loader, val_loader, device, seed=3",
        "net, retain_loader, forget_loader, val_loader, *args, **kwargs",
        "net, a, b, c, retain_lr=0.1, forget_epochs=2",
    ],
)
def test_the_plain_order_needs_no_note(signature):
    assert bind(parameters(signature)).note is None
    flat = "".join(roles(signature).split())
    assert flat.startswith("nrfv")


@pytest.mark.parametrize(
    ("signature", "expected"),
    [
        ("net, forget_loader, retain_loader, val_loader", "n f r v"),
        ("model, forget, retain, validation", "n f r v"),
        ("net, val_loader, forget_loader, retain_loader", "n v f r"),
        ("net, forgetLoader, retainLoader", "n f r"),
        ("net, loader_val, loader_forget, loader_remain", "n v f r"),
        ("net, forget_dl, keep_dl, valid_dl", "n f r v"),
        ("net, unlearn_set, remaining_data", "n f r"),
        ("net, D_f, D_r", "n f r"),
        ("net, Df, Dr, Dv", "n f r v"),
        ("net, f, r, v", "n f r v"),
        ("net, fl, rl, vl", "n f r v"),
        ("net, forgetset, retainset", "n f r"),
        ("net, dlForget, dlRetain, dlVal", "n f r v"),
        ("objNet, pLoaderForget, pLoaderRetain, pLoaderVal", "n f r v"),
        ("net, FORGET_LOADER, RETAIN_LOADER", "n f r"),
        ("net, train_forget_loader, train_retain_loader, test_loader", "n f r v"),
        ("net, retain_loader, forget_loader, test_loader", "n r f v"),
        ("retain_loader, forget_loader, net", "r f n"),
        ("forget_loader, retain_loader, model, lr=0.1", "f r n -"),
        ("net, retain_loader, forget_loader, lr=0.001", "n r f -"),
        ("net, retain_loader, forget_loader, lr=0.001, epochs=1, val_loader=None", "n r f - - v"),
        ("net, retain_loader, lr=0.1, forget_loader=None", "n r - f"),
        ("net, retain_loader, forget_loader, retain_lr=1, forget_set_size=3, val_every=2, interval=1", "n r f - - - -"),
        ("net, retain_loader, forget_loader, teacher_model=None, model=None", "n r f - -"),
        ("net, retain_loader, forget_loader, device", "n r f device"),
        ("net, retain_loader", "n r"),
        ("net, forget_loader, *, seed, recipe=None", "n f seed recipe"),
        ("net, a, b, lr=0.1", "n r f -"),
        ("network, forget_loader, lr=1, /, retain_loader=None", "n f - r"),
        ("net, forget_loader, retain_loader, val_loader, **kwargs", "n f r v ."),
        ("net, **kwargs", "n rfv"),
        ("student, forget_loader, retain_loader", "n f r"),
        ("net, retain_loader, forget_loader, val=True", "n r f -"),
        ("net, retain_loader, forget_loader, validation=-1", "n r f -"),
        ("net, r, f, v=0.5", "n r f -"),
        ("net, retain_loader, r=0.1, f=0.5", "n r - -"),
        ("net, forget_loader, retain=0.9", "n f -"),
        ("net, forget_loader, retain_loader=0", "n f r"),
        ("net, forget_loader, retain=None, val=loader", "n f r v"),
        ("net, a, b, c, forget=True", "n r f v -"),
        ("net, a, b, c, val=5", "n r f v -"),
        ("net, a, b, c, remove='all'", "n r f v -"),
        ("net, a, b, c, keep=1 / 2", "n r f v -"),
        ("unlearn_model, forget_loader, retain_loader", "n f r"),
        ("unlearned_model, retain_loader, forget_loader", "n r f"),
        ("model_to_unlearn, retain_loader, forget_loader", "n r f"),
        ("retain_net, retain_loader, forget_loader", "n r f"),
        ("forget_net, a, b, c", "n r f v"),
        ("net, forget_imgs, rest_data, heldout_loader", "n f r v"),
        ("net, forg_gen, ret_gen, held_out_set", "n f r v"),
        ("net, unl_images, remembered_images, dev_loader", "n f r v"),
        ("net, x_f, x_r, hold_out", "n f r v"),
        ("net, load_forget, load_preserve, unseen_loader", "n f r v"),
        ("net, to_forget, to_retain", "n f r"),
        ("net, data_to_forget, the_rest_of_the_data", "n f r"),
        ("net, retain_loader, forget_loader, _", "n r f v"),
        ("net, forget_loader, retain_loader, unused", "n f r v"),
        ("net, _, forget_loader, __", "n r f v"),
        ("net, forget_loader, _, __", "n f r v"),
        ("net, a, b, _", "n r f v"),
        ("net, forget_loader, retain_loader, *_", "n f r v"),
        ("net, forget_loader, **kwargs", "n f rv"),
        ("net, retain_loader, **kwargs", "n r fv"),
        ("net, retain_loader, forget_loader, **kwargs", "n r f ."),
    ],
)
def test_names_decide_what_is_given(signature, expected):
    assert roles(signature) == expected


@pytest.mark.parametrize(
    ("signature", "named"),
    [
        ("net, retain_loader, remain_loader, val_loader", "remain_loader"),
        ("net, retain_loader, forget_loader, alpha", "'alpha'"),
        ("net, retain_loader, forget_loader, val_loader, alpha", "'alpha'"),
        ("net, train_loader, forget_loader, val_loader", "'train_loader'"),
        ("net, retain_loader, forget_loader, val_loader, test_loader", "'test_loader'"),
        ("net, a, b, c, test_loader", "'test_loader'"),
        ("net, test_loader, a, b", "'test_loader'"),
        ("net, loader", "takes 2 arguments, the net and loader"),
        ("net, retain_forget_loader, val_loader", "'retain_forget_loader', which says both forget and retain"),
        ("net, forget_val_loader, retain_loader, forget_loader", "'forget_val_loader'"),
        ("net, forget_loader, *rest", r"\*rest"),
        ("retain_loader, forget_loader, val_loader", "no parameter for the net"),
        ("net, forget_loader, retain_loader, *, momentum", "'momentum'"),
        ("net, forget_lr, forget_loader, retain_loader", "'forget_lr'"),
        ("net, loader, forget_loader", "'loader'"),
        ("net, loader, _", "takes 3 arguments, the net and loader and _, which could be any"),
        ("net, loader, epochs, lr", "'epochs'"),
        ("net, loader1, loader2, lr", "'lr'"),
        ("net, data, optimizer, criterion", "'optimizer'"),
        ("net, optimizer, epochs", "'optimizer'"),
        ("net, lr, epochs", "'lr'"),
        ("net, loader, lr", "'lr'"),
        ("net, loader, batch_size, wd", "'batch_size'"),
        ("net, loader, x, y", "'x'"),
        ("net, teacher_net, a, b", "'teacher_net'"),
        ("net, dataset, train, test", "'dataset'"),
        ("net, retain_loader, forget_loader, lr", "'lr'"),
        ("net, retain_loader, forget_loader, val_loader, _", "'_'"),
        ("retain_loader, forget_loader, val_loader, *rest", r"\*rest"),
        ("net, retain_loader=None, retain_set=None", "retain_set"),
        ("", "no parameter for the net"),
    ],
)
def test_what_stays_unclear_is_an_error_that_names_the_parameter(signature, named):
    with pytest.raises(ValueError, match=named) as error:
        bind(parameters(signature))
    assert "\n" not in str(error.value)


def test_the_note_says_what_is_bound_to_what():
    binding = bind(parameters("net, forget_loader, retain_loader, lr=0.1, *, device"))
    assert binding.note == (
        "unlearning is called with net=the net, forget_loader=the forget loader, retain_loader=the retain loader, "
        "lr=its own default, device=device"
    )


def method(**kwargs):
    return kwargs


class Called:
    def __call__(self, net, forget, retain, lr=3):
        return net, forget, retain, lr

    def method(self, net, val_set, lr=2, *, retain, forget):
        return net, val_set, lr, retain, forget


def wrapped(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (lambda net, forget, retain: (net, forget, retain), ("NET", "FORGET", "RETAIN")),
        (lambda net, forget, lr=1, /, *, retain: (net, forget, lr, retain), ("NET", "FORGET", 1, "RETAIN")),
        (lambda net, retain, lr=1, *rest: (net, retain, lr, *rest), ("NET", "RETAIN", 1, "FORGET", "VALIDATION")),
        (lambda net, lr=1, forget=None, retain=None: (net, lr, forget, retain), ("NET", 1, "FORGET", "RETAIN")),
        (lambda *everything: everything, ("NET", "RETAIN", "FORGET", "VALIDATION")),
        (
            functools.partial(lambda net, forget, retain, k: (net, forget, retain, k), k=2),
            ("NET", "FORGET", "RETAIN", 2),
        ),
        (functools.partial(lambda k, net, forget, retain: (net, forget, retain, k), 2), ("NET", "FORGET", "RETAIN", 2)),
        (
            functools.partial(lambda net, forget, k, retain: (net, k, forget, retain), k=2),
            ("NET", 2, "FORGET", "RETAIN"),
        ),
        (Called(), ("NET", "FORGET", "RETAIN", 3)),
        (Called().method, ("NET", "VALIDATION", 2, "RETAIN", "FORGET")),
        (wrapped(lambda net, forget, retain: (net, forget, retain)), ("NET", "FORGET", "RETAIN")),
        (
            functools.partial(method),
            {"net": "NET", "retain_loader": "RETAIN", "forget_loader": "FORGET", "val_loader": "VALIDATION"},
        ),
    ],
)
def test_a_call_gives_every_parameter_what_it_is_bound_to(function, expected):
    own = list(inspect.signature(function).parameters.values())
    positional, named = call_arguments(own, bind(own), VALUES)
    assert function(*positional, **named) == expected


def test_the_syntax_tree_gives_the_parameters_of_the_function():
    source = "lambda a, b=1, /, c=2, *d, e, f=3, **g: 0"
    node = ast.parse(source, mode="eval").body
    assert isinstance(node, ast.Lambda)
    found = [(p.name, p.kind, p.default is p.empty) for p in parameters_of(node)]
    expected = inspect.signature(eval(source)).parameters.values()
    assert found == [(p.name, p.kind, p.default is p.empty) for p in expected]


def test_binding_imports_no_torch():
    code = "import sys, benchmark.sandbox.child.binding; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


def inner(net, forget_loader, retain_loader, val_loader, q=0):
    return net, forget_loader, retain_loader, val_loader


def headed(function):
    return lambda net, *rest: function(net, *rest)


def headed_with_names(function):
    return lambda net, *rest, **named: function(net, *rest, **named)


def starred(function):
    return lambda *rest: function(*rest)


def plain(function):
    return lambda *rest, **named: function(*rest, **named)


class Held:
    def __init__(self, function):
        self.function = function

    def __call__(self, *rest, **named):
        return self.function(*rest, **named)


@pytest.mark.parametrize(
    "function",
    [
        headed(inner),
        headed_with_names(inner),
        starred(inner),
        plain(inner),
        plain(headed(inner)),
        plain(functools.partial(inner, q=1)),
        functools.partial(plain(inner), q=1),
        Held(inner),
    ],
)
def test_a_decorated_function_is_bound_by_its_own_names(function):
    module = types.ModuleType("submission")
    vars(module)["unlearning"] = function
    assert entry_point(module, {})("NET", "RETAIN", "FORGET", "VALIDATION") == ("NET", "FORGET", "RETAIN", "VALIDATION")
