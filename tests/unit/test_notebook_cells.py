"""Magics and Jupyter's own names, which only notebooks have, and what their authors should look at."""

import pytest
from notebooks import DEFINITION, call

from benchmark.errors import BenchError
from benchmark.sandbox.child.contract import load_module

FOUR = "net", "retain", "forget", "validation"
HEAD = "def unlearning(net, retain_loader, forget_loader, val_loader"


@pytest.mark.parametrize(
    "cell",
    [
        "%matplotlib inline\n!pip install -q thing==0.9.1\n%load_ext tensorboard\nA = 1",
        "!pip install thing \\\n  --quiet \\\n  --user (\nA = 1",
        "!echo it's\n!echo '''\n!echo (\n!echo )\nA = 1",
        "%%time\nA = 1",
        "\n%%capture output --no-stderr\nA = 1",
        "A = 1\nif A > 2:\n    !ls\n    %cd data",
        "files = !ls\nsize = %sx du\npip install thing\nA = 1\nA?\nA.real??\n?A",
        "A = (4\n% 3)\ntext = '''\n%time\n!ls\n'''",
    ],
)
def test_magics_and_shell_lines_go_and_the_rest_of_the_cell_stays(imports, cell):
    assert imports.result(cell, DEFINITION + "A") == 1


def test_magics_inside_the_function_become_nothing(imports):
    definition = (
        'def unlearning(net, *loaders):\n    """\n%time\n!ls\n"""\n    if net:\n        !rm "it\n    return 9 \\\n  % 5'
    )
    source = imports.write(definition)
    assert '        pass  # !rm "it\n' in source
    module = load_module(imports.workspace.submissions / "mine")
    assert module.unlearning(1, 2, 3, 4) == 4
    assert module.unlearning.__doc__ == "\n%time\n!ls\n"


@pytest.mark.parametrize("magic", ["%%bash", "%%writefile helpers.py", "%%html", "%%timeit", "%%script python"])
def test_a_cell_that_a_magic_takes_elsewhere_is_no_code(imports, magic):
    with pytest.raises(BenchError, match=r"needs A, which nothing before its call defines; define"):
        imports.write(f"{magic}\nA = 1", DEFINITION + "A")


def test_cells_that_are_no_python_matter_only_when_needed(imports):
    assert imports.result("print 'old'", "A = 1", DEFINITION + "A", "return 5", "x = '\0'") == 1
    assert imports.notes == []
    with pytest.raises(
        BenchError, match=r"needs A, which .*, and code cell 1, which mentions it, is not Python \(Miss"
    ):
        imports.write("A = 1\nprint 'old'", DEFINITION + "A", name="other")
    with pytest.raises(
        BenchError, match=r"no function unlearning .*, and code cell 2, which mentions it, is not Python"
    ):
        imports.write("A = 1", "mkdir out\n" + DEFINITION + "net", name="other")


def test_a_definition_in_a_cell_that_is_no_python_is_pointed_out(imports):
    imports.write(DEFINITION + "1", "mkdir out\n" + DEFINITION + "2")
    assert imports.notes == ["code cell 2 is not Python (invalid syntax), so what it says of unlearning is not used"]


@pytest.mark.parametrize(
    ("cell", "note"),
    [
        (
            "A = 1 if torch else torch.load('x')",
            "code cell 2: `A = 1 if torch else torch.load('x')` seems to read data",
        ),
        ("A = dict(x=torch.utils.data.DataLoader([1]))", "seems to read data or files"),
        ("A = torch.Generator().manual_seed(1)", "gives every run the same random numbers"),
        ("A = torch.Generator()\nA.manual_seed(1)", "`A.manual_seed(1)` gives every run the same random numbers"),
        ('A = "cuda"', "asks for CUDA, which there may be none of"),
        ('A = torch.device("cuda:0")', "asks for CUDA, which there may be none of"),
        ("def A(net): net.cuda()", "asks for CUDA, which there may be none of"),
        ('A = "cuda" if torch.cuda.is_available() else "cpu"', None),
        ("def A(): return open('x'), torch.manual_seed(1)", None),
        ("class A:\n    reading, threads = 1, torch.get_num_threads()", None),
    ],
)
def test_what_to_look_at_is_pointed_out(imports, cell, note):
    module = imports.load("import torch", cell, DEFINITION + "A")
    assert hasattr(module, "A")
    assert any(note in sentence for sentence in imports.notes) if note else imports.notes == []


@pytest.mark.parametrize(
    "body",
    [
        "display('shown', net)",
        "try:\n        display('shown', net)\n    except NameError:\n        print('not shown')",
        "show = display\n    show('shown', net)",
    ],
)
def test_display_prints(imports, capsys, body):
    module = imports.load(f"{HEAD}):\n    {body}\n    return 4")
    assert call(module, *FOUR) == 4
    assert capsys.readouterr().out == "shown net\n"
    assert imports.notes == ["display is Jupyter's own, so the submission has one that prints"]


