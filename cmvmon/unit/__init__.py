"""CMV on the unit over time: incidence, response, clearance and alerts, as numbers. Pure: no store, no clock, no words."""
