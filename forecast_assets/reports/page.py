"""The report of a dataset as one HTML page that needs nothing else and no network.

Belongs here: the page around the data, and the policy that lets only its own scripts run.
Does not belong here: collecting the data (``page_data``) and drawing it (``data/report/page.js``).
"""

import base64
import gzip
import hashlib
import html
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

_FILES = Path(__file__).parents[1] / "data" / "report"
_SECTIONS = {
    "overview": "At a glance",
    "series": "All series",
    "orders": "Order proposal",
    "candidates": "Candidates",
    "heatmap": "Stores and products",
    "drift": "Drift",
    "decisions": "Decisions about live models",
    "plots": "Series with plots",
}


# Tables that the page searches and sorts, as "columns" and "rows".
_SEARCHABLE = frozenset({"series", "orders", "drift", "decisions"})


@lru_cache(maxsize=1)
def scripts() -> tuple[str, str]:
    """The plotting library and our own script, as they stand in the page."""
    from plotly.offline import get_plotlyjs  # noqa: PLC0415 - half a second that only this page needs

    return str(get_plotlyjs()), (_FILES / "page.js").read_text(encoding="utf-8")


def policy() -> str:
    """The content policy: scripts by their hash alone, no network, pictures that a plot is saved as."""
    hashes = " ".join(f"'sha256-{_digest(script)}'" for script in scripts())
    # The plotting library writes style attributes; styles cannot run anything.
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def page(title: str, data: Mapping[str, object]) -> str:
    """Write the page. ``data`` is what ``page.js`` reads; its text becomes text, whatever it holds."""
    library, own = scripts()
    block = _json({name: _by_column(value) if name in _SEARCHABLE else value for name, value in data.items()})
    links = " ".join(f'<a href="#{name}">{heading}</a>' for name, heading in _SECTIONS.items())
    sections = "\n".join(
        f'<h2 id="{name}-heading">{heading}</h2>\n<div id="{name}"></div>'
        for name, heading in _SECTIONS.items()
    )
    style = (_FILES / "page.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{policy()}">\n'
        f"<title>{html.escape(title)}</title><style>{style}</style></head>\n"
        f"<body><h1>{html.escape(title)}</h1><nav>{links}</nav>\n{sections}\n"
        f'<script type="application/gzip" id="data">{_packed(block)}</script>\n'
        f'<script type="application/gzip" id="library">{_packed(library)}</script>\n'
        f"<script>{own}</script></body></html>\n"
    )


def _json(data: Mapping[str, object]) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _packed(text: str) -> str:
    """Text as gzip as base64: smaller, and no sign of it can end the element that holds it."""
    return base64.b64encode(gzip.compress(text.encode(), 6, mtime=0)).decode()


def _by_column(table: Any) -> dict[str, object]:  # noqa: ANN401 - of JSON
    """One list per column: a browser takes a few long lists apart much faster than one per row."""
    return {
        "columns": table["columns"],
        "values": [list(column) for column in zip(*table["rows"], strict=True)],
        "size": len(table["rows"]),
    }


def _digest(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
