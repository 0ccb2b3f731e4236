"""Prefect, and only here: when steps run, how often they are tried again, one at a time. No clinical logic, no patient data."""
