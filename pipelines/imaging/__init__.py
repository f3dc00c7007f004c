"""Plain operations on arrays, which know nothing of people or garments."""
