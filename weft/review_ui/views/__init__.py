"""The pages, one module each; every one has a function ``page`` that draws it."""
