"""The companies that enrichment knows: invented, and the same in each run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Company:
    """A company; texts are in small letters, as People Data Labs keeps them."""

    domain: str
    name: str
    industry: str
    employees: int
    founded: int
    locality: str
    region: str
    country: str
    continent: str

    @property
    def slug(self) -> str:
        """The name in the addresses of its profiles."""
        return self.domain.partition(".")[0]

    @property
    def size(self) -> str:
        """The range that the number of people falls into (People Data Labs, "Company Schema", size)."""
        for most, text in SIZES:
            if self.employees <= most:
                return text
        return "10001+"


SIZES = (
    (10, "1-10"),
    (50, "11-50"),
    (200, "51-200"),
    (500, "201-500"),
    (1_000, "501-1000"),
    (5_000, "1001-5000"),
    (10_000, "5001-10000"),
)
COMPANIES = {
    company.domain: company
    for company in (
        Company("brightwater.example", "brightwater logistics", "logistics and supply chain", 180, 2004,
                "hamburg", "hamburg", "germany", "europe"),
        Company("alpinerobotics.example", "alpine robotics", "industrial automation", 95, 2015,
                "zurich", "zurich", "switzerland", "europe"),
        Company("cedarvale.example", "cedar & vale", "financial services", 420, 1988,
                "leeds", "england", "united kingdom", "europe"),
        Company("lumen-analytics.example", "lumen analytics", "computer software", 64, 2018,
                "austin", "texas", "united states", "north america"),
        Company("pampas.example", "pampas energía", "renewables & environment", 1200, 1999,
                "buenos aires", "buenos aires", "argentina", "south america"),
        Company("harbourhealth.example", "harbour health", "hospital & health care", 75, 2011,
                "sydney", "new south wales", "australia", "oceania"),
        Company("kitsune.example", "kitsune games", "computer games", 30, 2016,
                "kyoto", "kyoto", "japan", "asia"),
        Company("mistralfoods.example", "mistral foods", "food production", 210, 1975,
                "lyon", "auvergne-rhône-alpes", "france", "europe"),
        Company("analytical.example", "analytical engines", "computer hardware", 12, 1837,
                "london", "england", "united kingdom", "europe"),
        Company("northlight.example", "northlight", "computer software", 9, 2020,
                "berlin", "berlin", "germany", "europe"),
    )
}  # fmt: skip
