"""Which code computed a result?

Belongs here: one hash over the meaning of the engine's code, so that results of other code are never current.
Does not belong here: the version of the package.
"""

import ast
from collections.abc import Iterator
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path

from forecast_assets.forecasting.core.candidates.own import own_candidates

_CORE = Path(__file__).parent / "core"
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return 12 hex characters over what every module of ``core`` does, and every candidate of one's own."""
    version = version_of(_CORE)
    sources = sorted({one.source for one in own_candidates().values()})
    if not sources:
        return version
    meanings = "".join(meaning(path.read_text(encoding="utf-8")) for path in sources)
    return blake2b(f"{version}{meanings}".encode(), digest_size=6).hexdigest()


def version_of(folder: Path) -> str:
    """Return 12 hex characters over the names and the ``meaning`` of all modules in ``folder``."""
    digest = blake2b(digest_size=6)
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(meaning(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()


def meaning(source: str) -> str:
    """Return the parsed code of a module as text that only differs where the code may compute something else.

    Comments, formatting, docstrings, ``if TYPE_CHECKING`` and annotations leave no trace, except those in the
    body of a class: they are the fields of a dataclass. The text is the same for every release of Python, of
    which newer ones add empty fields to their trees.
    """
    parts: list[str] = []
    _write(ast.parse(source), parts, in_class=False)
    return "".join(parts)


def _write(node: object, parts: list[str], *, in_class: bool) -> None:
    """Add the text of a ``node``; generators within generators would take three times as long."""
    if isinstance(node, list):
        for part in node:
            _write(part, parts, in_class=in_class)
    elif not isinstance(node, ast.AST):
        parts.append(f"{node!r},")
    elif not _says_nothing(node, in_class=in_class):
        is_plain = isinstance(node, ast.AnnAssign) and not in_class
        inside = _is_class(node) or (in_class and not _is_function(node))
        parts.append(f"{'Assign' if is_plain else type(node).__name__}(")
        for name, value in _fields(node, in_class=in_class):
            parts.append(f"{'targets' if is_plain and name == 'target' else name}=")
            _write(value, parts, in_class=inside)
        parts.append(")")


def _fields(node: ast.AST, *, in_class: bool) -> Iterator[tuple[str, object]]:
    for name, value in ast.iter_fields(node):
        is_annotation = name in {"annotation", "returns"} and not (
            in_class and isinstance(node, ast.AnnAssign)
        )
        if is_annotation or name in {"type_comment", "kind", "simple"}:
            continue
        if (
            name == "body"
            and isinstance(node, _DOCUMENTED)
            and ast.get_docstring(node, clean=False) is not None
        ):
            yield name, value[1:]
        elif isinstance(node, ast.Constant) or (value is not None and value != []):
            yield name, value


def _says_nothing(node: ast.AST, *, in_class: bool) -> bool:
    """Whether a statement is there for readers and type checkers only."""
    if isinstance(node, ast.If):
        return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"} and not node.orelse
    return isinstance(node, ast.AnnAssign) and not in_class and node.value is None


def _is_class(node: ast.AST) -> bool:
    return isinstance(node, ast.ClassDef)


def _is_function(node: ast.AST) -> bool:
    return isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
