"""What comes between two nights: taken in, and the patients whom it touches brought up to date."""
