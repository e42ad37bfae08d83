"""What a study keeps: one SQLite file and a folder of safetensors."""
