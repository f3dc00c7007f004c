"""Trainers of the embedded weights and of garment LoRAs."""
