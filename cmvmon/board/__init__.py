"""The board: a small service over the pages, for whoever may see them. It judges nothing, and keeps an audit row of every view."""
