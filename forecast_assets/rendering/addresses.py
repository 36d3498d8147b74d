"""Where Dagit's own pages are, as Dagit shows them: by their path, so that they follow whatever port it has.

Belongs here: links between pages of one Dagit.
Does not belong here: links that leave it, in exports and alerts (``settings``).
"""

from urllib.parse import urlsplit

from forecast_assets.settings import settings


def own_page(path: str) -> str:
    """Return the link to a page of Dagit; ``path`` begins with a slash."""
    return urlsplit(settings().dagit_pages).path + path


def by_path(text: str) -> str:
    """Return ``text`` with its links to Dagit as links within it."""
    where = urlsplit(settings().dagit_pages)
    return text.replace(f"{where.scheme}://{where.netloc}/", "/")
