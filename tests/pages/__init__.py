"""Tests of the pages: in a browser, and of what they are made from."""
