"""From layers and what was painted to the finished picture, and its scores."""
