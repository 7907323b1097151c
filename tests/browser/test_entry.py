"""An entry's page and the comparison of two in a real browser, on a small board whose texts are hostile."""

from dataclasses import replace

import numpy as np
import pytest
from html_pages import HOSTILE
from scipy.stats import false_discovery_control, t
from site_boards import board_of, usual_cards

from benchmark.results.scorecard import Cost
from benchmark.site.build import entry_page, index_page
from benchmark.site.code import Code, highlight
from benchmark.site.entry import Beside
from benchmark.site.entry_links import entry_path
from benchmark.site.example_leaks import UNIT
from benchmark.site.forget_examples import ForgetExample, ForgetExamples
from benchmark.site.hyperparameters import Hyperparameters, ValueRow

TEXT = "".join(letter for letter in HOSTILE[3] + HOSTILE[1] if letter.isprintable())
PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGP4DwABAQEAGHRvcgAAAABJRU5ErkJggg=="
)
GROUPS = 16
EXAMPLES = 3
COMPARED = ("sharp+tuned", "near")


def make_board():
    """A board with everything that is known of forget examples: their labels, and replicates of their leaks."""
    rng = np.random.default_rng(0)
    unsettled = Cost(share_low=0.0, share_high=0.5, rounds=3, loaded=True, undecided=True)
    cards = usual_cards(title=TEXT, reference=TEXT, footnotes=(TEXT,))
    board = board_of(
        [card.model_copy(update={"cost": unsettled}) if card.submission == "near" else card for card in cards]
    )
    leaks = {name: np.array(board.cards[name].per_example("example_leak")) for name in COMPARED}
    leaks["near"] = leaks["near"] + [0.2, 0.0, -0.02]
    spread = {name: rng.normal(0, 0.004, (EXAMPLES, GROUPS)) for name in COMPARED}
    about = {"name": TEXT, "label": TEXT, "subject": TEXT, "picture": PIXEL}
    known = ForgetExamples(examples=tuple(ForgetExample(row=f"{k}", **about) for k in range(EXAMPLES)), licence=TEXT)
    near = board.cards["near"]
    values = near.metrics["example_leak"].model_copy(update={"values": leaks["near"].tolist()})
    cards = {**board.cards, "near": near.model_copy(update={"metrics": {**near.metrics, "example_leak": values}})}
    return replace(
        board, cards=cards, examples=known, replicates={name: rows.tolist() for name, rows in spread.items()}
    )


def everything(board):
    """All that a page of an entry can have beside its card."""
    histograms = [[[0.0, 1.0], [k, 8 - k], [4, 4], [8 - 2 * k, 2 * k]] for k in range(EXAMPLES)]
    names = ("unlearned", "retrained", "original")
    phi = {"populations": [{"name": name, "models": 8} for name in names], "bins": 2, "examples": histograms}
    values = Hyperparameters([ValueRow(TEXT, TEXT, TEXT, TEXT)], ["It was tried."])
    return Beside(board.examples, phi, Code(highlight(f"x = {TEXT!r}"), True), values, "evidence/a/b", "torch 2")


@pytest.fixture(scope="module")
def board():
    return make_board()


