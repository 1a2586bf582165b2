"""The stages of a deal, in order: whether one is won is its forecast type, never its (renameable) name."""

from dataclasses import dataclass

LAYOUT_PIPELINE = "Standard (Standard)"


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage: `display` is what people see, `actual` what is stored, `probability` is in per cent."""

    display: str
    actual: str
    probability: int
    forecast_type: str
    category: str
    colour: str

    @property
    def is_open(self) -> bool:
        return self.forecast_type == "Open"


STAGES = (
    Stage("Qualification", "Qualification", 10, "Open", "Pipeline", "#c4f0b3"),
    Stage("Needs Analysis", "Needs Analysis", 20, "Open", "Pipeline", "#dceb85"),
    Stage("Value Proposition", "Value Proposition", 40, "Open", "Pipeline", "#ffeb85"),
    Stage("Identify Decision Makers", "Id. Decision Makers", 60, "Open", "Pipeline", "#fed49e"),
    Stage("Proposal/Price Quote", "Proposal/Price Quote", 75, "Open", "Pipeline", "#f8c8b0"),
    Stage("Negotiation/Review", "Negotiation/Review", 90, "Open", "Best Case", "#e9b7f7"),
    Stage("Closed Won", "Closed Won", 100, "Closed Won", "Closed", "#25b52a"),
    Stage("Closed Lost", "Closed Lost", 0, "Closed Lost", "Omitted", "#eb4d4d"),
    Stage("Closed-Lost to Competition", "Closed Lost to Competition", 0, "Closed Lost", "Omitted", "#af38fa"),
)
CATEGORY_IDS = {"Pipeline": 6787, "Best Case": 6788, "Closed": 6789, "Omitted": 6791}


def stage_of(actual: str) -> Stage | None:
    """The stage whose stored value is `actual`; the display value is accepted too, as the CRM does."""
    return next((stage for stage in STAGES if actual in (stage.actual, stage.display)), None)
