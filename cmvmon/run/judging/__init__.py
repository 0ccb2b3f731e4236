"""One assessment of a site, gated and recorded."""
