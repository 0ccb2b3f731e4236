"""The versions of delivered rows, under the number that their patient goes on under."""
