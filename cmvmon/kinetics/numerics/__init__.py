"""Numbers that know nothing of CMV: the normal distribution, its mixtures, ranks, shares, incidences. How kernels are compiled."""
