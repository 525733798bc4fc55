"""The report as PDF: the HTML page, printed by weasyprint (extra `pdf`)."""

from __future__ import annotations

from imsniff.base.limits import MAX_PRINTED_RISK_ROWS, MAX_PRINTED_ROWS
from imsniff.report.as_html import as_html
from imsniff.report.model import Report


class NoPrinter(Exception):
    """weasyprint or a library it needs is missing; the message says what to install."""


def as_pdf(report: Report) -> bytes:
    """Raises NoPrinter."""
    try:
        from weasyprint import HTML
        from weasyprint.urls import URLFetchingError
    except ImportError:
        raise NoPrinter(
            "PDF needs weasyprint: pip install 'imsniff[pdf]'; or print the HTML report from a browser"
        ) from None
    except OSError as why:  # its libraries are loaded by name
        raise NoPrinter(
            f"weasyprint misses a library ({why}); on Debian: apt install libpango-1.0-0 libpangoft2-1.0-0"
        ) from None

    def refuse(url: str, *_: object, **__: object) -> dict[str, object]:
        raise URLFetchingError(f"nothing is fetched, least of all {url[:80]}")

    page = as_html(report, per_risk=MAX_PRINTED_RISK_ROWS, most=MAX_PRINTED_ROWS)
    printed: bytes = HTML(string=page, url_fetcher=refuse).write_pdf()
    return printed
