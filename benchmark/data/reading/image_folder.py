"""A folder with a folder of pictures for every class, or with such folders in train/, test/ and, if you like, val/.

Classes and pictures are in the order of their names, as torchvision's ImageFolder lists them. The parts go by any of
the usual words (Train, training_set, val2017, valid, dev, seg_test, eval): see `parts.py`. They may also be in every
class's folder.
"""

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import torch

from benchmark.data.reading.examples import Examples, Row, row
from benchmark.data.reading.images import read_pictures
from benchmark.data.reading.listing import LeftOut, folders_in, pictures_below, pictures_in
from benchmark.data.reading.parts import TRAIN, assign_parts, part_of
from benchmark.data.sources.image_folder import ImageFolder
from benchmark.errors import BadData, BenchError
from benchmark.storage.places import expect_data, is_readable
from benchmark.text import first_of, reason_of

Listed = list[tuple[str, Path, str]]
"""Class, picture, and the folder's word for the part of the split, or "" where all are together."""
_EXPECTED = "a folder with a folder of pictures for every class"


def load(data: ImageFolder, folder: Path) -> Examples:
    root = folder / data.folder
    listed, left_out = _list_folder(data, folder)
    names = tuple(sorted({name for name, _, _ in listed}))
    codes = {name: code for code, name in enumerate(names)}
    parts = [part for _, _, part in listed]
    inputs, remarks = read_pictures([path for _, path, _ in listed], data.size, data.channels)
    return Examples(
        inputs=inputs,
        targets=torch.tensor([codes[name] for name, _, _ in listed]),
        class_names=names,
        assignment=assign_parts(parts, data.folder) if any(parts) else None,
        names=tuple(str(path.relative_to(root)) for _, path, _ in listed),
        left_out=left_out.sentences(),
        remarks=remarks,
    )


def files(data: ImageFolder, folder: Path) -> dict[str, Path]:
    root = folder / data.folder
    return {str(path.relative_to(root)): path for _, path, _ in _list_folder(data, folder)[0]}


def check(data: ImageFolder, folder: Path) -> list[Row]:
    try:
        listed, _ = _list_folder(data, folder)
    except BenchError as error:
        status = "damaged" if is_readable(folder / data.folder, "folder") else "missing"
        return [row(data.folder, _EXPECTED, str(error), status)]
    parts = Counter(str(Path(data.folder, part)) for _, _, part in listed)
    return [row(part, "pictures", f"{size} pictures") for part, size in parts.items()]


def _list_folder(data: ImageFolder, folder: Path) -> tuple[Listed, LeftOut]:
    root, left_out = expect_data(folder, data.folder, "folder", "data.folder", _EXPECTED), LeftOut()
    try:
        listed = _read(root, left_out)
    except OSError as error:
        raise BadData(
            f"data.folder is {root}, in which {error.filename} could not be read: {reason_of(error)}; make it readable "
            "or take it out"
        ) from None
    if len({name for name, _, _ in listed}) < 2:
        raise _too_few_classes(root, listed, left_out)
    return listed, left_out


def _read(root: Path, left_out: LeftOut) -> Listed:
    inside = folders_in(root, left_out)
    left_out.add("not in a class's folder", [path.name for path in pictures_in(root)])
    if parts := _parts(root, inside, left_out):
        listed = [entry for folder in parts for entry in _part(folder, root, left_out)]
        expected = {path.name for folder in parts for path in folders_in(folder, LeftOut())}
    elif _split_within(root, inside):
        listed = [entry for path in inside for entry in _class_in_parts(path, root, left_out)]
        expected = {path.name for path in inside}
    else:
        listed = _classes(inside, "", root, left_out)
        expected = {path.name for path in inside}
    if empty := sorted(expected - {name for name, _, _ in listed}):
        raise BadData(
            f"data.folder is {root}, expected {_EXPECTED}, but there is no picture in "
            f" {first_of(empty)}; {_whole(left_out)}take them out or put pictures there"
        )
    return listed


def _parts(root: Path, inside: list[Path], left_out: LeftOut) -> list[Path]:
    """Return the folders of train, validation and test, in this order; none where all folders are classes.

    Raises BenchError where it is not clear which of the two they are.
    """
    parts = sorted((path for path in inside if part_of(path.name) is not None), key=lambda path: _number(path))
    classes = {path: [own.name for own in folders_in(path, LeftOut())] for path in parts}
    beside = [path for path in inside if path not in parts and pictures_below(path, root, LeftOut())]
    with_classes = [path for path in parts if classes[path]]
    if not parts or (len(parts) == 1 and beside and not with_classes):  # a class may be called train
        return []
    within = {name for path in parts for name in classes[path]}
    if beside and (len(with_classes) < 2 or within & {path.name for path in beside}):
        raise BadData(
            f"{root} has {_names(parts)} beside {_names(beside)}, expected either parts of a split or classes; move "
            "every class into the parts, or rename the class that has a part's name"
        )
    if twice := [pair for pair in pairwise(parts) if _number(pair[0]) == _number(pair[1])]:
        raise BadData(f"{root} has both {_names(twice[0])}, expected one folder for each part; merge or rename them")
    if _number(parts[0]) != TRAIN or not classes[parts[0]]:
        raise BadData(
            f"{root} has {_names(parts)}, expected train with a folder of pictures for every class among them; add it, "
            "or rename them if they are classes"
        )
    left_out.add("beside the parts of the split", [path.name for path in beside])
    return [_unwrap(path) for path in parts]


