"""Many pages: archives and folders in, shards of records out, with workers that a page may kill.

``records`` says what one page is and what it becomes; the other modules bring pages there and records away.
"""

from classifier.bulk.records import Source, Wanted, lost_record, read_source, record, record_reader

__all__ = ["Source", "Wanted", "lost_record", "read_source", "record", "record_reader"]
