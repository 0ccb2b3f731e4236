"""Specs of the unit's numbers: small tables with the answer worked by hand."""
