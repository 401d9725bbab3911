"""Each module measures Weft and its baseline side by side and prints a ratio; `make bench` runs them all."""
