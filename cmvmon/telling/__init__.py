"""Telling a person: who is told what and when, and in which words. Pure: nothing here sends, stores or reads the clock."""
