"""Which column of a file plays which role, when its names are not ours.

Belongs here: names in several languages, what counts as the same name, refusing what may be several columns.
Does not belong here: what a role means (``sources.columns``).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from forecast_assets.datasets.sources.columns import Columns, nearest, plain
from forecast_assets.errors import BadSetting, listed

REQUIRED = ("store", "product", "date", "units")
OPTIONAL = ("price", "promo", "holiday", "closed", "open", "stockout")
_MANY = ("known_future", "static")
# English, German, French, Spanish, Italian, Portuguese, Dutch, Polish; the likeliest first.
_WORDS = {
    "store": (
        "storeid store storenbr storeno storenumber storecode storenum shop shopid shopcode outlet outletid "
        "location locationid site siteid branch branchid market plant storename filiale filialnr "
        "filialnummer filialid markt marktnr laden betrieb werk verkaufsstelle magasin boutique "
        "pointdevente tienda sucursal negozio puntovendita loja winkel filiaal vestiging sklep butik "
        "filialname filialbezeichnung"
    ),
    "product": (
        "productid product item itemid itemnbr itemno itemnumber itemcode sku skuid skucode article "
        "articleid stockcode productcode material materialid ean gtin upc uniqueid productname artikel "
        "artikelnr artikelnummer artikelid produkt produktid warennummer produit reference producto "
        "articulo prodotto articolo produto artigo towar indeks artikelbezeichnung artikelname produktname "
        "bezeichnung designation libelle"
    ),
    "date": (
        "date day ds salesdate saledate businessdate orderdate transactiondate invoicedate datetime "
        "timestamp dt datum tag verkaufsdatum belegdatum buchungsdatum jour fecha dia data giorno d "
        "month monat mois mes mese maand miesiac yearmonth monthstart week woche semaine semana settimana kw "
        "kalenderwoche yearweek weekstart weekending period periode"
    ),
    "units": (
        "units unitssold unitsales quantity qty salesqty salesquantity quantitysold soldqty sold sales "
        "demand y menge absatz absatzmenge stuck stueck verkaufsmenge quantite qte ventes cantidad "
        "unidades ventas quantita vendite quantidade vendas aantal ilosc sprzedaz volume"
    ),
}
_FILLING = (
    "id nr no num number numero nummer code codigo codice name nom nombre nome of de di du des der del la el "
    "the sold vendue vendues vendida vendidas vendite verkauft total gross net sale sales start"
)
_FILLERS = frozenset(_FILLING.split())
_RETURNED = (
    "return returns returned retoure retouren retour retours rueckgabe rueckgaben ruckgabe ruckgaben refund "
    "refunds refunded devolucion devoluciones devolucao devolucoes resi reso zwrot zwroty"
)
_RETURN_WORDS = frozenset(_RETURNED.split())
SYNONYMS = {role: tuple(words.split()) for role, words in _WORDS.items()}


@dataclass(slots=True)
class Match:
    """Columns by role. ``guesses`` are roles that only a synonym speaks for, ``missing`` those without."""

    columns: dict[str, object] = field(default_factory=dict)
    guesses: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


def match(header: Sequence[str], declared: Mapping[str, object], *, absent: Sequence[str] = ()) -> Match:
    """Find the column of every role.

    ``declared`` holds the roles that are named already; case and blanks may differ from the file's.
    ``absent`` are roles that no column plays. Raises ``BadSetting`` naming the option of a column that is not
    there.
    """
    matched = Match()
    for role in (*REQUIRED, *OPTIONAL):
        name = declared.get(role)
        if isinstance(name, str):
            matched.columns[role] = _named(header, name, role) if role not in absent else name
    for role in _MANY:
        names = declared.get(role)
        if isinstance(names, (list, tuple)):
            matched.columns[role] = tuple(_named(header, str(name), role) for name in names)
    roles = declared.get("declared")
    if isinstance(roles, Mapping):
        matched.columns["declared"] = {
            _named(header, str(name), "known_future"): one for name, one in roles.items()
        }
    taken = {name for value in matched.columns.values() for name in _names(value)}
    for role in REQUIRED:
        if role in matched.columns or role in absent:
            continue
        column = _synonym([name for name in header if name not in taken], role)
        default = str(Columns.model_fields[role].default)
        if column is None:
            _refuse_second_role(taken, role, default)
            matched.missing.append(role)
            continue
        matched.columns[role] = column
        taken.add(column)
        if plain(column) not in {plain(default), role}:
            matched.guesses[role] = column
    return matched


def _refuse_second_role(taken: set[str], role: str, default: str) -> None:
    other = next((name for name in taken if plain(name) == plain(default)), None)
    if other is not None:
        raise BadSetting(
            f"column {other!r} is given another role, and no other column is recognized as {role}",
            remedy=f"take {other!r} out of its other role, or name the column of {role}: --{role} NAME",
        )


def _names(value: object) -> Sequence[str]:
    return (value,) if isinstance(value, str) else tuple(value) if isinstance(value, tuple) else ()


def _named(header: Sequence[str], name: str, role: str) -> str:
    if name in header:
        return name
    same = [column for column in header if plain(column) == plain(name)]
    if len(same) == 1:
        return same[0]
    option = f"--{role.replace('_', '-')}"
    if same:
        raise BadSetting(
            f"{option} {name!r} may be {listed([repr(column) for column in same])}",
            remedy=f"write {option} exactly as the file does",
        )
    near = nearest(name, header)
    raise BadSetting(
        f"there is no column {name!r} for {option}; "
        f"the file has {listed([repr(column) for column in header])}",
        remedy=f"did you mean {option} {near!r}?" if near else f"name one of them with {option}",
    )


def _synonym(header: Sequence[str], role: str) -> str | None:
    by_plain: dict[str, str] = {}
    for column in header:
        by_plain.setdefault(plain(column), column)
    whole = next((by_plain[name] for name in SYNONYMS[role] if name in by_plain), None)
    return whole or next((column for column in header if _says(column, role)), None)


def _says(column: str, role: str) -> bool:
    """Whether a name of several words has one for ``role`` and else only words without a meaning."""
    words = [plain(word) for word in re.split(r"[\W_]+", column) if word]
    others = [word for word in words if word not in SYNONYMS[role]]
    return 0 < len(others) < len(words) and all(word in _FILLERS for word in others)


def says_returns(column: str) -> bool:
    """Whether a word of a name says that the column holds units that came back."""
    return any(plain(word) in _RETURN_WORDS for word in re.split(r"[\W_]+", column))


def score(cells: Sequence[str], declared: Sequence[str] = ()) -> int:
    """How many required roles the ``cells`` of a row name: a header has more of them than any other row."""
    named = {plain(name) for name in declared}
    roles = sum(_synonym([cell for cell in cells if cell], role) is not None for role in REQUIRED)
    return roles + sum(plain(cell) in named for cell in cells if cell)


def lacking(
    name: str, header: Sequence[str], missing: Sequence[str], hints: Sequence[str] = ()
) -> BadSetting:
    """The refusal of a file without columns for some roles; ``hints`` say what else may be the matter."""
    options = {"store": "--store NAME, or --single-store ID where all rows are one store"}
    options |= {"product": "--product NAME, or --single-product ID where all rows are one product"}
    columns = f"it has {listed([repr(column) for column in header])}" if header else "its first line is empty"
    return BadSetting(
        f"{name}: no column is recognized as {listed(list(missing))}; {columns}",
        remedy="; ".join([*(options.get(role, f"--{role} NAME") for role in missing), *hints]),
    )
