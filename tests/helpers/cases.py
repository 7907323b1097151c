"""Small data sets as people have them, each with something that is easily read wrong, and a scenario for each."""

from pathlib import Path

import numpy as np
from PIL import Image

_PROTOCOL = "[recipe]\nepochs = 3\nbatch_size = 32\n[protocol]\nmodels = 8\nblock = 8\nbudget = 0.9\n"
_RANDOM = 'kind = "random"\nsize = 3\nseed = 0'
_CNN = '[architecture]\nname = "cnn"\nwidths = [8]\n'


class Cases:
    """Writes data sets and scenarios into a folder, which is to be the data folder."""

    def __init__(self, root: Path) -> None:
        self.root, self.rng = root, np.random.default_rng(0)

    def scenario(self, base: str, data: str, forget: str = _RANDOM, more: str = "") -> Path:
        """Write case.toml and return its path."""
        path = self.root / "case.toml"
        path.write_text(
            f'base = "{base}"\nname = "case"\ndescription = ""\n[data]\n{data}\n[forget]\n{forget}\n{more}{_PROTOCOL}'
        )
        return path

    def arrays(self, forget: str = 'kind = "random"\nsize = 5\nseed = 0', more: str = "", **arrays) -> Path:
        """Write case.npz and a scenario of it."""
        np.savez(self.root / "case.npz", **arrays)
        return self.scenario("npz", 'source = "npz"\nfile = "case.npz"', forget, more)

    def picture(self, name: str, array: np.ndarray | None = None, **options) -> None:
        """Write a picture of 12×12 pixels, at random where no array is given."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = self.rng.integers(0, 255, (12, 12, 3), dtype=np.uint8) if array is None else array
        Image.fromarray(pixels).save(path, **options)

    def classes(self, folder: str, count: int = 20, names: str = "ab") -> None:
        """Write a folder of pictures for every class."""
        for name in names:
            for i in range(count):
                self.picture(f"{folder}/{name}/{i}.png")

    def folder(self, forget: str = _RANDOM, more: str = "") -> Path:
        """Write a scenario of the folder `pictures`."""
        return self.scenario("image-folder", f'source = "image_folder"\nfolder = "pictures"\nsize = 12\n{more}', forget)

    def manifest(self, text: str, forget: str = _RANDOM, more: str = "") -> Path:
        """Write pictures/m.csv and a scenario of it."""
        (self.root / "pictures").mkdir(exist_ok=True)
        (self.root / "pictures" / "m.csv").write_bytes(text.encode())
        return self.scenario("faces-manifest", 'source = "manifest"\nfile = "pictures/m.csv"\nsize = 12', forget, more)

    def table(self, text: str, keys: str = "", forget: str = _RANDOM, more: str = "") -> Path:
        """Write case.csv and a scenario of it."""
        (self.root / "case.csv").write_bytes(text.encode())
        return self.scenario("npz", f'source = "csv"\nfile = "case.csv"\n{keys}', forget, more)


FEATURES = np.random.default_rng(0).normal(size=(200, 6))
LABELS = np.arange(200) % 4
PARTS = np.array(["train"] * 160 + ["validation"] * 20 + ["test"] * 20)


def mask(cases: Cases) -> Path:
    marked = np.zeros(200, dtype=bool)
    marked[40:60] = True
    np.save(cases.root / "forget.npy", marked)
    return cases.arrays('kind = "indices"\nfile = "forget.npy"', inputs=FEATURES, targets=LABELS, split=PARTS)


def train_val(cases: Cases) -> Path:
    cases.classes("pictures/train")
    cases.classes("pictures/val", 8)
    return cases.folder()


def unzipped_too_deep(cases: Cases) -> Path:
    cases.classes("pictures/Pets")
    return cases.folder()


def jupyter(cases: Cases) -> Path:
    cases.classes("pictures")
    for i in range(12):
        cases.picture(f"pictures/.ipynb_checkpoints/{i}-checkpoint.png")
    return cases.folder()


def phones(cases: Cases) -> Path:
    cases.classes("pictures")
    for i in range(10):
        (cases.root / "pictures" / "a" / f"IMG_{i}.heic").write_bytes(b"....ftypheic")
    return cases.folder()


def mac(cases: Cases) -> Path:
    cases.classes("pictures")
    (cases.root / "pictures" / "a" / "._0.png").write_bytes(b"\0\5\x16\7")
    return cases.folder()


def sixteen_bit(cases: Cases) -> Path:
    for i in range(40):
        cases.picture(f"pictures/{i}.png", (np.arange(144).reshape(12, 12) * 400 + i).astype(np.uint16))
    return cases.manifest("path,label\n" + "".join(f"{i}.png,{'ab'[i % 2]}\n" for i in range(40)))


def unlabelled(cases: Cases) -> Path:
    return cases.arrays(inputs=FEATURES, targets=np.where(LABELS == 3, np.nan, LABELS))


def channels_last(cases: Cases) -> Path:
    pixels = cases.rng.integers(0, 255, (200, 8, 8, 3), dtype=np.uint8)
    return cases.arrays(more=_CNN, inputs=pixels, targets=LABELS)


def empty(cases: Cases) -> Path:
    return cases.arrays(inputs=FEATURES[:0], targets=LABELS[:0])


def one_class(cases: Cases) -> Path:
    return cases.arrays(inputs=FEATURES, targets=np.zeros(200, int))


def one_feature(cases: Cases) -> Path:
    return cases.arrays(inputs=FEATURES[:, 0], targets=LABELS)


def no_test_accuracy(cases: Cases) -> Path:
    return cases.arrays(inputs=FEATURES, targets=np.where(PARTS == "test", 7, LABELS), split=PARTS)


def retain_1(cases: Cases) -> Path:
    return cases.arrays('kind = "random"\nsize = 159\nseed = 0', inputs=FEATURES, targets=LABELS)


def batch_of_1(cases: Cases) -> Path:
    """400 pictures, of which 280 are in train, 23 to forget and 257 = 4 · 64 + 1 to keep."""
    pixels = cases.rng.integers(0, 255, (400, 3, 32, 32), dtype=np.uint8)
    np.savez(cases.root / "case.npz", inputs=pixels, targets=np.arange(400) % 10)
    data = 'source = "npz"\nfile = "case.npz"\nvalidation = 0.1\ntest = 0.2\nseed = 0'
    net = '[architecture]\nname = "torchvision"\nmodel = "resnet18"\n'
    return cases.scenario("npz", data, 'kind = "random"\nsize = 23\nseed = 0', net)
