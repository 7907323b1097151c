"""Arguments of an `unlearning` that only passes them on: those that the last function asks for."""

import sys

import pytest

from benchmark.sandbox.child.contract import NotASubmission, entry_point, load_module

# Functions at the end of the way: they return (net, retain, forget, validation), whatever their order.
ENDS = """
import copy, functools, logging
from functools import partial
LOG = logging.getLogger("mine")

def ft(net, forget_loader, retain_loader, val_loader, lr=0.1):
    return net, retain_loader, forget_loader, val_loader

def keyed(*, val_loader, forget_loader, retain_loader, net):
    return net, retain_loader, forget_loader, val_loader

def plainly(net, retain_loader, forget_loader, val_loader):
    return net, retain_loader, forget_loader, val_loader

class Method:
    def run(self, net, forget_loader, retain_loader, val_loader, lr=0.1):
        return net, retain_loader, forget_loader, val_loader

def headed(f):
    def inner(net, *a): return f(net, *a)
    return inner

def starred(f):
    def inner(*a): return f(*a)
    return inner

def logged(f):
    def inner(*a, **k):
        print("started", len(a)); LOG.debug("%s %s", *a[:2])
        result = f(*a, **k)
        return result
    return inner

def with_arguments(times, on=None):
    def decorate(f):
        def inner(*a, **k):
            for _ in range(times): result = f(*a, **k)
            return result
        return inner
    return decorate

class Held:
    def __init__(self, f): self.f = f
    def __call__(self, *a, **k): return self.f(*a, **k)

class HeldWith:
    def __init__(self, times): self.times = times
    def __call__(self, f):
        def inner(*a): return f(*a)
        return inner
"""

