"""Numbers that know nothing of CMV: the normal distribution, mixtures of it, ranks and shares. How kernels are compiled."""
