"""What analysts run: tables in, tables out, fits, calibration, simulation. No ward, no schedule, no Prefect."""
