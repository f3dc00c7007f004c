"""What attaches to a base model, and detaches from it without a trace."""
