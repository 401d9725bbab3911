"""Files of other tools, read by their public description, without those tools."""