@pytest.fixture(scope="module")
def site(board, tmp_path_factory):
    """The folder of a site with that board."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "index.html").write_bytes(index_page([board], list(board.cards.values())))
    for name, card in board.cards.items():
        path = folder / entry_path(board.label, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(entry_page(board, card, everything(board) if card.is_scored else Beside()))
    return folder


@pytest.fixture(scope="module")
def page_of(board, site):
    return lambda name: site / entry_path(board.label, name)


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["light", "dark phone"])
@pytest.mark.parametrize("name", ["sharp+tuned", "broken"])
def test_axe_finds_nothing_and_an_entry_never_scrolls_sideways(name, width, dark, opened, page_of, accessible):
    with opened(page_of(name), width=width, dark=dark) as page:
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True)], ids=["light", "dark phone"])
def test_axe_finds_nothing_on_the_index(width, dark, opened, site, board, accessible):
    with opened(site / "index.html", width=width, dark=dark) as page:
        accessible(page)
        page.get_by_role("tab", name=board.first.scenario).click()
        page.get_by_role("button", name="Columns").click()
        page.get_by_text("How to read this table").click()
        page.get_by_text("notes").first.click()
        accessible(page)
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_hostile_texts_make_no_element_and_run_nothing(opened, page_of):
    with opened(page_of("sharp+tuned")) as page:
        dialogs = []
        page.on("dialog", lambda dialog: dialogs.append(dialog.message))
        assert page.locator("img:not(.picture)").count() == 0
        assert page.locator("td bdi", has_text=TEXT).count() >= EXAMPLES
        page.locator("[data-example]").select_option("0")
        assert not dialogs


def test_another_example_has_another_plot_of_phi(opened, page_of):
    with opened(page_of("sharp+tuned")) as page:
        chart = page.locator("[data-phi]")
        picker, readout = chart.locator("[data-example]"), chart.locator("[data-readout]")

        def drawn():
            return chart.locator("path.unlearned").get_attribute("d")

        first, said = drawn(), readout.inner_text()
        assert picker.input_value() == "1", "the largest leak comes first"
        chart.get_by_role("button", name="smaller leak").click()
        assert picker.input_value() == "2"
        assert drawn() != first
        assert readout.inner_text() != said
        page.locator("[data-show='0']").click()
        assert picker.input_value() == "0"
        chart.get_by_role("button", name="larger leak").click()
        chart.get_by_role("button", name="larger leak").click()
        assert (drawn(), readout.inner_text()) == (first, said)


def expected_verdicts(board):
    """Return the verdict on every example, by scipy from the rounded numbers of the page: not by its script."""
    one, other = (np.array(board.cards[name].per_example("example_leak")).round(3) for name in COMPARED)
    rows = [np.round(UNIT * np.array(board.replicates[name])) / UNIT for name in COMPARED]
    variance = (rows[0] - rows[1]).var(axis=1) + 1 / 6 / UNIT**2
    p_values = 2 * t.sf(abs(one - other) / np.sqrt((GROUPS - 1) * variance), GROUPS - 1)
    differs = false_discovery_control(p_values) <= 0.05
    better = ["B" if each > 0 else "A" for each in one - other]
    return {
        k: f"{better[k]} forgets it better" if differs[k] else "not significantly different" for k in range(EXAMPLES)
    }


def test_two_entries_are_compared_by_paired_differences_and_example_by_example(opened, site, board):
    with opened(site / "index.html", fragment=f"#{board.label}:{','.join(COMPARED)}") as page:
        panel = page.locator(f"[data-panel='{board.label}']")
        pair = panel.locator("[data-compared] tbody tr")
        assert pair.count() == 1
        assert "points" in pair.inner_text()
        assert "same group" in pair.inner_text()
        rows = panel.locator("[data-example-list] tbody tr")
        verdicts = rows.evaluate_all(
            "rows => rows.map(row => [row.dataset.example, row.cells[row.cells.length - 1].textContent])"
        )
        assert {int(k): said for k, said in verdicts} == expected_verdicts(board)
        assert len({said for _, said in verdicts}) > 1
        counted = sum("better" in said for _, said in verdicts)
        assert (
            f"{counted} of {EXAMPLES} examples differ significantly"
            in panel.locator("[data-example-list]").inner_text()
        )
        assert panel.locator("[data-examples] .point.hollow").count() == EXAMPLES - counted
        rows.first.get_by_role("link").first.click()
        assert page.url.endswith(f"{COMPARED[0]}.html#example-{verdicts[0][0]}")
        assert page.locator(f"#example-{verdicts[0][0]}").is_visible()


def test_without_evidence_the_list_of_examples_has_no_verdict(opened, site, board):
    with opened(site / "index.html", fragment=f"#{board.label}:sharp,retrain") as page:
        told = page.locator(f"[data-panel='{board.label}'] [data-example-list]")
        assert "takes the evidence of both entries" in told.inner_text()
        assert told.locator("tbody tr").count() == EXAMPLES
        assert told.locator("td.verdict").count() == 0
        chart = page.locator(f"[data-panel='{board.label}'] [data-examples]")
        assert chart.locator(".point:not(.hollow)").count() == 0
        assert "Filled ones" not in chart.inner_text()


@pytest.mark.parametrize("where", ["index", "entry"])
def test_a_page_fits_on_paper(where, opened, site, page_of):
    with opened(site / "index.html" if where == "index" else page_of("sharp+tuned"), width=720) as page:
        page.emulate_media(media="print")
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        assert page.locator("button:visible, select:visible, input:visible").count() == 0
