"""The report as its readers see it: in a browser, from a file, without a network, whatever the data say."""

import shutil

import pytest

from forecast_assets.reports.page import page, policy
from forecast_assets.reports.page_data import collect
from forecast_assets_tests.scenario import HEALTHY, SERIES, shop

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no Chromium on this machine (apt-get install chromium)"
)
HOSTILE = "</script><img src=x onerror=document.title='run'><script>document.title='run'</script><b>&amp;"
MANY = 30_490


def data(key: str = "shop__A__P1", rows: int = 1) -> dict:
    """The data of a page with one plotted series; ``key`` is its text everywhere."""
    keys = [key, *(f"shop__S{n % 10}__P{n}" for n in range(1, rows))]
    days = ["2026-01-01", "2026-01-02", "2026-01-03"]
    limits = {name: [1.0, 2.0, 3.0] for name in ("units", "lower_80", "upper_80", "lower_95", "upper_95")}
    empty: dict = {"columns": ["series"], "rows": []}
    return {
        "facts": [["Dataset", key]],
        "series": {
            "columns": ["series", "wape", "reason"],
            "rows": [[one, 12.5, f"why {one}"] for one in keys],
        },
        "orders": {"columns": ["series", "total"], "rows": [[one, 3.0] for one in keys]},
        "candidates": {
            "columns": ["candidate", "champions", "ranked", "failed", "median_wape", "mean_rank"],
            "rows": [[key, 1, 1, 0, 12.5, 1.0]],
        },
        "heatmap": {
            "stores": [key],
            "products": [key],
            "wape": [[12.5]],
            "bias": [[0.5]],
            "total_error": [[None]],
        },
        "drift": empty,
        "decisions": empty,
        "plots": {
            key: {
                "sentence": key,
                "history": {"days": days, "units": [1.0, None, 3.0]},
                "ahead": {"candidate": key, "days": days, **limits},
                "folds": {
                    "days": days,
                    "actual": [1.0, 2.0, 3.0],
                    "candidates": [{"name": key, "units": [1.0, 2.0, 2.0]}],
                },
                "drivers": [{"name": key, "units": 2.0}, {"name": "weekday", "units": -0.5}],
            }
        },
    }


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield started
        started.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open a page from a file; return the tab, and what it complained about or asked of a network."""

    def look(content: dict, title: str = "Forecasts of shop"):
        file = tmp_path / "report.html"
        file.write_text(page(title, content), encoding="utf-8")
        tab = browser.new_page(viewport={"width": 1400, "height": 900})
        trouble: list[str] = []
        tab.on("pageerror", lambda error: trouble.append(str(error)))
        tab.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
        tab.on("request", lambda sent: trouble.append(sent.url) if sent.url.startswith("http") else None)
        tab.goto(file.as_uri())
        tab.locator("body[data-ready=yes]").wait_for()
        return tab, trouble

    return look


def drawn(tab) -> int:
    """Scroll to every plot and count those that are there."""
    for at in range(tab.locator(".plot").count()):
        plot = tab.locator(".plot").nth(at)
        plot.scroll_into_view_if_needed()
        plot.locator(".main-svg").first.wait_for()
    return tab.locator(".plot").count()


def test_the_page_of_a_dataset_shows_its_series(place, request):
    place.prepare("shop", shop())
    place.evaluate(SERIES[0], SERIES[-1])
    content = collect(place.stores, "shop", [HEALTHY])
    # Dagster and the browser each want the event loop of this thread.
    tab, trouble = request.getfixturevalue("opened")(content)
    assert tab.locator("#plots section h3").all_inner_texts() == [HEALTHY]
    assert drawn(tab) >= 3
    assert HEALTHY in tab.locator("#series tbody").inner_text()
    assert trouble == []


def test_tables_and_plots_are_drawn_without_a_network(opened):
    tab, trouble = opened(data())
    assert drawn(tab) == 5
    assert tab.locator("#series td").first.inner_text() == "shop__A__P1"
    assert trouble == []


def test_text_of_data_becomes_neither_script_nor_markup(opened):
    tab, trouble = opened(data(key=HOSTILE), title=HOSTILE)
    drawn(tab)
    assert tab.title() == HOSTILE
    assert tab.locator("#series td").first.inner_text() == HOSTILE
    assert tab.locator("img[src=x]").count() == 0
    assert trouble == []


def test_a_script_that_is_not_ours_does_not_run(opened):
    tab, _ = opened(data())
    tab.evaluate(
        "() => { const s = document.createElement('script'); s.textContent = 'document.title = \"run\"';"
        " document.body.append(s); }"
    )
    assert tab.title() == "Forecasts of shop"
    assert "unsafe-inline" not in policy().partition("script-src")[2].partition(";")[0]


def test_all_series_are_searched_and_few_stand_on_the_page(opened):
    tab, trouble = opened(data(rows=MANY))
    assert tab.locator("#series tbody tr").count() == 200
    assert f"{MANY:,} of {MANY:,}" in tab.locator("#series p").inner_text()
    tab.locator("#series input").fill("p30489")
    assert tab.locator("#series tbody tr").count() == 1
    assert trouble == []


def test_a_heading_sorts_the_whole_table(opened):
    content = data(rows=300)
    for at, row in enumerate(content["series"]["rows"]):
        row[1] = float(-at)
    tab, _ = opened(content)
    tab.locator("#series th").nth(1).click()
    assert tab.locator("#series tbody tr td").nth(1).inner_text() == "-299"
