"""The page of a board in headless Chromium: with and without a script, light and dark, wide and narrow, and whatever names it is given."""

import shutil
import time

import pytest

from bench.publish.document import read
from bench.publish.files import publish, to_json
from bench.publish.pictures import pictures
from bench.publish.tables import full
from tests.publish.made import made_board

NAMES = ["whole", "top-a", "middle-b", "taught-c", "scratch-d", "letters", "whole-e", "top-f"]
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium; the tests are skipped where there is none."""
    driver = pytest.importorskip("playwright.sync_api", reason="the package playwright is not installed (it is in the extra 'dev')")
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed (apt-get install chromium)")
    with driver.sync_playwright() as running:
        found = running.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def board(tmp_path_factory):
    """The folder of a published board."""
    folder = tmp_path_factory.mktemp("board")
    publish(made_board(NAMES), folder)
    return folder


@pytest.fixture
def visit(browser):
    """Opens a file; what the page says on its console, asks of a network or shows in a dialog is in `said` and must be nothing."""
    contexts, said = [], []

    def dismissed(dialog):
        said.append(dialog.message)
        dialog.dismiss()

    def opened(path, address="", *, width=1280, **options):
        context = browser.new_context(viewport={"width": width, "height": 800}, **options)
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("dialog", dismissed)
        page.on("request", lambda request: said.append(request.url) if not request.url.startswith("file:") else None)
        page.goto(path.as_uri() + address)
        return page

    yield opened
    for context in contexts:
        context.close()
    assert said == []


def shown(page):
    """The names of the rows that are shown, in their order."""
    return page.eval_on_selector_all("#board tbody tr", "rows => rows.filter(row => row.offsetParent).map(row => row.querySelector('th').innerText)")


def titles(page):
    """The columns that are shown."""
    return page.eval_on_selector_all("#board thead th", "heads => heads.filter(head => head.offsetParent).map(head => head.innerText.trim())")


def head(page, title):
    return page.locator("#board thead th", has=page.get_by_role("button", name=title, exact=True))


def test_a_click_on_a_title_sorts_a_second_one_turns_it_round_and_a_third_restores_the_board(board, visit):
    page = visit(board / "index.html")
    assert shown(page) == NAMES
    button = page.get_by_role("button", name="sentences/s", exact=True)
    button.click()
    assert shown(page) == NAMES[::-1]
    assert head(page, "sentences/s").get_attribute("aria-sort") == "descending"
    button.click()
    assert shown(page) == NAMES
    assert head(page, "sentences/s").get_attribute("aria-sort") == "ascending"
    button.click()
    assert head(page, "sentences/s").get_attribute("aria-sort") is None
    assert "by mean" in page.inner_text("#status")


def test_what_was_not_computed_stays_last_in_both_directions(board, visit):
    page = visit(board / "index.html")
    for _ in range(2):
        page.get_by_role("button", name="mean", exact=True).click()
        assert shown(page)[-1] == "top-f"


def test_the_table_is_sorted_and_searched_with_the_keyboard_alone(board, visit):
    page = visit(board / "index.html")
    page.get_by_role("button", name="candidate", exact=True).focus()
    page.keyboard.press("Enter")
    assert shown(page) == sorted(NAMES)
    page.locator("#search").focus()
    page.keyboard.type("MIDDLE prun")
    assert shown(page) == ["middle-b"]
    assert page.inner_text("#status").startswith("1 of 8 candidates")


@pytest.mark.parametrize(
    ("key", "value", "left"),
    [
        ("kind", "pruned", ["top-a", "middle-b", "top-f"]),
        ("base", "one", ["top-a", "taught-c", "letters", "top-f"]),
        ("strategy", "top", ["top-a", "top-f"]),
        ("depth", "12", ["whole"]),
    ],
)
def test_rows_are_chosen_by_what_candidates_are(board, visit, key, value, left):
    page = visit(board / "index.html")
    page.select_option(f"select[data-filter={key}]", value)
    assert shown(page) == left


def test_a_language_shows_the_scores_of_that_language_in_place_of_the_types(board, visit):
    page = visit(board / "index.html")
    assert {"similarity", "classification"} <= set(titles(page))
    page.select_option("#language", "hi")
    assert [title for title in titles(page) if title.startswith("Task")] == ["Task0 hi", "Task2 hi"]
    assert "similarity" not in titles(page)


def test_columns_can_be_chosen(board, visit):
    page = visit(board / "index.html")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("peak MiB").check()
    page.get_by_label("p50 ms").uncheck()
    assert "peak MiB" in titles(page)
    assert "p50 ms" not in titles(page)


def test_what_is_chosen_stands_in_the_address_and_comes_back_with_it(board, visit):
    page = visit(board / "index.html")
    page.get_by_role("button", name="p50 ms", exact=True).click()
    page.select_option("select[data-filter=kind]", "pruned")
    page.fill("#search", "top")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("load s").check()
    address = page.evaluate("location.hash")
    again = visit(board / "index.html", address)
    assert (shown(again), titles(again)) == (shown(page), titles(page)) == (["top-a", "top-f"], titles(page))
    assert "load s" in titles(again)
    assert head(again, "p50 ms").get_attribute("aria-sort") == "descending"
    again.get_by_role("button", name="Reset").click()
    assert shown(again) == NAMES


def test_an_address_that_means_nothing_shows_the_board(board, visit):
    page = visit(board / "index.html", "#sort=-nothing&kind=nothing&columns=nothing&q=")
    assert shown(page) == NAMES


def test_without_a_script_the_page_has_every_candidate_in_order_and_every_score(board, visit):
    page = visit(board / "index.html", java_script_enabled=False)
    names = page.locator("#board tbody th").all_inner_texts()
    assert names == NAMES
    assert not page.locator("#controls").is_visible()
    assert not page.locator("#board thead th", has_text="peak MiB").is_visible()
    page.get_by_label("all columns").check()
    assert page.locator("#board thead th", has_text="peak MiB").is_visible()
    text = page.inner_text("#board")
    table = full(read(made_board(NAMES)))
    assert [
        cell.text for row in table.rows for column, cell in zip(table.columns, row, strict=True) if column.title.startswith("Task") and cell.text not in text
    ] == []
    assert "MemoryError: <8 GiB>" in page.inner_text("main")


def test_a_candidate_shows_the_rows_it_lost_escaped_and_in_their_language(board):
    text = (board / "candidates" / "top-a.html").read_text(encoding="utf-8")
    assert '<p lang="mr">मी शाळेत &lt;b&gt;जातो&lt;/b&gt;</p>' in text
    assert "mr, row 7, gold 4.5: lost 62 of 100; gold rank 90, whole 0.80 (rank 85), top-a 0.20 (rank 23)" in text
    assert "bench diff whole top-a --suite made" in text
    assert "Where it lost" not in (board / "candidates" / "middle-b.html").read_text(encoding="utf-8")


def test_a_swept_base_has_a_picture_of_its_layers_with_its_table_and_another_base_the_command_that_makes_one(board):
    text = (board / "index.html").read_text(encoding="utf-8")
    assert "How alike the layers of one are" in text
    assert "How alike the layers of two are" not in text
    assert "bench sweep two --suite made" in text
    assert "bench sweep one" not in text
    assert (board / "pictures" / "layers-1.svg").exists()
    table = next(picture.table for picture in pictures(read(made_board(NAMES))) if picture.name == "layers-1")
    assert [[cell.text for cell in row][:3] for row in table.rows][:2] == [["0", "100.0", "95.0"], ["1", "95.0", "100.0"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_light_and_dark_follow_the_reader(board, visit, scheme):
    page = visit(board / "index.html", color_scheme=scheme)
    paper, ink = (int(page.evaluate(f"getComputedStyle(document.body).{name}").split("(")[1].split(",")[0]) for name in ("backgroundColor", "color"))
    assert (paper > 200, ink < 60) == (scheme == "light", scheme == "light")
    title = page.evaluate("getComputedStyle([...document.querySelectorAll('figure svg text')].at(-1)).fill")
    assert (int(title.split("(")[1].split(",")[0]) < 100) == (scheme == "light")


@pytest.mark.parametrize("path", ["index.html", "candidates/top-a.html", "tasks/Task0.html"])
def test_no_page_is_wider_than_a_phone(board, visit, path):
    assert visit(board / path, width=360).evaluate("document.documentElement.scrollWidth") == 360


LOOKED_AT = [
    ("index.html", "light"),
    ("index.html", "dark"),
    ("candidates/top-f.html", "light"),
    ("candidates/top-a.html", "dark"),
    ("tasks/Task0.html", "dark"),
]


@pytest.mark.parametrize(("path", "scheme"), LOOKED_AT)
def test_axe_finds_nothing_serious(board, visit, path, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="the package axe-playwright-python is not installed (it is in the extra 'dev')")
    page = visit(board / path, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
    found = axe.Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]][:3]) for one in found if one["impact"] in {"serious", "critical"}] == []


HOSTILE = [
    "<script>alert(1)</script>",
    "../../x",
    "CON",
    "a",
    "A",
    '"><img src=x onerror=alert(2)>',
    "</style><script>alert(3)</script>",
    "items",
    "x" * 300,
    "मराठी",
]


@pytest.mark.slow
def test_no_name_leaves_the_folder_runs_as_a_script_or_takes_the_page_of_another(tmp_path, visit):
    folder = tmp_path / "deep" / "board"
    publish(made_board(HOSTILE), folder)
    assert {path.relative_to(tmp_path).parts[:2] for path in tmp_path.rglob("*") if path.is_file()} == {("deep", "board")}
    pages = sorted(path.name.casefold() for path in (folder / "candidates").iterdir())
    assert len(set(pages)) == len(HOSTILE)
    assert "con.html" not in pages
    page = visit(folder / "index.html")
    assert page.locator("#board tbody th").all_inner_texts() == HOSTILE
    assert page.locator("img, script").count() == 1, "the script of the page itself"
    for link in page.locator("#board tbody th a").all():
        target = (folder / link.get_attribute("href")).resolve()
        assert target.parent == folder / "candidates"
        assert visit(target).inner_text("h1") == link.inner_text()


def test_the_policy_of_the_page_lets_nothing_else_run_or_load(board, browser):
    context = browser.new_context()
    page = context.new_page()
    page.goto((board / "index.html").as_uri())
    page.evaluate("""() => {
        const script = document.createElement('script'); script.textContent = 'window.ran = true'; document.body.append(script);
        const image = document.createElement('img'); image.src = 'https://example.org/x.png'; document.body.append(image);
    }""")
    page.wait_for_timeout(100)
    assert page.evaluate("window.ran") is None
    assert page.evaluate("[...document.images].every(image => !image.naturalWidth)")
    context.close()


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """The folder of a board of a thousand candidates and thirty tasks, and how many times as long as its JSON alone all its files took to write."""
    folder, values = tmp_path_factory.mktemp("large"), made_board([f"candidate-{number}" for number in range(1000)], tasks=30)
    publish(made_board(NAMES), folder / "before")  # what is loaded and compiled once
    shares = []
    for number in range(2):
        start = time.process_time()
        to_json(values)
        alone = time.process_time()
        publish(values, folder / str(number))
        shares.append((time.process_time() - alone) / (alone - start))
    return folder / "0", min(shares)


@pytest.mark.slow
def test_all_pages_of_a_thousand_candidates_and_thirty_tasks_take_a_few_times_as_long_as_their_json(large):
    print(f"{large[1]:.1f} times as long as the JSON")
    assert large[1] < 30


@pytest.mark.slow
def test_a_board_of_a_thousand_candidates_and_thirty_tasks_is_sorted_at_once(large, visit):
    from playwright.sync_api import expect

    page = visit(large[0] / "index.html")
    painted = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    sorting, laying = page.evaluate("""async () => {
        const table = document.getElementById('board'), body = table.tBodies[0];
        const whole = async () => { while (body.rows.length < 1000 || table.style.width) await new Promise((done) => setTimeout(done, 5)); };
        const median = async (action) => {
            const taken = [];
            for (let turn = 0; turn < 5; turn += 1) {
                await whole();
                document.body.offsetHeight;
                const start = performance.now();
                action();
                document.body.offsetHeight;
                taken.push(performance.now() - start);
            }
            return taken.sort((a, b) => a - b)[2];
        };
        const anew = () => { const parent = table.parentNode; table.remove(); document.body.offsetHeight; parent.append(table); };
        return [await median(() => document.querySelectorAll('#board thead button')[5].click()), await median(anew)];
    }""")
    print(f"first paint {painted:.0f} ms, sorting {sorting:.0f} ms, laying the table out anew {laying:.0f} ms")
    assert painted < 5000
    assert sorting < 0.6 * laying
    rows = expect(page.locator("#board tbody tr"))
    rows.to_have_count(1000)
    page.get_by_role("button", name="sentences/s", exact=True).click()
    rows.to_have_count(1000)
    assert shown(page) == [f"candidate-{number}" for number in range(999, -1, -1)]
