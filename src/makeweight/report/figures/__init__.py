"""Every figure of a report, drawn with matplotlib."""
