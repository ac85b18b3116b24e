"""What each datapath costs at equal fidelity, side by side.

    python -m lmu_hw.experiments.comparison

For each order the input reaches order/8 cycles per window, and every datapath gets the least words with which
the decoded window stays within the target of the ideal memory's: see `lmu_hw.fixed_point.search`.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import click

from lmu_hw.cli.output import answer, format_number, grid, progress
from lmu_hw.core.spec import LMUSpec
from lmu_hw.experiments.start import command
from lmu_hw.fixed_point.fidelity import Band
from lmu_hw.fixed_point.search import Candidate, search

CASES = {6: 1000.0, 32: 2000.0, 100: 10_000.0, 256: 10_000.0}
"""Order and window in steps."""

_HEADS = ["rule", "datapath", "multiplications", "state bits", "operand × coefficient", "storage", "NRMSE"]


@click.command(context_settings={"show_default": True})
@click.option("--order", "orders", multiple=True, type=int, help="One of 6, 32, 100, 256; all by default.")
@click.option("--target-nrmse", default=1e-3, help="Deviation of the decoded window from the ideal memory's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def main(orders: tuple[int, ...], target_nrmse: float, as_json: bool) -> None:
    """Print multiplications and bits of every datapath at equal fidelity."""
    cases = {order: CASES[order] for order in CASES if not orders or order in orders}
    result: dict[str, Any] = {"target_nrmse": target_nrmse, "orders": {}}
    tables = []
    with progress() as bar:
        task = bar.add_task("weigh", total=None)

        def tell(order: int, name: str) -> None:
            bar.update(task, description=f"order {order}: {name}")

        for order, ratio in cases.items():
            found = search(
                LMUSpec(order, ratio, 1.0),
                Band(order / (8.0 * ratio)),
                structured_error=0.3 * target_nrmse,
                told=partial(tell, order),
            )
            rows, described = [], []
            for (rule, datapath), group in found.by_datapath.items():
                good = [each for each in group if each.nrmse <= target_nrmse]
                best = good[0] if good else min(group, key=lambda each: each.nrmse)
                described.append(_described(best, reached=bool(good)))
                rows.append(
                    _row(best)
                    if good
                    else (str(rule), str(datapath), *["–"] * 4, f"{format_number(best.nrmse)} at best")
                )
            rows += [(name, "", *["–"] * 4, why) for name, why in found.refused.items()]
            result["orders"][str(order)] = {"theta_over_dt": ratio, "designs": described, "left_out": found.refused}
            tables.append(
                grid(
                    f"Order {order}, θ/dt = {ratio:g}, to {order / 8:g} cycles per window",
                    _HEADS,
                    rows,
                    right=range(2, 7),
                )
            )
    answer(result, tables, as_json=as_json)


def _row(each: Candidate) -> tuple[str, ...]:
    return (
        str(each.discretization),
        str(each.datapath),
        str(each.multiplications),
        str(each.state_bits),
        f"{each.operand_bits} × {each.coefficient_bits}",
        str(each.storage_bits),
        format_number(each.nrmse),
    )


def _described(each: Candidate, *, reached: bool) -> dict[str, Any]:
    return {
        "discretization": str(each.discretization),
        "datapath": str(each.datapath),
        "reached": reached,
        "multiplications_per_sample": each.multiplications,
        "state_bits": each.state_bits,
        "operand_bits": each.operand_bits,
        "coefficient_bits": each.coefficient_bits,
        "storage_bits": each.storage_bits,
        "nrmse": each.nrmse,
    }


if __name__ == "__main__":
    command(main)
