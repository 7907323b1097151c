"""Pages: self-contained HTML files, complete from `file://`, that treat every text they show as untrusted."""

from benchmark.pages.rendering import Data, render

__all__ = ["Data", "render"]
