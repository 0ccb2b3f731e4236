"""Prefect, and only here: when steps run, and how often they are tried again. No clinical logic, no patient data."""
