"""Filters (RFC 7644, 3.4.2.2) as conditions of the database.

What has a column is decided there wholly. What stands in the JSON of a user is only narrowed there: a sound condition
that never leaves out what fits; each of what is left is then looked at, up to a bound (`listing.py`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Q, TextField, Value
from django.db.models.functions import Cast, Lower
from django.db.models.lookups import (
    Exact,
    GreaterThan,
    GreaterThanOrEqual,
    IContains,
    LessThan,
    LessThanOrEqual,
)
from scim2_models import InvalidFilterException, ScimFilter
from scim2_models.path import (
    AttributeBinding,
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
    coerce_value,
)

from portal.scim.bodies import check_text
from portal.scim.columns import (
    Column,
    Constant,
    Flag,
    Identifier,
    Moment,
    Related,
    Text,
    by_code_point,
    name_of,
)

MOST_CHARACTERS = 4096
MOST_TERMS = 60
ALL = Q()
NONE = Q(pk__in=[])
Op = CompareOperator
ORDERED: Mapping[CompareOperator, Any] = {
    Op.gt: GreaterThan,
    Op.ge: GreaterThanOrEqual,
    Op.lt: LessThan,
    Op.le: LessThanOrEqual,
}
LIKE = {Op.co: "contains", Op.sw: "startswith", Op.ew: "endswith"}


@dataclass(frozen=True, slots=True)
class Found:
    """A condition; `exact`: it is the filter itself. Otherwise it lets through all that fit, and others."""

    where: Q
    exact: bool = True


def condition(filter_: ScimFilter[Any], columns: Mapping[str, Column]) -> Found:
    """Return the condition of a filter that is bound to one model.

    Raises:
        InvalidFilterException: too long, too many comparisons, or one of members that can't be decided.
    """
    if len(filter_) > MOST_CHARACTERS:
        raise InvalidFilterException(detail=f"A filter has at most {MOST_CHARACTERS} characters.")
    check_text(str(filter_), "invalidFilter")
    narrowing = _Narrowing(filter_, columns)
    found = narrowing.visit(filter_.ast)
    if not found.exact and narrowing.names_members:
        raise InvalidFilterException(detail="A filter of members goes with none of this attribute.")
    return found


class _Narrowing(FilterVisitor[Found]):
    """Walks a filter, one node at a time; `names_members`: it asked for a group's members."""

    def __init__(self, filter_: ScimFilter[Any], columns: Mapping[str, Column]) -> None:
        self.filter = filter_
        self.columns = columns
        self.terms = 0
        self.names_members = False

    def visit_logical_expr(self, node: LogicalExpr) -> Found:
        terms = [self.visit(term) for term in node.terms]
        exact = all(term.exact for term in terms)
        where = terms[0].where
        for term in terms[1:]:
            where = _either(where, term.where) if node.op == LogicalOperator.or_ else where & term.where
        return Found(where, exact)

    def visit_not(self, node: Not) -> Found:
        inner = self.visit(node.expr)
        if not inner.exact:
            return Found(ALL, exact=False)
        return Found(NONE if inner.where == ALL else ~inner.where)

    def visit_present(self, node: Present) -> Found:
        self._count()
        binding = self.filter.resolve(node.attr_path, strict=False)
        if binding is None:
            return Found(NONE)
        column = self._column(binding)
        if isinstance(column, Related):
            return Found(column.having(None))
        if isinstance(column, Text) and column.optional:
            return Found(~Q(**{column.column: ""}))
        return Found(ALL, exact=column is not None or name_of(binding) in {"meta", "schemas"})

    def visit_comparison(self, node: Comparison) -> Found:
        self._count()
        binding = self.filter.resolve_comparison(node.attr_path, strict=False)
        if binding is None:
            return Found(NONE)
        value = coerce_value(binding, node.value, node.op)
        if isinstance(value, str):
            check_text(value, "invalidFilter")
        column = self._column(binding)
        if column is None:
            return Found(_mentions(value, node.op) if _is_kept(binding) else ALL, exact=False)
        return _compared(column, node.op, value)

    def visit_value_path(self, node: ValuePath) -> Found:
        binding = self.filter.resolve(node.attr_path, strict=False)
        if binding is None:
            return Found(NONE)
        column = self.columns.get(f"{name_of(binding)}.value")
        if isinstance(column, Related):
            self._column(binding)
            return self._related(column, node.val_filter)
        return self._inside(node.val_filter, kept=_is_kept(binding))

    def _related(self, column: Related, node: FilterNode) -> Found:
        """Return which have a member, or a group, that fits: by its id alone."""
        if isinstance(node, LogicalExpr) and node.op == LogicalOperator.or_:
            terms = [self._related(column, term) for term in node.terms]
            where = terms[0].where
            for term in terms[1:]:
                where = _either(where, term.where)
            return Found(where, exact=all(term.exact for term in terms))
        self._count()
        if isinstance(node, Comparison) and node.op == Op.eq and _is(node.attr_path, "value"):
            return Found(_having(column, node.value))
        return Found(ALL, exact=False)

    def _inside(self, node: FilterNode, *, kept: bool) -> Found:
        """Return which may have an entry that fits."""
        if isinstance(node, LogicalExpr):
            terms = [self._inside(term, kept=kept) for term in node.terms]
            where = terms[0].where
            for term in terms[1:]:
                where = _either(where, term.where) if node.op == LogicalOperator.or_ else where & term.where
            return Found(where, exact=False)
        self._count()
        if isinstance(node, Comparison) and isinstance(node.value, str):
            check_text(node.value, "invalidFilter")
        told = isinstance(node, Comparison) and kept
        return Found(_mentions(node.value, node.op) if told else ALL, exact=False)  # type: ignore[attr-defined]  # told

    def _column(self, binding: AttributeBinding) -> Column | None:
        name = name_of(binding)
        if name.partition(".")[0] == "members":
            self.names_members = True
        return self.columns.get(name)

    def _count(self) -> None:
        self.terms += 1
        if self.terms > MOST_TERMS:
            raise InvalidFilterException(detail=f"A filter has at most {MOST_TERMS} comparisons.")


