"""The site's index in a real browser: tabs, table, comparison, charts, dark, phone, paper, accessibility, speed."""

import pytest
from conftest import REPOSITORY

from benchmark.leaderboard import leaderboard
from benchmark.leaderboard.board import read_scorecards
from benchmark.site.boards import site_boards
from benchmark.site.build import index_page
from benchmark.storage.workspace import Workspace

HARD = "#digits-hard-980657bdc9f2"
RANKING = f"{HARD} [data-ranking]"


def shipped_cards():
    return read_scorecards(Workspace(REPOSITORY, REPOSITORY / "leaderboard"))


def write_index(folder, cards):
    path = folder / "index.html"
    path.write_bytes(index_page(site_boards(cards, leaderboard(cards)), cards))
    return path


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    return write_index(tmp_path_factory.mktemp("site"), shipped_cards())


def names(page, selector=RANKING):
    """Return the entries of a table that can be seen, from top to bottom."""
    return page.locator(f"{selector} tbody tr:visible").evaluate_all("rows => rows.map(row => row.dataset.entry)")


def column(page, name):
    """Return a column of the ranking as numbers, None where there is none."""
    at = page.locator(f'{RANKING} th[data-column="{name}"]').evaluate("head => head.cellIndex")
    cells = "(rows, at) => rows.map(row => 'sort' in row.cells[at].dataset ? +row.cells[at].dataset.sort : null)"
    return page.locator(f"{RANKING} tbody tr").evaluate_all(cells, at)


def test_one_tab_is_shown_at_a_time_and_the_summary_first(opened, index):
    with opened(index) as page:
        assert page.locator("[data-panel]:visible").count() == 1
        assert page.locator("#summary").is_visible()
        page.get_by_role("tab", name="digits-hard").click()
        assert page.locator("[data-panel]:visible").count() == 1
        assert page.locator(HARD).is_visible()
        assert page.url.endswith(HARD)


def test_tabs_are_moved_through_by_arrow_keys(opened, index):
    with opened(index) as page:
        first = page.get_by_role("tab").first
        first.focus()
        page.keyboard.press("ArrowRight")
        second = page.get_by_role("tab").nth(1)
        assert second.get_attribute("aria-selected") == "true"
        page.keyboard.press("End")
        assert page.get_by_role("tab").last.get_attribute("aria-selected") == "true"


def test_a_link_to_a_board_opens_its_tab(opened, index):
    with opened(index, fragment=HARD) as page:
        assert page.locator(HARD).is_visible()
        assert page.get_by_role("tab", name="digits-hard").get_attribute("aria-selected") == "true"


def test_columns_are_searched_for_by_their_sentences(opened, index):
    with opened(index, fragment=HARD) as page:
        page.locator(f"{HARD} [data-toggle-columns]").click()
        labels = page.locator(f"{HARD} [data-columns] fieldset label:visible")
        before = labels.count()
        page.keyboard.type("memory")  # the field has the focus
        assert 0 < labels.count() < before
        assert all("memory" in text.lower() for text in labels.all_inner_texts())
        assert page.locator(f"{HARD} [data-columns] fieldset:visible").count() <= labels.count()


def test_what_nobody_has_chosen_covers_no_table(opened, index):
    with opened(index, fragment=HARD) as page:
        bar = page.locator(f"{HARD} [data-compared-bar]")
        assert bar.is_hidden()
        page.locator(f"{RANKING} [data-choose]").last.click()
        assert bar.is_visible()


def test_a_filter_without_rows_cannot_be_chosen(opened, index):
    with opened(index, fragment=HARD) as page:
        options = page.locator(f"{HARD} [data-filter] option")
        disabled = options.evaluate_all("all => all.filter(each => each.disabled).map(each => each.value)")
        for value in options.evaluate_all("all => all.map(each => each.value)"):
            if value not in disabled:
                page.locator(f"{HARD} [data-filter]").select_option(value)
                assert names(page), value
    single = HARD.replace("digits-hard-980657bdc9f2", "digits-patch-6995a036cbc8")
    with opened(index, fragment=single) as page:  # nobody has tuned values there
        assert page.locator(f'{single} [data-filter] option[value="tuned"]').is_disabled()


