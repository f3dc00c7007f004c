"""The garment on that body, and the layers of the picture."""
