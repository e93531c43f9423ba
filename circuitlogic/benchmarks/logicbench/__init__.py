"""LogicBench: gates planted in sparse features, and how well readers of gates find them again."""
