"""How often a random split tests what it trained on: twins across the parts of the classic set.

balajisrinivas-3833, split 80 to 20 with states in proportion, for five seeds: once at random, as
the classic projects do, once with near duplicates kept together (`maskwatch data split`). A test
picture has a twin where one in the training part has equal bytes, or a perceptual hash that differs
in at most 6 of 64 bits, mirrored or not.

    scripts/bench leaks
"""

import numpy as np
import typer
from kit.detection import DATA
from kit.report import Row, save, show

from maskwatch.data.check import leaks_of
from maskwatch.data.duplicates import TwinsWithin
from maskwatch.data.facts import facts_of
from maskwatch.data.formats import read_set
from maskwatch.data.groups import groups_of
from maskwatch.data.split import Shares, split_groups

_SET = "balajisrinivas-3833"
_SEEDS = range(42, 47)


def main() -> None:
    """Measure, show, keep."""
    pictures = read_set(DATA / _SET).pictures
    twins = TwinsWithin(list(facts_of([picture.path for picture in pictures])))
    wanted = Shares(val=0, test=0.2).wanted
    rows: list[Row] = []
    for name, groups in (
        ("at random", np.arange(len(pictures))),
        ("near duplicates together", groups_of(len(pictures), twins)),
    ):
        for seed in _SEEDS:
            leak = leaks_of(split_groups(pictures, groups, wanted, seed), twins)["test"]
            share = (leak["exact"] + leak["near"]) / leak["pictures"]
            row: Row = {"split": name, "seed": seed, "share with a twin": share}
            rows.append(row | {key: leak[key] for key in ("pictures", "exact", "near")})
    show(_SET, rows)
    save("leaks", rows)


if __name__ == "__main__":
    typer.run(main)