def test_one_key_leads_past_the_table(opened, index):
    with opened(index, fragment=HARD) as page:
        link = page.locator(f"{HARD} .past")
        link.focus()
        page.keyboard.press("Enter")
        assert page.locator(f"{HARD} h3:focus").inner_text() == "Trade-offs"
        assert page.locator(HARD).is_visible()


@pytest.mark.parametrize("name", ["first", "utility", "cost"])
def test_a_column_is_sorted_both_ways_by_its_button(name, opened, index):
    with opened(index, fragment=HARD) as page:
        head = page.locator(f'{RANKING} th[data-column="{name}"]')
        orders = {}
        for _ in range(2):
            head.get_by_role("button").click()
            order = head.get_attribute("aria-sort")
            known = [value for value in column(page, name) if value is not None]
            assert known == sorted(known, reverse=order == "descending")
            orders[order] = known
        assert set(orders) == {"ascending", "descending"}
        others = page.locator(f"{RANKING} th[aria-sort]").evaluate_all("heads => heads.map(head => head.ariaSort)")
        assert sum(order != "none" for order in others) == 1


def test_the_table_is_sorted_by_the_keyboard_alone(opened, index):
    with opened(index, fragment=HARD) as page:
        page.locator(f'{RANKING} th[data-column="cost"] button').focus()
        page.keyboard.press("Enter")
        assert page.locator(f'{RANKING} th[data-column="cost"]').get_attribute("aria-sort") == "ascending"


def test_the_choice_is_in_the_address_and_a_fifth_entry_is_refused(opened, index):
    with opened(index, fragment=f"{HARD}:retrain,identity") as page:
        panel = page.locator(HARD)
        assert panel.get_by_label("Entry A", exact=True).input_value() == "retrain"
        assert panel.get_by_label("Entry C", exact=True).input_value() == ""
        boxes = panel.locator("[data-choose]:not(:checked)")
        boxes.first.check()
        boxes.first.check()
        four = page.url
        assert len(four.partition(":retrain,identity,")[2].split(",")) == 2
        boxes.first.click()
        assert "At most four" in panel.locator("[data-told]").inner_text()
        assert page.url == four
        assert panel.get_by_label("Entry A", exact=True).input_value() == "retrain"


def test_back_goes_to_what_was_shown_before(opened, index):
    with opened(index) as page:
        page.get_by_role("tab", name="digits-hard").click()
        panel = page.locator(HARD)
        panel.get_by_label("Entry B", exact=True).select_option("retrain")
        page.go_back()
        assert panel.get_by_label("Entry B", exact=True).input_value() != "retrain"
        page.go_back()
        assert page.locator("#summary").is_visible()
        page.go_forward()
        assert panel.is_visible()


def test_reloading_keeps_search_filter_order_and_columns(opened, index):
    with opened(index, fragment=f"{HARD}:") as page:
        panel = page.locator(HARD)
        panel.get_by_label("Show").select_option("better")
        panel.get_by_label("Search").fill("golatkar 2020")
        panel.locator('th[data-column="cost"] button').click()
        panel.get_by_role("button", name="Columns").click()
        panel.locator("[data-columns] fieldset input").first.check()
        before = names(page)
        assert before
        page.reload()
        assert names(page) == before
        assert panel.get_by_label("Search").input_value() == "golatkar 2020"
        assert panel.locator('th[data-column="cost"]').get_attribute("aria-sort") == "ascending"
        assert panel.locator("[data-ranking] thead th").count() == 8
        assert panel.get_by_label("Entry A", exact=True).input_value() == ""


def test_an_entry_that_is_chosen_twice_changes_places(opened, index):
    with opened(index, fragment=f"{HARD}:aru,retrain,identity") as page:
        panel = page.locator(HARD)
        panel.get_by_label("Entry A", exact=True).select_option("identity")
        assert page.url.endswith(":identity,retrain,aru")


