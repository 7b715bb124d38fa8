# Types for the compiled form of blocks.py, which plain Python never sees: same source, same pages, less time.

import cython

cdef Py_ssize_t _MAX_NAME
cdef int _BOX, _MARKUP, _BREAK, _SILENT, _CARE

cdef class _Target:
    cdef str truncated, gap, language
    cdef Py_ssize_t max_depth, max_elements, max_blocks, max_attributes, max_text
    cdef Py_ssize_t unscripted, current, depth, total, length, leaf, linked, link_count, last_link, link_end, silent, hiding, pre, svg
    cdef frozenset silent_tags
    cdef dict flattened, hrefs
    cdef list tags, parents, names, first, last
    cdef list overflow
    cdef list texts, elements, leaves, hidden, link_chars, link_counts, spans
    cdef list pieces, boxes, open_links, open_markup, markup_starts
    cdef set open_kinds
    cdef list captured, title, meta, rel_links, microdata, times, json_ld, islands, scripts

    cpdef start(self, str tag, attributes)
    @cython.locals(index=Py_ssize_t, names=str)
    cdef begin(self, str tag, int kind, dict attributes, str look, str href)
    @cython.locals(index=Py_ssize_t)
    cpdef end(self, str tag, int kind=*)
    @cython.locals(piece=str, before=str, after=str)
    cpdef data(self, str text)
    cdef write(self, str piece, str before, str after)
    cpdef close(self)

    cdef _open_markup(self, str tag, Py_ssize_t index)
    cdef _start_flat(self, str tag)
    cdef _end_flat(self, str tag)
    cdef _start_silent(self, str tag, attributes, Py_ssize_t index)
    @cython.locals(element=Py_ssize_t)
    cdef bint _close_until(self, str tag) except -1
    @cython.locals(index=Py_ssize_t, start=Py_ssize_t, tag=str)
    cdef _close(self)
    cdef _break(self)
    cdef _flush(self)
    @cython.locals(block=Py_ssize_t, at=Py_ssize_t, start=Py_ssize_t)
    cdef _add_block(self, str text)
    @cython.locals(values=list, names=str)
    cdef str _read_attributes(self, str tag, dict attributes, Py_ssize_t index)
    @cython.locals(name=str)
    cdef _read_fact(self, str tag, dict attributes, Py_ssize_t index)
    cdef list _script(self, attributes)
    cpdef page(self)

@cython.locals(style=str)
cdef bint _hides(dict attributes) except -1

@cython.locals(target=_Target)
cdef _Target _parse(html, limits, frozenset silent_tags)
