"""The incident report: one summary as CSV, Markdown, or a page that needs nothing else.

Belongs here: writing a summary down; the same summary always gives the same text.
Does not belong here: collecting it (``operations``) and drawing (``rendering.plots``).
"""

import datetime as dt
import html
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import polars as pl

from forecast_assets.drift.model_health import Candidate, Health
from forecast_assets.rendering.export import as_csv
from forecast_assets.rendering.markdown import cell, markdown
from forecast_assets.reports.operations import NEWEST, Summary

_NOTHING = "Nothing to show."
# The page needs nothing but itself: no script runs, nothing is loaded, nothing is sent.
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = (
    "body{font:14px/1.5 sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
    "table{border-collapse:collapse}td,th{border:1px solid #ccc;padding:.2rem .5rem;text-align:left}"
)
Cells = Sequence[Mapping[str, object]]


def as_table(summary: Summary) -> str:
    """Attention items as CSV that no spreadsheet executes."""
    columns = ("Type", "Entity", "Item", "Detail", "When")
    rows = [(one.kind, one.entity, one.label, one.detail, _moment(one.at)) for one in summary.attention]
    return as_csv(pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row"))


def as_frame(summary: Summary) -> pl.DataFrame:
    """Attention items with field names, for other programs."""
    columns = dict.fromkeys(("kind", "entity", "label", "detail", "next_step", "link"), pl.String)
    rows = [asdict(one) for one in summary.attention]
    return pl.DataFrame(rows, schema={**columns, "at": pl.Datetime("us", "UTC")})


def as_markdown(summary: Summary) -> str:
    """The report in sections, with pipes and line breaks of names disarmed."""
    parts = [f"# Incident report{_subject(summary)}", "", f"Generated {_moment(summary.at)}"]
    for title, content in _sections(summary):
        text = content if isinstance(content, str) else markdown(content, list(content[0]))
        parts += ["", f"## {title}", "", text]
    return "\n".join(parts) + "\n"


def as_page(summary: Summary, pictures: Sequence[tuple[str, str]] = ()) -> str:
    """The report as one HTML page; ``pictures`` are titles with ``data:`` addresses of images."""
    title = f"Incident report{_subject(summary)}"
    body = [f"<h1>{_safe(title)}</h1>", f"<p>Generated {_moment(summary.at)}</p>"]
    for heading, content in _sections(summary):
        body.append(f"<h2>{_safe(heading)}</h2>")
        body.append(f"<p>{_safe(content)}</p>" if isinstance(content, str) else _html_table(content))
    for heading, address in pictures:
        body.append(f'<h2>{_safe(heading)}</h2><img alt="{_safe(heading)}" src="{_safe(address)}">')
    policy = f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
    head = f'<meta charset="utf-8">{policy}<title>{_safe(title)}</title><style>{_STYLE}</style>'
    return (
        f"<!doctype html>\n<html lang=en><head>{head}</head><body>\n" + "\n".join(body) + "\n</body></html>\n"
    )


def _sections(summary: Summary) -> list[tuple[str, str | Cells]]:
    rate = summary.success_rate
    attention = summary.attention
    return [
        (
            "System Health",
            [
                {"Check": "API", "Value": "ok"},
                {"Check": "Database", "Value": "connected"},
                {"Check": "Latest successful job", "Value": _moment(summary.newest_success)},
            ],
        ),
        (
            "KPIs",
            [
                {"KPI": "Active jobs", "Value": summary.active},
                {"KPI": "Failed jobs", "Value": summary.jobs["failed"]},
                {"KPI": "Completed today", "Value": summary.completed_today},
                {"KPI": "Run success rate", "Value": None if rate is None else f"{rate:,.1f} %"},
                {"KPI": "Failed runs", "Value": summary.runs["failed"]},
                {"KPI": "Series that cannot be scored", "Value": summary.runs["unusable"]},
                {"KPI": "Stale aliases", "Value": f"{len(summary.stale):,} of {len(summary.live):,}"},
                {"KPI": "Outdated forecasts", "Value": f"{len(summary.outdated):,} of {summary.forecasts:,}"},
            ],
        ),
        (
            "Data Freshness",
            [
                {"What": "Latest sales date", "When": summary.newest_sales},
                {"What": "Latest completed job", "When": _moment(summary.newest_end)},
                {"What": "Latest successful run", "When": _moment(summary.newest_evaluation)},
            ],
        ),
        (
            f"Needs Attention ({len(attention):,})",
            [
                {
                    "Type": one.kind,
                    "Item": one.label,
                    "Detail": one.detail,
                    "Next step": one.next_step,
                    "When": _moment(one.at),
                }
                for one in attention
            ]
            or _NOTHING,
        ),
        (f"Model Health - Drift ({len(summary.health):,})", _health(summary.health) or _NOTHING),
        ("Top Retraining Candidates", _queue(summary.queue[:NEWEST]) or _NOTHING),
    ]


def _health(rows: Sequence[Health]) -> Cells:
    return [
        {
            "Store": row["store_id"],
            "Product": row["product_id"],
            "Drift": row["drift_direction"],
            "Latest WAPE": row["latest_wape"],
            "Change of WAPE": row["wape_delta"],
            "Runs": row["run_count"],
        }
        for row in rows
    ]


def _queue(rows: Sequence[Candidate]) -> Cells:
    return [
        {
            "Store": row["store_id"],
            "Product": row["product_id"],
            "Priority": row["priority_score"],
            "Staleness days": row["staleness_days"],
            "WAPE": None if row["wape"] is None else f"{row['wape']:,.1f}",
            "Reason": row["reason"],
        }
        for row in rows
    ]


def _subject(summary: Summary) -> str:
    return f" of {cell(summary.dataset)}" if summary.dataset else ""


def _moment(at: dt.datetime | None) -> str:
    return "-" if at is None else at.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M UTC")


def _html_table(rows: Cells) -> str:
    head = "".join(f"<th>{_safe(name)}</th>" for name in rows[0])
    lines = [
        "<tr>" + "".join(f"<td>{_plain(value)}</td>" for value in row.values()) + "</tr>" for row in rows
    ]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>"


def _plain(value: object) -> str:
    if value is None:
        return "-"
    return _safe(f"{value:,.2f}" if isinstance(value, float) else value)


def _safe(value: object) -> str:
    return html.escape(str(value), quote=True)
