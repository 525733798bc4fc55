"""The HTML report in a real browser: what strangers wrote must not run, and nothing may be fetched."""

import shutil
import subprocess

import pytest
from tests.report.conftest import hostile, stored  # noqa: F401 - fixtures

from imsniff.report.as_html import as_html
from imsniff.report.model import build
from imsniff.store.opening import open_for_reading

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here"), pytest.mark.slow]


def rendered(file, tmp_path):
    """The page's DOM after its scripts, if any, ran."""
    flags = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-background-networking",
        "--disable-extensions",
        f"--user-data-dir={tmp_path / 'profile'}",
        "--virtual-time-budget=3000",
        "--dump-dom",
    ]
    done = subprocess.run(
        [CHROMIUM, *flags, file.as_uri()], capture_output=True, timeout=90, text=True, check=False, errors="replace"
    )
    if "</html>" not in done.stdout:
        pytest.skip(f"Chromium does not run here: {done.stderr[-200:]}")
    return done.stdout


def page_of(where):
    with open_for_reading(where) as store:
        return as_html(build(store, program="imsniff test"))


def test_hostile_names_do_not_run(hostile, tmp_path):  # noqa: F811
    file = tmp_path / "audit.html"
    file.write_text(page_of(hostile), "utf-8")
    dom = rendered(file, tmp_path)
    assert "<title>Instant messaging audit</title>" in dom
    assert "<script" not in dom
    assert "<img" not in dom
    assert "&lt;script&gt;document.title=" in dom


def test_the_policy_stops_what_would_run_all_the_same(hostile, tmp_path):  # noqa: F811
    """Should the escaping ever fail, the page's own policy must hold; and this shows that a script would be seen."""
    attack = '<script>document.title="owned"</script><img src=x onerror=\'document.title="owned"\'></main>'
    page = page_of(hostile).replace("</main>", attack)
    guarded, bare = tmp_path / "guarded.html", tmp_path / "bare.html"
    guarded.write_text(page, "utf-8")
    bare.write_text(page.replace("Content-Security-Policy", "X-None"), "utf-8")
    assert "<title>owned</title>" in rendered(bare, tmp_path)
    assert "<title>Instant messaging audit</title>" in rendered(guarded, tmp_path)