def _unwrap(part: Path) -> Path:
    """Return the folder of the part's classes: test/test where test has nothing but a folder of the same part."""
    inside = folders_in(part, LeftOut())
    return inside[0] if len(inside) == 1 and part_of(inside[0].name) == _number(part) else part


def _split_within(root: Path, classes: list[Path]) -> bool:
    """Return whether every class's folder has folders for the parts of the split and no picture beside them.

    Raises BenchError where it is not clear whether the folders are classes, because all have the same folders in them.
    """
    inside = {path: {each.name for each in folders_in(path, LeftOut())} for path in classes}
    _check_parts_in_all(root, inside)
    if len(classes) < 2 or not all(inside.values()) or any(pictures_in(path) for path in classes):
        return False
    names = sorted(set().union(*inside.values()))
    parts = {part_of(name) for name in names}
    if None not in parts and len(parts) > 1:
        if TRAIN not in parts:
            raise BadData(f"the classes in {root} have the folders {first_of(names, 5)}, expected train; add it")
        return True
    if len(names) > 1 and all(each == set(names) for each in inside.values()):
        raise BadData(
            f"every folder in {root} ({_names(classes)}) has the same folders {first_of(names, 5)}, expected a folder "
            "for every class; take out a level, or name the folders train, validation and test where they are parts"
        )
    return False


def _check_parts_in_all(root: Path, inside: dict[Path, set[str]]) -> None:
    """Raise BenchError where some classes have folders for the parts of the split, and others only pictures."""
    split = [path for path, names in inside.items() if _are_parts(names)]
    if not split:
        return
    words = first_of(sorted(set().union(*(inside[path] for path in split))), 5)
    others = [path for path in inside if path not in split and pictures_below(path, root, LeftOut())]
    loose = [path for path in split if pictures_in(path)]
    advice = "move every picture into such a folder, or rename the folders if they are no parts of a split"
    if others:
        raise BadData(
            f"{root} has parts of a split ({words}) inside the folders {_names(split)}, but not inside {_names(others)}"
            f", expected them in every class or in none; {advice}"
        )
    if loose:
        raise BadData(
            f"{root} has pictures beside the parts of a split ({words}) inside the folders {_names(loose)}, expected "
            f"every picture in a part; {advice}"
        )


def _are_parts(names: set[str]) -> bool:
    """Return whether folders are parts of a split: all, or at least two different ones beside others."""
    parts = [part_of(name) for name in names]
    return bool(parts) and (None not in parts or len({*parts} - {None}) > 1)


def _class_in_parts(folder: Path, root: Path, left_out: LeftOut) -> Listed:
    parts = folders_in(folder, left_out)
    return [(folder.name, path, part.name) for part in parts for path in pictures_below(part, root, left_out)]


def _part(folder: Path, root: Path, left_out: LeftOut) -> Listed:
    loose = [str(path.relative_to(root)) for path in pictures_in(folder)]
    left_out.add("not in a class's folder", loose)
    return _classes(folders_in(folder, left_out), folder.name, root, left_out)


def _classes(folders: list[Path], part: str, root: Path, left_out: LeftOut) -> Listed:
    return [(folder.name, path, part) for folder in folders for path in pictures_below(folder, root, left_out)]


def _too_few_classes(root: Path, listed: Listed, left_out: LeftOut) -> BadData:
    """Name what the only class may be instead: a folder that was unpacked into one more."""
    if not listed:
        found, advice = "no folder with a picture", f"{_whole(left_out)}make a folder for every class"
    else:
        name = listed[0][0]
        deeper = folders_in(root / name, LeftOut()) if (root / name).is_dir() else []
        found = f"the only class {name}"
        advice = f"name {root / name} if its {len(deeper)} folders are the classes" if deeper else "add another class"
    return BadData(f"data.folder is {root}, which has {found}, expected at least two classes; {advice}")


def _whole(left_out: LeftOut) -> str:
    return "".join(f"{sentence}; " for sentence in left_out.sentences())


def _number(folder: Path) -> int:
    part = part_of(folder.name)
    assert part is not None
    return part


def _names(folders: Iterable[Path]) -> str:
    return first_of([path.name for path in folders], named=5)
