"""Figures beside their targets, as tables for a terminal or for a page."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

Row = Sequence[str]


@dataclass(frozen=True, slots=True)
class Target:
    """What a figure must reach: ``Target(150, "<=", "{:.0f} MB")``."""

    value: float
    sign: str  # "<=" or ">="
    form: str = "{:.2f}"

    def judge(self, figure: float) -> str:
        """Return the target in words and whether it is met."""
        met = figure <= self.value if self.sign == "<=" else figure >= self.value
        sign = {"<=": "≤", ">=": "≥"}[self.sign]
        return f"{sign} {self.form.format(self.value)} {'met' if met else 'MISSED'}"


@dataclass(frozen=True, slots=True)
class Table:
    """One table of a report."""

    title: str
    head: Row
    rows: Sequence[Row]
    note: str = ""


def percentile(values: Iterable[float], share: float, missing: int = 0) -> float:
    """Return a percentile; what never came counts as infinitely late."""
    ordered = [*sorted(values), *[float("inf")] * missing]
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


def seconds(value: float) -> str:
    """Write a wait."""
    return "never" if value == float("inf") else f"{value:.3f} s"


def show(table: Table, *, markdown: bool) -> str:
    """Lay a table out."""
    return _markdown(table) if markdown else _plain(table)


def _markdown(table: Table) -> str:
    lines = [f"### {table.title}", "", _line(table.head), _line(["---"] * len(table.head))]
    lines += [_line(row) for row in table.rows]
    return "\n".join([*lines, "", *([table.note, ""] if table.note else [])])


def _line(cells: Row) -> str:
    return f"| {' | '.join(cells)} |"


def _plain(table: Table) -> str:
    rows = [table.head, *table.rows]
    widths = [max(len(row[n]) for row in rows) for n in range(len(table.head))]
    pad: Callable[[Row], str] = lambda row: "  ".join(  # noqa: E731
        cell.ljust(width) for cell, width in zip(row, widths, strict=True)
    ).rstrip()
    lines = [table.title, "-" * len(table.title), *(pad(row) for row in rows)]
    return "\n".join([*lines, *([table.note] if table.note else []), ""])