def _compared(column: Column, op: CompareOperator, value: Any) -> Found:
    if isinstance(column, Text):
        return _compared_text(column, op, value)
    if isinstance(column, Identifier):
        return (
            Found(_equal(_identified(column, value), op)) if op in {Op.eq, Op.ne} else Found(ALL, exact=False)
        )
    if isinstance(column, Constant):
        same = ALL if isinstance(value, str) and value.lower() == column.value.lower() else NONE
        return Found(_equal(same, op)) if op in {Op.eq, Op.ne} else Found(ALL, exact=False)
    if isinstance(column, Related):
        return Found(_equal(_having(column, value), op)) if op in {Op.eq, Op.ne} else Found(ALL, exact=False)
    return Found(_compared_plain(column, op, value))


def _compared_plain(column: Flag | Moment, op: CompareOperator, value: Any) -> Q:
    """Compare a truth value or a moment, of which there always is one."""
    if value is None or op in LIKE:
        return ALL if op == Op.ne else NONE
    if isinstance(value, datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=UTC)
    suffix = {Op.gt: "__gt", Op.ge: "__gte", Op.lt: "__lt", Op.le: "__lte"}.get(op, "")
    return _equal(Q(**{f"{column.column}{suffix}": value}), Op.ne if op == Op.ne else Op.eq)


def _compared_text(column: Text, op: CompareOperator, value: Any) -> Found:
    empty = Q(**{column.column: ""})
    if value is None:
        return Found(_equal(empty if column.optional else NONE, op)) if op in {Op.eq, Op.ne} else Found(NONE)
    if not isinstance(value, str):
        return Found(NONE)
    there = ~empty if column.optional else ALL
    if op in LIKE:
        # SQLite's LIKE knows no case: what must be exact is looked at once more.
        return Found(Q(**{f"{column.column}__i{LIKE[op]}": value}) & there, exact=not column.exact)
    told = Cast(column.column, TextField()) if column.exact else Lower(column.column)
    wanted = Value(value) if column.exact else Lower(Value(value))
    if op in ORDERED:
        return Found(Q(ORDERED[op](by_code_point(told), wanted)) & there)
    same = NONE if column.optional and not value else Q(Exact(told, wanted))
    return Found(_equal(same, op))


def _equal(same: Q, op: CompareOperator) -> Q:
    if op == Op.eq:
        return same
    return NONE if same == ALL else ~same


def _identified(column: Identifier, value: Any) -> Q:
    found = _id(value)
    return NONE if found is None else Q(**{column.column: found})


def _having(column: Related, value: Any) -> Q:
    found = _id(value)
    return NONE if found is None else column.having(found)


def _id(value: Any) -> UUID | None:
    """Return the id that is written exactly so: letters' case counts (RFC 7643, 3.1)."""
    try:
        found = UUID(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if str(found) == value else None


def _either(one: Q, other: Q) -> Q:
    """Return one or the other: Django takes an empty condition for none, not for all."""
    return ALL if ALL in (one, other) else one | other


def _is(path: AttrPath, name: str) -> bool:
    return path.attr.lower() == name and path.sub_attr is None


def _is_kept(binding: AttributeBinding) -> bool:
    """Whether the attribute stands in the user's JSON as it was told."""
    return name_of(binding).partition(".")[0] not in {
        "schemas",
        "meta",
        "id",
        "externalId",
        "groups",
        "members",
    }


def _mentions(value: Any, op: CompareOperator) -> Q:
    """Return which users' JSON has the value in it somewhere: where all of its characters stand there as they are."""
    if op in {Op.ne, *ORDERED} or not isinstance(value, str):
        return ALL
    if not (value.isascii() and value.isprintable()) or '"' in value or "\\" in value:
        return ALL
    return Q(IContains(Cast("resource", TextField()), Value(value)))
