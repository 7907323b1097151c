"""Tables in parquet, which take a package that is not installed by default."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from benchmark.errors import BadData, BadMachine

if TYPE_CHECKING:
    import pandas as pd


def read_parquet(path: Path, columns: Sequence[str] | None = None) -> "pd.DataFrame":
    """Return the table of a file, with all columns or some. Raises BadData, and BadMachine where pyarrow is absent."""
    import pandas as pd

    try:
        return pd.read_parquet(path, columns=None if columns is None else list(columns))
    except ImportError:
        raise BadMachine(f"{path} needs pyarrow to be read; install it with `pip install pyarrow`") from None
    except (ValueError, OSError) as error:
        raise BadData(f"{path} is no parquet file ({error}), expected one; take it from its source again") from None
