"""How much one result scatters: as it is in use, and as results show it."""
