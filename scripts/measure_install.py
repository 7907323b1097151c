"""Print the size of an installation: the files of the package's requirements, and those that only a GPU needs.

python scripts/measure_install.py
"""

import re
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement

FOR_GPUS = re.compile(r"nvidia-|cuda-|triton")


def main() -> None:
    sizes = {name: _size(each) for name, each in closure("unlearning-benchmark").items()}
    only_gpu = sum(size for name, size in sizes.items() if FOR_GPUS.match(name))
    print(f"{len(sizes)} packages, torch {distribution('torch').version}: {sum(sizes.values()) / 1e9:.1f} GB")
    print(f"of these for GPUs: {only_gpu / 1e9:.1f} GB")


def closure(name: str) -> dict[str, Distribution]:
    """Return the distribution called `name` with all that it requires, at any depth, without extras."""
    found: dict[str, Distribution] = {}
    left = [name]
    while left:
        key = re.sub(r"[-_.]+", "-", left.pop()).lower()
        if key not in found:
            found[key] = distribution(key)
            wanted = map(Requirement, found[key].requires or [])
            left += [each.name for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})]
    return found


def _size(package: Distribution) -> int:
    paths = (Path(str(package.locate_file(file))) for file in package.files or [])
    return sum(path.stat().st_size for path in paths if path.is_file())


if __name__ == "__main__":
    main()
