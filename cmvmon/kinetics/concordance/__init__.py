"""Whether blood follows another compartment: pairs of samples, their statistics, the table."""