FOLLOWED = {
    "a function": "def unlearning(*args): return ft(*args)",
    "with keywords": "def unlearning(*args, **kw): return ft(*args, **kw)",
    "a lambda": "unlearning = lambda *a: ft(*a)",
    "a lambda beside another": "other, unlearning = (lambda *a: plainly(*a)), (lambda *a: ft(*a))",
    "a lambda in a lambda": "unlearning = lambda *a: (lambda *b: plainly(*b)) and ft(*a)",
    "keywords only": "def unlearning(**kw): return ft(**kw)",
    "keywords only of a function that takes no other": "def unlearning(**kw): return keyed(**kw)",
    "net and keywords": "def unlearning(net, **kw): return ft(net, **kw)",
    "a net by another name": "def unlearning(m, *loaders): return ft(m, *loaders)",
    "a copied net": "def unlearning(net, *loaders): return ft(copy.copy(net), *loaders)",
    "a value in between": "def g(lr, net, forget, retain, val): return net, retain, forget, val\n"
    "def unlearning(*a): return g(0.1, *a)",
    "a value by name": "def unlearning(*a): return ft(*a, lr=0.3)",
    "in a with": "import contextlib\n"
    "def unlearning(*a):\n    with contextlib.suppress(KeyError):\n        return ft(*a)",
    "not returned at once": "def unlearning(*a):\n    result = ft(*a)\n    print(*a[:1])\n    return result",
    "one by one": "def unlearning(*a): return ft(a[0], a[1], a[2], a[3])",
    "one by one in another order": "def unlearning(*a): return plainly(a[0], a[2], a[1], a[3])",
    "a list of them": "def unlearning(*a):\n    a = list(a)\n    return ft(*a)",
    "the first and the rest": "def unlearning(*a): return ft(a[0], *a[1:])",
    "a local name": "def unlearning(*a):\n    run = partial(ft, lr=3)\n    return run(*a)",
    "a partial at once": "def unlearning(*a): return partial(ft, lr=3)(*a)",
    "from a table": "METHODS, NAME = {'ft': ft, 'other': plainly}, 'ft'\ndef unlearning(*a): return METHODS[NAME](*a)",
    "from a module": "import types\nm = types.SimpleNamespace(ft=ft)\ndef unlearning(*a, **k): return m.ft(*a, **k)",
    "a method": "def unlearning(*a): return method.run(*a)\nmethod = Method()",
    "a callable that holds a method": "unlearning = Held(Method().run)",
    "a default of its own": "def unlearning(*a, f=ft): return f(*a)",
    "a function that is given the function": "def call(f, *a): return f(*a)\ndef unlearning(*a): return call(ft, *a)",
    "a partial of such": "def call(f, *a): return f(*a)\nunlearning = partial(call, ft)",
    "the same function two ways": "def unlearning(*a):\n    if len(a) > 9: return ft(*a)\n    return ft(*a, lr=0.1)",
    "decorated": "unlearning = headed(ft)",
    "decorated with another name": "g = starred(ft)\nunlearning = g",
    "decorated and logged": "unlearning = logged(ft)",
    "decorated twice": "unlearning = starred(headed(ft))",
    "decorated four times": "unlearning = Held(logged(starred(headed(ft))))",
    "decorated with arguments": "unlearning = with_arguments(3, on=plainly)(ft)",
    "decorated with arguments by a class": "unlearning = HeldWith(3)(ft)",
    "a class as a decorator": "unlearning = Held(ft)",
    "stacked classes": "unlearning = Held(Held(logged(ft)))",
    "a partial decorated": "unlearning = logged(partial(ft, lr=1))",
    "a decorated partial": "unlearning = partial(logged(ft), lr=1)",
    "a partial of arguments": "unlearning = partial(with_arguments(2)(Held(ft)), lr=1)",
    "wrapped by name around a plain wrapper": "unlearning = functools.wraps(ft)(lambda *a: logged(ft)(*a))",
    "a decorated method": "class M:\n    @logged\n"
    "    def go(self, net, forget, retain, val): return net, retain, forget, val\n"
    "unlearning = M().go",
    "a decorated __call__": "class M:\n    @starred\n    def __call__(self, net, forget, retain, val):\n"
    "        return net, retain, forget, val\nunlearning = M()",
    "a method that calls another": "class M(Method):\n    def go(self, *a): return self.run(*a)\nunlearning = M().go",
    "a static method": "class M:\n    @staticmethod\n    def go(*a): return ft(*a)\nunlearning = M.go",
    "a class method": "class M(Method):\n    @classmethod\n    def go(cls, *a): return cls().run(*a) if 0 else ft(*a)\n"
    "unlearning = M.go",
    "names in the function": "def unlearning(*args):\n    net, forget, retain, val = args\n"
    "    return net, retain, forget, val",
    "names of the rest": "def unlearning(net, *rest):\n    forget, retain, val = rest\n"
    "    return net, retain, forget, val",
    "names of slices": "def unlearning(*args):\n    net = args[0]\n    forget, retain, val = args[1:]\n"
    "    return net, retain, forget, val",
    "names of places": "def unlearning(*a):\n    net = a[0]; forget = a[1]; retain = a[2]; val = a[3]\n"
    "    return net, retain, forget, val",
    "keys": "def unlearning(**kw): return kw['model'], kw['retain'], kw['forget_dl'], kw.get('val')",
    "keys beside a net": "def unlearning(net, **kw): return net, kw.pop('retain'), kw['forget'], kw['valid_loader']",
}


def called(source, folder, *, seen=True):
    """The entry point of a submission; without its source where it is not to be `seen`."""
    (folder / "submission.py").write_text(ENDS + source)
    module = load_module(folder)
    if not seen:
        (folder / "submission.py").unlink()
    return entry_point(module, {})


@pytest.fixture(autouse=True)
def _restored(monkeypatch):
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setitem(sys.modules, "submission", None)


@pytest.mark.parametrize("way", FOLLOWED)
def test_the_names_at_the_end_of_the_way_decide(way, tmp_path):
    function = called(FOLLOWED[way], tmp_path)
    assert function("NET", "RETAIN", "FORGET", "VAL") == ("NET", "RETAIN", "FORGET", "VAL")


