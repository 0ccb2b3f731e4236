"""An assessment as pages: views are filled here, and written whole in every language."""
