"""What every kernel is given: results as limits, arrays, and the codes that stand for words."""