@pytest.mark.parametrize(
    "way", [way for way in FOLLOWED if way.startswith(("decorated", "a class", "stacked", "a function", "a lambda"))]
)
def test_without_the_source_what_a_function_holds_or_names_is_followed(way, tmp_path):
    if way in ("a lambda beside another", "a lambda in a lambda", "a function that is given the function"):
        pytest.skip("nothing but the source tells which one is called")
    function = called(FOLLOWED[way], tmp_path, seen=False)
    assert function("NET", "RETAIN", "FORGET", "VAL") == ("NET", "RETAIN", "FORGET", "VAL")


UNTOLD = {
    "an item": "def unlearning(*a): return tuple(each for each in a)",
    "one of two": "def unlearning(*a): return ft(*a) if len(a) > 9 else plainly(*a)",
    "what a call makes": "def unlearning(*a): return starred(lambda *b: b)(*a)",
    "itself": "def unlearning(*a): return a if len(a) == 4 else unlearning(*a)",
    "each other": "def unlearning(*a): return a if len(a) == 4 else other(*a)\ndef other(*a): return unlearning(*a)",
    "a builtin": "def unlearning(*a): return a if print(*a) is None else id(*a)",
    "print": "def unlearning(*a):\n    print(*a)\n    return a",
    "a function of no such name": "def unlearning(*a): return a if len(a) == 4 else missing(*a)",
    "attributes that raise": "class R:\n    @property\n    def f(self): 1 / 0\n"
    "r = R()\ndef unlearning(*a): return a if len(a) == 4 else r.f(*a)",
    "another order before": "def unlearning(*a):\n    a = a[0], a[2], a[1], a[3]\n    return ft(*a)",
    "places exchanged before": "def unlearning(*a):\n    a = list(a); a[1], a[2] = a[2], a[1]\n    return ft(*a)",
    "items moved before": "def unlearning(*a):\n    a = list(a); a.insert(1, a.pop(2))\n    return ft(*a)",
    "swapped somewhere": "def unlearning(*a):\n    return (lambda net, *b: (net, *b))(*a)",
}


@pytest.mark.parametrize("way", UNTOLD)
def test_what_nobody_can_follow_comes_in_plain_order_with_a_note(way, tmp_path):
    function = called(UNTOLD[way], tmp_path)
    assert function("NET", "RETAIN", "FORGET", "VAL") == ("NET", "RETAIN", "FORGET", "VAL")
    assert function.binding.note == "unlearning is called with *a = net, retain, forget, validation in plain order"


def test_the_note_names_what_the_star_gets(tmp_path):
    function = called("def unlearning(net, *loaders): return [net, *loaders]", tmp_path)
    assert function.binding.note == "unlearning is called with *loaders = retain, forget, validation in plain order"


@pytest.mark.parametrize(
    "source",
    [
        "def unlearning(net, retain_loader, forget_loader, *_): return net, retain_loader, forget_loader, *_",
        "unlearning = starred(plainly)",
        "def unlearning(*a): return plainly(*a)",
        "def unlearning(net, *args):\n    r, f, v = args\n    return net, r, f, v",
    ],
)
def test_what_is_in_plain_order_by_its_names_needs_no_note(source, tmp_path):
    function = called(source, tmp_path)
    assert function("NET", "RETAIN", "FORGET", "VAL") == ("NET", "RETAIN", "FORGET", "VAL")
    assert function.binding.note is None


def test_values_that_a_wrapper_gives_itself_are_not_asked_for(tmp_path):
    source = "def g(net, lr, forget, retain, *, steps): return net, retain, forget, lr, steps\n"
    function = called(f"{source}def unlearning(net, *a, **k): return g(net, 0.5, *a, steps=7, **k)", tmp_path)
    assert function("NET", "RETAIN", "FORGET", "VAL") == ("NET", "RETAIN", "FORGET", 0.5, 7)


@pytest.mark.parametrize(
    "source",
    [
        "def g(net, forget, retain, epochs): pass\ndef unlearning(*a): return g(*a)",
        "def g(net, forget, retain, epochs): pass\nunlearning = Held(logged(g))",
        "def unlearning(*args):\n    net, retain, forget, val, epochs = args",
    ],
)
def test_what_the_end_of_the_way_asks_for_in_vain_is_named(source, tmp_path):
    with pytest.raises(NotASubmission, match="asks for 'epochs'"):
        called(source, tmp_path)
