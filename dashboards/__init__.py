"""The pages: frames in, HTML text out. Plotly lives only here; nothing here reads a store, a clock or a site's files."""
