"""What a trained network sees: feature maps, filters and what they respond to."""