def test_the_chooser_of_columns_is_closed_by_escape_and_offers_what_is_not_shown(opened, index):
    with opened(index, fragment=HARD) as page:
        panel = page.locator(HARD)
        panel.get_by_role("button", name="Columns").click()
        assert "gap closed" not in panel.locator("[data-columns] label strong").all_inner_texts()
        page.keyboard.press("Escape")
        assert not panel.locator("[data-columns]").is_visible()


def test_rows_not_separated_from_the_one_pointed_at_are_marked(opened, index):
    cards = shipped_cards()
    board = next(each for each in site_boards(cards, leaderboard(cards)) if f"#{each.label}" == HARD)
    with opened(index, fragment=HARD) as page:
        page.locator(f"{RANKING} tbody tr[data-entry='aru']").hover()
        marked = page.locator(f"{RANKING} tr.same-group").evaluate_all("rows => rows.map(row => row.dataset.entry)")
        assert set(marked) == {"aru", *board.inseparable_from("aru")}


def test_lines_of_pairs_are_shown_of_the_entry_pointed_at_alone(opened, index):
    with opened(index, fragment=HARD) as page:
        chart = page.locator(f"{HARD} [data-scatter]").first
        assert chart.locator(".pair:visible").count() == 0
        chart.locator(".view:visible [data-entry='fisher_forgetting+tuned']").focus()
        assert chart.locator(".pair.shown").count() == 1


def test_a_chart_shows_one_view_at_a_time_near_the_entries_first(opened, index):
    with opened(index, fragment=HARD) as page:
        chart = page.locator(f"{HARD} [data-scatter]").first
        assert chart.locator("[data-view='near']").is_visible()
        assert "lie outside this view" in chart.inner_text()
        chart.get_by_role("button", name="Whole range").click()
        assert chart.locator("[data-view='whole']").is_visible()
        assert not chart.locator("[data-view='near']").is_visible()
        assert "outside this view" not in chart.inner_text()


def test_search_and_filter_narrow_the_table_and_say_so(opened, index):
    with opened(index, fragment=HARD) as page:
        everything = names(page)
        panel = page.locator(HARD)
        panel.get_by_label("Search").fill("fisher")
        found = names(page)
        assert found
        assert len(found) < len(everything)
        assert all("fisher" in name for name in found)
        assert panel.locator("[data-count]").inner_text() == f"{len(found)} of {len(everything)} rows"
        panel.get_by_label("Search").fill("")
        panel.get_by_label("Show").select_option("tuned")
        assert all(name.endswith("+tuned") for name in names(page))
        panel.get_by_label("Show").select_option("all")
        assert names(page) == everything


def test_a_note_opens_below_its_row_and_stays_there(opened, index):
    with opened(index, fragment=HARD) as page:
        row = page.locator(f"{RANKING} tr[data-entry='aru']")
        row.get_by_text("notes").click()
        note = page.locator(f"{RANKING} tr.note")
        assert note.inner_text()
        page.locator(f'{RANKING} th[data-column="cost"] button').click()
        assert row.evaluate("row => row.nextElementSibling.className") == "note"
        page.locator(HARD).get_by_label("Search").fill("fisher")
        assert not note.is_visible()


def test_a_column_is_added_with_its_sentence_and_taken_out_again(opened, index):
    with opened(index, fragment=HARD) as page:
        panel = page.locator(HARD)
        before = panel.locator("[data-ranking] th[scope=col]").count()
        panel.get_by_role("button", name="Columns").click()
        labels = panel.locator("[data-columns] fieldset label")
        assert all(len(text.split("–", 1)[1]) > 10 for text in labels.all_inner_texts())
        box = labels.first.locator("input")
        box.check()
        assert panel.locator("[data-ranking] th[scope=col]").count() == before + 1
        box.uncheck()
        assert panel.locator("[data-ranking] th[scope=col]").count() == before


