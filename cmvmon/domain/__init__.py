"""The words: columns, row types, compartments, series, errors. Imports nothing of ours."""
