"""The folder of a site: its files, what lies in drop/, what landed."""
