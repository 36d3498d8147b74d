"""What the pictures of the documents show, written down beside them, so that a stale one is refused.

Belongs here: the words of a page that are the same on every machine, and those that a picture was taken of.
Does not belong here: the pages (``browser``) and the code behind them.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import dagster as dg

FOLDER = Path(__file__).parents[1] / "docs" / "images"
_PAGES = "pages.json"
# Names of rows and columns, with the two values that a caption speaks of; lines of pages without tables.
_WORDS = """() => {
  const words = [...document.querySelectorAll("th")].map(cell => cell.innerText);
  for (const row of document.querySelectorAll("tr")) {
    if (row.parentElement.closest("td") || row.cells.length < 2 || row.querySelector(":scope > th")) continue;
    const [name, value] = [row.cells[0].innerText.trim(), row.cells[1].innerText.trim()];
    words.push(["champion", "outcome"].includes(name) ? `${name}: ${value}` : name);
  }
  return words.length ? words : document.body.innerText.split("\\n");
}"""
# What a Launchpad says on and off.
_PASSING = {"Checking config..."}
# The names of the columns stand above a rule.
_HEAD = re.compile(r"^\|(.*)\|\n\| *-", re.MULTILINE)


def words_of(page: Any) -> list[str]:
    """What a page of Dagit shows in Chromium: no figures, times and ids, which no two runs share."""
    return [word for word in without_figures(page.evaluate(_WORDS)) if word not in _PASSING]


def words_of_metadata(metadata: Mapping[str, dg.MetadataValue]) -> list[str]:
    """What Dagit shows of a materialization: its metadata by name, and the columns of its tables.

    The two values of a caption are left out: other sales have others.
    """
    words = list(metadata)
    for value in metadata.values():
        if isinstance(value, dg.TableMetadataValue):
            words += [column.name for column in value.schema.columns]
        if isinstance(value, dg.MarkdownMetadataValue):
            words += [name for row in _HEAD.findall(value.value) for name in row.split("|")]
    return without_figures(words)


def without_figures(words: Iterable[str]) -> list[str]:
    """Words in order, each once; those with a digit may differ from run to run."""
    stripped = {word.replace("\u200b", "").strip() for word in words}
    return sorted(word for word in stripped if word and not any(letter.isdigit() for letter in word))


def names_stored(picture: str) -> list[str]:
    """The words of a picture without the values of its caption."""
    words = [word.partition(": ")[0] for word in stored()[picture]["words"]]
    return sorted(set(words))


def stored(folder: Path = FOLDER) -> dict[str, dict[str, Any]]:
    """By picture: ``words`` that its page showed, and ``sha256`` of the picture that was taken then."""
    file = folder / _PAGES
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def take(page: Any, name: str, folder: Path) -> None:
    """Take the picture of a page into ``folder``, and write down what it shows."""
    pages, picture = stored(folder), page.screenshot(path=folder / f"{name}.png")
    pages[name] = {"sha256": digest(picture), "words": words_of(page)}
    text = json.dumps(pages, indent=1, sort_keys=True, ensure_ascii=False)
    (folder / _PAGES).write_text(f"{text}\n", encoding="utf-8")


def digest(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()