def test_what_ipython_gives_a_notebook_to_show_things_is_replaced(imports, capsys):
    module = imports.load(
        "from IPython.display import clear_output, display",
        f"{HEAD}):\n    clear_output(wait=True)\n    display(net)\n    return 4",
    )
    assert call(module, *FOUR) == 4
    assert capsys.readouterr().out == "net\n"
    assert [note.partition(" is ")[0] for note in imports.notes] == ["clear_output", "display"]


def test_a_notebooks_own_display_stays(imports):
    module = imports.load("def display(x): return x", f"{HEAD}):\n    return display(5)")
    assert call(module, *FOUR) == 5
    assert imports.notes == []


@pytest.mark.parametrize(
    ("cell", "result"),
    [
        ("def shell():\n    get_ipython().system('pip list')\n    return 4", 4),
        ("def shell():\n    get_ipython().run_line_magic('matplotlib', 'inline')\n    return 4", 4),
        ("def shell():\n    if get_ipython():\n        return 5\n    return 4", 4),
        ("def shell():\n    try:\n        return get_ipython().name\n    except NameError:\n        return 4", 4),
        ("try:\n    IN = get_ipython().name\nexcept Exception:\n    IN = 4\ndef shell(): return IN", 4),
    ],
)
def test_jupyters_shell_does_nothing(imports, cell, result):
    module = imports.load(cell, f"{HEAD}):\n    return shell()")
    assert call(module, *FOUR) == result


def test_what_only_jupyters_shell_can_do_is_refused(imports):
    with pytest.raises(BenchError, match="needs get_ipython, which nothing before its call defines"):
        imports.write(f"{HEAD}):\n    return get_ipython().user_ns['lr']")
    with pytest.raises(BenchError, match="needs train, which nothing before its call defines"):
        imports.write(f"{HEAD}):\n    try:\n        train()\n    except Exception:\n        pass")


MY_DRIVE = """\
import os, torch
from pathlib import Path
OUT = "/content/drive/MyDrive"
FOLDER = Path(OUT)
BEST = os.path.join(OUT, "best.pth")
PATHS = {"out": OUT}
class CFG:
    out = OUT
TMP = "/kaggle"
"""


@pytest.mark.parametrize(
    ("written", "path"),
    [
        ("torch.save(net, OUT + '/best.pth')", "/content/drive/MyDrive/best.pth"),
        ("torch.save(net, f'{OUT}/b.pth')", "/content/drive/MyDrive/b.pth"),
        ("torch.save(net, f'{OUT}/{net}.pth')", "/content/drive/MyDrive/"),
        ("torch.save(net, os.path.join(OUT, 'a', 'b'))", "/content/drive/MyDrive/a/b"),
        ("torch.save(net, os.path.join('runs', OUT))", "/content/drive/MyDrive"),
        ("torch.save(net, Path(OUT) / 'x')", "/content/drive/MyDrive/x"),
        ("torch.save(net, FOLDER / 'x')", "/content/drive/MyDrive/x"),
        ("torch.save(net, str(FOLDER / 'x'))", "/content/drive/MyDrive/x"),
        ("torch.save(net, BEST)", "/content/drive/MyDrive/best.pth"),
        ("torch.save(net, CFG.out)", "/content/drive/MyDrive"),
        ("torch.save(net, PATHS['out'])", "/content/drive/MyDrive"),
        ("torch.save(net, '{}/x'.format(OUT))", "/content/drive/MyDrive"),
        ("torch.save(net, '%s/x' % OUT)", "/content/drive/MyDrive"),
        ("path = OUT + '/x'; torch.save(net, path)", "/content/drive/MyDrive/x"),
        ("(FOLDER / 'x').write_text('')", "/content/drive/MyDrive/x"),
        ("(FOLDER / 'x').open('w')", "/content/drive/MyDrive/x"),
        ("FOLDER.mkdir()", "/content/drive/MyDrive"),
        ("open(f'{OUT}/x', 'w')", "/content/drive/MyDrive/x"),
        ("open(f'{OUT}/x')", None),
        ("torch.save(net, 'x' + OUT)", None),
        ("torch.save(net, TMP + '/working/x')", None),
        ("torch.save(net, net + '/working/x')", None),
        ("OUT = '/tmp'; torch.save(net, OUT + '/x')", None),
    ],
)
def test_a_path_outside_is_followed_through_constants(imports, written, path):
    imports.write(MY_DRIVE, f"{HEAD}):\n    {written}")
    said = [note for note in imports.notes if "where a run cannot write" in note]
    assert len(said) == (path is not None)
    assert path is None or f" writes to {path}, where" in said[0]
