"""Examples that a scenario forgets, as its entries' pages name and show them."""

import base64
import io
from typing import TYPE_CHECKING, NamedTuple

from benchmark.errors import BenchError
from benchmark.scenario.schema import Scenario

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST = 64  # pixels of a picture's sides; larger ones are made smaller
_ORDERS = {1: "L", 3: "RGB"}  # of Pillow, by the number of channels


class ForgetExample(NamedTuple):
    """An example to forget; what is not known is empty."""

    row: str
    """The row of the source."""
    name: str
    label: str
    subject: str
    picture: str
    """A `data:` URI of a PNG file."""


class ForgetExamples(NamedTuple):
    """Every example to forget, in the order of the evidence; `licence`: of their pictures, if they are shown."""

    examples: list[ForgetExample]
    licence: str


def forget_examples(scenario: Scenario | None) -> ForgetExamples | None:
    """Return the examples that a scenario forgets; None where it, or its data, is not known here."""
    if scenario is None:
        return None
    from benchmark.data import forget_labels, load_problem, problem_facts  # needs torch, which takes seconds

    try:
        forget, facts = load_problem(scenario).forget, problem_facts(scenario)
        labels = forget_labels(scenario)
    except BenchError:
        return None
    size, licence = len(forget), scenario.data.pictures
    pictures = [picture(pixels) for pixels in forget.inputs] if licence else [""] * size
    columns = (
        map(str, forget.ids.tolist()),
        facts.forget_names or [""] * size,
        labels or [f"{value:g}" for value in forget.targets.tolist()],
        facts.subjects_of_forget or [""] * size,
        pictures,
    )
    return ForgetExamples(
        [ForgetExample(*each) for each in zip(*columns, strict=True)], licence if any(pictures) else ""
    )


def picture(pixels: "Tensor") -> str:
    """Return an image `[channels, height, width]`, uint8 or from 0 to 1, as a `data:` URI; empty for what is none."""
    if pixels.ndim != 3 or len(pixels) not in _ORDERS:
        return ""
    from PIL import Image

    grey = pixels if not pixels.is_floating_point() else (pixels.clamp(0, 1) * 255).round().byte()
    image = Image.fromarray(grey.permute(1, 2, 0).squeeze(2).numpy(), _ORDERS[len(pixels)])
    image.thumbnail((_LARGEST, _LARGEST))
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
