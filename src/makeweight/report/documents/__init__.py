"""The report as a text: Markdown, LaTeX and PDF."""
