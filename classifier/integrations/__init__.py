"""Doors into frameworks that crawl and that process crawls. Each module needs the package whose name it carries."""
