"""The user's own images: found in many formats, brought into one form, divided and prepared."""
