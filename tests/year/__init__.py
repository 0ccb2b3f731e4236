"""The year of a site: nights of a made-up unit played through the program, held against a plain model of what is true."""
