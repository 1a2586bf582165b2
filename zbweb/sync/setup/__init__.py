"""The five choices: what the wizard offers and keeps, and the mapping made ready for a run."""
