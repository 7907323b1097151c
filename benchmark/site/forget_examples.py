"""Examples that a scenario forgets, as its entries' pages name and show them."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from benchmark.errors import BenchError
from benchmark.results.record import Line, Record, read_kept
from benchmark.scenario.schema import Scenario
from benchmark.storage.workspace import write_atomically

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST = 64  # pixels of a picture's sides; larger ones are made smaller
_ORDERS = {1: "L", 3: "RGB"}  # of Pillow, by the number of channels
_URI = r"^(data:image/png;base64,[A-Za-z0-9+/=]+)?$"


class ForgetExample(Record):
    """An example to forget; what is not known is empty."""

    row: Line
    """The row of the source."""
    name: Line
    label: Line
    subject: Line
    picture: Annotated[str, Field(pattern=_URI, max_length=100_000)]
    """A `data:` URI of a PNG file."""


class ForgetExamples(Record):
    """Every example to forget, in the order of the evidence; `licence`: of their pictures, if they are shown."""

    examples: tuple[ForgetExample, ...]
    licence: Line


def known_examples(scenario: Scenario | None, kept: Path) -> ForgetExamples | None:
    """Return the examples that a scenario forgets; None where it, or its data, is not known here.

    `kept`: the file where they are kept once they were read, which takes torch and the data. A scenario's hash says
    what it forgets, so they never change.
    """
    if scenario is None:
        return None
    found = read_kept(ForgetExamples, kept)
    if found is None and (found := read_examples(scenario)):
        write_atomically(kept, found.model_dump_json().encode())
    return found


def read_examples(scenario: Scenario) -> ForgetExamples | None:
    """Return the examples that a scenario forgets, from its data; None where that is not here."""
    from benchmark.data import forget_labels, load_problem, problem_facts  # needs torch, which takes seconds

    try:
        forget, facts = load_problem(scenario).forget, problem_facts(scenario)
        labels = forget_labels(scenario)
    except BenchError:
        return None
    size, licence = len(forget), scenario.data.pictures
    columns = {
        "row": map(str, forget.ids.tolist()),
        "name": facts.forget_names or [""] * size,
        "label": labels or [f"{value:g}" if isinstance(value, float) else "" for value in forget.targets.tolist()],
        "subject": facts.subjects_of_forget or [""] * size,
        "picture": [picture(pixels) for pixels in forget.inputs] if licence else [""] * size,
    }
    rows = [dict(zip(columns, each, strict=True)) for each in zip(*columns.values(), strict=True)]
    examples = tuple(ForgetExample.model_validate(row) for row in rows)
    return ForgetExamples(examples=examples, licence=licence if any(each.picture for each in examples) else "")


def picture(pixels: "Tensor") -> str:
    """Return an image `[channels, height, width]`, uint8 or from 0 to 1, as a `data:` URI; empty for what is none."""
    if pixels.ndim != 3 or len(pixels) not in _ORDERS:
        return ""
    from PIL import Image

    grey = pixels if not pixels.is_floating_point() else (pixels.clamp(0, 1) * 255).round().byte()
    shown = grey[0] if len(grey) == 1 else grey.permute(1, 2, 0)
    image = Image.fromarray(shown.contiguous().numpy(), _ORDERS[len(pixels)])
    image.thumbnail((_LARGEST, _LARGEST))
    file = io.BytesIO()
    image.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
