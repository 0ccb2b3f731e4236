"""What `doctor`, `status` and `metrics` say of an installation and a site. Nothing is written."""
