"""Reports: one file each, `render(decision) -> str`, from a decision alone."""
