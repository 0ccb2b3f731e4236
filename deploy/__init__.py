"""What sets cmvmon up elsewhere: an offline bundle, services, a container. Not part of the package."""
