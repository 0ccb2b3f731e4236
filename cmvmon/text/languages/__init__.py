"""One file per language, named by its two-letter code. To add a language, add its file: nothing else names it."""
