"""The parts of mutants.py: which changes there are, how one is made in a running process, which tests it concerns."""
