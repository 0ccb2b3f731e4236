"""Data contracts in the open standard (ODCS), and the gate that holds a table to them. Great Expectations and pandas
are imported only here, and only when a table is judged."""