def test_two_entries_are_compared_with_differences_profile_and_examples(opened, index):
    with opened(index, fragment=HARD) as page:
        panel = page.locator(HARD)
        panel.get_by_label("Entry A", exact=True).select_option("retrain")
        panel.get_by_label("Entry B", exact=True).select_option("identity")
        for letter in "CD":
            panel.get_by_label(f"Entry {letter}", exact=True).select_option("")
        said = panel.locator("[data-compared]").inner_text()
        assert "A is better" in said
        assert "retrain" in said
        assert panel.locator("[data-profile] svg path.curve").count() >= 2
        points = panel.locator("[data-examples] .entry")
        assert points.count() == 50
        points.first.focus()
        page.keyboard.press("ArrowRight")
        assert panel.locator("[data-examples] [data-readout]").inner_text().startswith("Forget example")


def test_a_point_of_a_scatter_is_read_by_mouse_and_keyboard_and_chosen_by_a_click(opened, index):
    with opened(index, fragment=HARD) as page:
        chart = page.locator(f"{HARD} [data-scatter]").first
        readout = chart.locator("[data-readout]")
        point = chart.locator(".entry").first
        point.hover(force=True)
        read = readout.inner_text()
        assert read == point.get_attribute("aria-label")
        point.focus()
        page.keyboard.press("ArrowRight")
        assert readout.inner_text() != read
        chosen = point.get_attribute("aria-pressed")
        point.click(force=True)
        assert point.get_attribute("aria-pressed") != chosen


@pytest.mark.parametrize("width", [1280, 390])
def test_no_tab_ever_scrolls_the_page_sideways(width, opened, index):
    with opened(index, width=width) as page:
        for tab in page.get_by_role("tab").all():
            tab.click()
            assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_dark_has_another_ground(opened, index):
    grounds = []
    for dark in (False, True):
        with opened(index, dark=dark) as page:
            grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
    assert grounds[0] == "rgb(255, 255, 255)"
    assert grounds[1] != grounds[0]


def test_on_paper_every_board_is_printed_without_controls(opened, index):
    with opened(index) as page:
        page.emulate_media(media="print")
        assert page.locator("button:visible, select:visible, input:visible").count() == 0


def test_without_scripts_all_boards_can_be_read(chromium, index):
    page = chromium.new_context(java_script_enabled=False).new_page()
    page.goto(index.as_uri())
    assert page.locator("[data-panel]:visible").count() == page.locator("[data-panel]").count()
    page.close()


@pytest.mark.long
def test_eight_boards_of_eighty_entries_load_in_a_second_and_sort_in_a_tenth(opened, tmp_path):
    path = write_index(tmp_path, many_cards(boards=8, entries=80))
    assert path.stat().st_size < 8 << 20
    loading, sorting = [], []
    for _ in range(6):  # other tests run beside this one: the best of some tries is the page's own
        with opened(path) as page:
            loading.append(page.evaluate("performance.getEntriesByType('navigation')[0].loadEventEnd"))
            page.get_by_role("tab").nth(1).click()
            sorting.append(min(page.evaluate(SORT) for _ in range(4)))
    assert min(loading) < 1000
    assert min(sorting) < 100


# Until the sorted table is laid out.
SORT = """() => {
    const table = document.querySelector("[data-panel]:not([hidden]) [data-ranking]");
    const button = table.querySelector('th[data-column="cost"] button');
    const begin = performance.now();
    button.click();
    table.getBoundingClientRect();
    return performance.now() - begin;
}"""


def many_cards(boards, entries):
    """Return cards of a shipped board, copied until there are as many entries, on as many boards."""
    shipped = [card for card in shipped_cards() if card.scenario == "digits-hard"]
    copies = [
        card.model_copy(update={"submission": f"{card.submission.removesuffix('+tuned')}-{number}"} if number else {})
        for number in range(1 + entries // len(shipped))
        for card in shipped
    ]
    return [
        card.model_copy(update={"scenario": f"board{number}", "scenario_hash": f"{number:012x}"})
        for number in range(boards)
        for card in copies[:entries]
    ]
