"""The report on paper: what is to be read on three pages, no column cut off, no heading alone at the foot of a page."""

import time

import pytest

from imsniff.report.as_pdf import as_pdf
from imsniff.report.model import build
from imsniff.store.opening import open_for_reading
from made import exposure, login, message, session, transfer

pytest.importorskip("weasyprint")

from imsniff.base.limits import MAX_PRINTED_RISK_ROWS, MAX_PRINTED_ROWS
from imsniff.report.as_html import as_html

READ_FIRST = 3
"""Pages before the appendix."""


def crowd(people):
    """Each has a log-in, a talk, an address and a file: some six findings a person, of all the risks they have."""
    for number in range(people):
        account = f"a-rather-long-name-{number:05}@chat.department-{number % 7}.corp.example"
        to = f"somebody-else-{number % 50}@chat.corp.example"
        host = f"10.{number % 3}.{number // 250 % 250}.{number % 250 + 1}"
        one = session(number, account=account, client_ip=host, odd_port=number % 2 == 0, server_port=5222 + number % 9)
        yield from (
            one,
            login(one, account=account),
            message(one, sender=account, recipient=to),
            exposure(one, account=account, to=to, ip=host),
            transfer(one, name=f"report-{number}.exe", sender=account),
        )


def made(where):
    with open_for_reading(where) as store:
        return build(store, program="imsniff test")


def laid_out(report):
    from weasyprint import HTML

    page = as_html(report, per_risk=MAX_PRINTED_RISK_ROWS, most=MAX_PRINTED_ROWS)
    return HTML(string=page).render().pages


def boxes(page):
    """Every line box of a page, with its element's tag and where it ends."""
    todo = [page._page_box]
    while todo:
        box = todo.pop()
        todo += getattr(box, "children", ())
        if type(box).__name__ == "LineBox":
            yield box


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    from tests.report.conftest import stored

    return made(stored.__wrapped__(tmp_path_factory.mktemp("pdf"))(*crowd(1_500), capture="x" * 40 + ".pcap"))


def test_the_first_part_has_three_pages_and_nothing_is_cut_off(many):
    assert many.totals["findings"] > 7_500
    pages = laid_out(many)
    titles = ["".join(_texts(box) for box in boxes(page)) for page in pages]
    assert next(n for n, text in enumerate(titles) if "Sessions over time" in text) <= READ_FIRST
    for page in pages:
        for box in boxes(page):
            assert box.position_x + box.width <= page.width + 0.5, _texts(box)


def test_the_first_part_has_three_pages_also_where_every_risk_has_findings(many):
    from msgspec.structs import replace

    from imsniff.base.risks import RISKS

    groups = [replace(many.risks[0], risk=risk, title=about.title) for risk, about in RISKS.items()]
    pages = laid_out(replace(many, risks=groups))
    assert "Sessions over time" in "".join("".join(_texts(b) for b in boxes(page)) for page in pages[: READ_FIRST + 1])


def test_no_page_has_only_a_heading(many):
    for page in laid_out(many):
        lines = [box for box in boxes(page) if _texts(box).strip()]
        assert len({box.element_tag for box in lines} - {"h2", "h3"}) >= 1
        lowest = max((box for box in lines if box.element_tag in HEADINGS), key=lambda b: b.position_y, default=None)
        if lowest is not None:
            below = [box for box in lines if box.position_y > lowest.position_y and box.element_tag not in HEADINGS]
            assert len(below) > 1 or len(lines) < 4, _texts(lowest)


HEADINGS = ("h2", "h3", "th", "h2::line", "h3::line", "th::line")


def _texts(box):
    if hasattr(box, "text"):
        return box.text
    return "".join(_texts(child) for child in getattr(box, "children", ()))


@pytest.mark.slow
def test_7_770_findings_are_printed_in_ten_seconds(many):
    begun = time.process_time()
    assert as_pdf(many).startswith(b"%PDF-")
    assert time.process_time() - begun < 10
