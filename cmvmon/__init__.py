"""cmvmon: cytomegalovirus load under treatment on the ICU, from a laboratory's file to an alert and a page."""

__version__ = "0.1.0"
