"""One delivery, one night, one analysis, as plain functions: the only place that joins the edges. No Prefect here."""
