"""What `bench data check` knows: whether a scenario's data is there, and whole."""

from benchmark.errors import BenchError
from benchmark.problem.checksums import checksum
from benchmark.problem.folder import data_folder
from benchmark.problem.sources import Row, row, source
from benchmark.scenario import Scenario
from benchmark.sections import IndicesForget


def check_data(scenario: Scenario) -> list[Row]:
    """A row for everything the scenario reads: `what`, `expected`, `found`, `status` (ok, missing, damaged).

    Reads every file that has a checksum; downloads nothing.
    """
    folder = data_folder()
    rows = source(scenario.data.source).check(scenario.data, folder)
    if isinstance(scenario.forget, IndicesForget):
        rows.append(row(scenario.forget.file, "a file of row numbers", (folder / scenario.forget.file).is_file()))
    for section in (scenario.data, scenario.forget):
        if hasattr(section, "sha256"):
            rows.append(_checksum_row(section))
    return rows


def _checksum_row(section) -> Row:
    try:
        found = checksum(section, data_folder())
    except BenchError as error:
        return {"what": "sha256", "expected": section.sha256 or "any", "found": str(error), "status": "missing"}
    status = "ok" if section.sha256 in (None, found) else "damaged"
    return {"what": "sha256", "expected": section.sha256 or "any", "found": found, "status": status}
