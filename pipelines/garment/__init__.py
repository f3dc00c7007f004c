"""What is in the garment photo: cut-out, what it is, placement, atlas."""
