"""What scripts/bench.py measures with: a fake cloud, a load generator, the programs under test, and the table."""
