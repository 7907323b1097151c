"""The site: results as pages that open from `file://`, an index with every board and a page per entry."""

from benchmark.site.build import build_site, index_path

__all__ = ["build_site", "index_path"]
