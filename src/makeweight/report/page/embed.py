"""What a page holds beside words and drawings, in forms that a page can hold: data and scripts."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from functools import cache
from importlib import resources
from typing import Any

# What could end a <script> or be read as markup, and the two line ends that older JavaScript has in no string.
INERT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


def data(value: Any) -> str:
    """Return JSON that stays data inside ``<script type="application/json">``."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).translate(INERT)


@cache
def plotly() -> tuple[str, str]:
    """Return Plotly's script compressed, as base64, and the hash by which the page's policy lets it run.

    It is 4.8 MB of text. Deflated it takes 2.0 MB in base64, and the page stands before it is inflated.
    """
    script = resources.files("plotly").joinpath("package_data", "plotly.min.js").read_bytes()
    return base64.b64encode(zlib.compress(script, 9)).decode(), script_hash(script)


def script_hash(script: bytes) -> str:
    """Return the source expression of a script for a content security policy."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script).digest()).decode()}'"
