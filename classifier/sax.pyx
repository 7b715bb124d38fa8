# cython: language_level=3, annotation_typing=False
"""libxml2's events straight into the compiled target of blocks.py: no Python call a tag, no object for what is not read.

lxml's wheels bring their own libxml2 and export its functions. This module asks that very parser, set up as lxml's
target interface sets it up, to call C functions instead, so that the events are the same, one for one. Where the
functions are not exported, or the version is none that was compared page by page, importing this raises ImportError
and lxml's interface serves.

Two facts of libxml2's binary interface are relied on, which have held since 2.6: the layout of ``xmlSAXHandler``, and
that a parser's context begins with its handler, its user data and its document.
"""

import ctypes

from cpython.unicode cimport PyUnicode_AsUTF8AndSize, PyUnicode_DecodeUTF8
from libc.string cimport memcmp, memset, strlen
from lxml import etree

from classifier.blocks cimport _Target

from classifier.blocks import FACT_TAGS, NAME_ATTRIBUTES

COMPARED = ((2, 14, 0), (2, 15, 0))
"""Versions of libxml2, from and below, on which both ways were compared."""

cdef enum:
    MAGIC = 0xDEEDBEAF
    UTF_8 = 1
    OPTIONS = 1 | 1 << 11 | 1 << 16 | 1 << 19  # recover, no network, compact, huge: as lxml's HTMLParser has them
    MOST = 1 << 30  # bytes of one call; libxml2 counts in int
    SHORT = 4096  # characters of text that are looked at in C
    FIRST = 4  # bytes by which the parser is opened, as in lxml


cdef struct Handler:
    void* internal_subset
    (void*)[10] unused
    void* set_document_locator
    void* start_document
    void* end_document
    void (*start_element)(void*, const char*, const char**) noexcept
    void (*end_element)(void*, const char*) noexcept
    void* reference
    void (*characters)(void*, const char*, int) noexcept
    (void*)[4] no_space_no_instructions_no_comments_no_warnings
    (void*)[3] no_errors_no_parameters
    void (*cdata_block)(void*, const char*, int) noexcept
    void* external_subset
    unsigned int initialized
    void* private
    void* start_element_ns
    void* end_element_ns
    void (*structured_error)(void*, const void*) noexcept


cdef struct Context:  # its beginning
    Handler* handler
    void* user_data
    void* document


ctypedef Context* (*create_function)(Handler*, void*, const char*, int, const char*, int)
ctypedef int (*options_function)(Context*, int)
ctypedef int (*parse_function)(Context*, const char*, int, int)
ctypedef void (*free_function)(void*)


cdef size_t _address(library, str name) except 0:
    try:
        return ctypes.cast(getattr(library, name), ctypes.c_void_p).value
    except AttributeError:
        raise ImportError(f"lxml's libxml2 does not export {name}") from None


if not COMPARED[0] <= etree.LIBXML_VERSION < COMPARED[1]:
    raise ImportError(f"libxml2 {etree.LIBXML_VERSION} was not compared with lxml's own interface")
_library = ctypes.CDLL(etree.__file__)  # loaded already: a second handle to the same functions
cdef create_function _create = <create_function> _address(_library, "htmlCreatePushParserCtxt")
cdef options_function _use_options = <options_function> _address(_library, "htmlCtxtUseOptions")
cdef parse_function _parse_chunk = <parse_function> _address(_library, "htmlParseChunk")
cdef free_function _free_context = <free_function> _address(_library, "htmlFreeParserCtxt")
cdef free_function _free_document = <free_function> _address(_library, "xmlFreeDoc")
cdef void* _start_document = <void*> _address(_library, "xmlSAX2StartDocument")
cdef void* _end_document = <void*> _address(_library, "xmlSAX2EndDocument")
cdef void* _internal_subset = <void*> _address(_library, "xmlSAX2InternalSubset")

cdef frozenset _FACT_TAGS = FACT_TAGS
cdef frozenset _READ = NAME_ATTRIBUTES | {"hidden", "style"}
cdef frozenset _READ_OF_FACTS = _READ | frozenset(
    "content datetime href property name http-equiv rel lang xml:lang src type".split()
)
cdef dict _NOTHING = {}


cdef class Parser:
    """What ``etree.HTMLParser(target=target, huge_tree=True, encoding="utf-8")`` is to its feeder."""

    cdef Context* context
    cdef _Target target
    cdef object failure

    def __cinit__(self, _Target target not None):
        self.context = NULL
        self.target = target
        self.failure = None

    def __dealloc__(self):
        if self.context is not NULL:
            if self.context.document is not NULL:
                _free_document(self.context.document)
                self.context.document = NULL
            _free_context(self.context)

    cpdef feed(self, bytes data):
        """Parse what comes next."""
        cdef const char* text = data
        cdef Py_ssize_t length = len(data)
        cdef int first = 0
        if length > MOST:
            raise OverflowError(f"{length} bytes at once, of at most {MOST}")
        if self.context is NULL:
            first = min(length, FIRST)
            self._open(text, first)
        if length > first:
            _parse_chunk(self.context, text + first, <int> (length - first), 0)
        self._raise()

    cpdef close(self):
        """Parse to the end of what was fed."""
        if self.context is not NULL:
            _parse_chunk(self.context, NULL, 0, 1)
        self._raise()
        self.target.close()

    cdef _raise(self):
        failure, self.failure = self.failure, None
        if failure is not None:
            raise failure

    cdef _open(self, const char* text, int length):
        cdef Handler handler
        memset(&handler, 0, sizeof(Handler))
        handler.initialized = MAGIC
        handler.private = <void*> self
        handler.internal_subset = _internal_subset  # what space may be ignored depends on the doctype
        handler.start_document = _start_document
        handler.end_document = _end_document
        handler.start_element = _on_start
        handler.end_element = _on_end
        handler.characters = _on_text
        handler.cdata_block = _on_text
        handler.structured_error = _on_error
        self.context = _create(&handler, NULL, text, length, NULL, UTF_8)
        if self.context is NULL:
            raise MemoryError
        _use_options(self.context, OPTIONS)


cdef void _on_start(void* context, const char* name, const char** attributes) noexcept:
    cdef Parser parser = <Parser> (<Context*> context).handler.private
    if parser.failure is not None or parser.target.truncated is not None:
        return
    try:
        tag = _name(name)
        if attributes is NULL:
            parser.target.begin(tag, _NOTHING, "")
            return
        found = _read(parser.target, tag, attributes)
        if type(found) is str:
            parser.target.begin(tag, _NOTHING, <str> found)
        else:
            parser.target.begin(tag, <dict> found, "")
    except BaseException as failure:  # raised when libxml2 has returned
        parser.failure = failure


cdef void _on_end(void* context, const char* name) noexcept:
    cdef Parser parser = <Parser> (<Context*> context).handler.private
    if parser.failure is not None or parser.target.truncated is not None:
        return
    try:
        parser.target.end(_name(name))
    except BaseException as failure:
        parser.failure = failure


cdef void _on_text(void* context, const char* text, int length) noexcept:
    cdef Parser parser = <Parser> (<Context*> context).handler.private
    cdef _Target target = parser.target
    cdef char[SHORT] piece
    cdef int kept
    if parser.failure is not None or target.truncated is not None:
        return
    try:
        if target.silent and target.captured is None and not (
            target.silent > 0 and <str> target.tags[target.silent] == "noscript"
        ):
            return  # nobody reads it
        if length and not target.silent and not target.pre:
            if _is_space(text[0]) and _all_space(text, length):
                if not target.gap:
                    target.gap = " "
                return
            kept = _collapsed(text, length, piece)
            if kept > 0:
                target.write(
                    PyUnicode_DecodeUTF8(piece, kept, NULL),
                    " " if _is_space(text[0]) else "",
                    " " if _is_space(text[length - 1]) else "",
                )
                return
        target.data(PyUnicode_DecodeUTF8(text, length, b"replace"))
    except BaseException as failure:
        parser.failure = failure


cdef inline bint _is_space(char byte) noexcept:
    """Of those that str.isspace has in ASCII."""
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


cdef bint _all_space(const char* text, int length) noexcept:
    cdef int at
    for at in range(length):
        if not _is_space(text[at]):
            return False
    return True


cdef int _collapsed(const char* text, int length, char* piece) noexcept:
    """Short ASCII text as ``_Target.data`` has it, white space collapsed; its length, or 0 for all other text."""
    cdef int at, kept = 0
    if length > SHORT:
        return 0
    for at in range(length):
        if <unsigned char> text[at] >= 128:
            return 0
        if not _is_space(text[at]):
            piece[kept] = text[at]
            kept += 1
        elif kept and piece[kept - 1] != 32:
            piece[kept] = 32
            kept += 1
    if kept and piece[kept - 1] == 32:
        kept -= 1
    return kept


cdef void _on_error(void* context, const void* error) noexcept:
    pass  # pages are full of errors


cdef object _read(_Target target, str tag, const char** attributes):
    """The attributes that the target reads, or the class alone where that is all; all of them where their number
    matters."""
    cdef const char** at = attributes
    cdef Py_ssize_t count = 0
    cdef frozenset wanted = _READ_OF_FACTS if tag in _FACT_TAGS else _READ
    cdef dict found = None
    cdef str name, look = None
    while at[0] is not NULL:
        count += 1
        at += 2
    at = attributes
    while at[0] is not NULL:
        name = _name(at[0])
        if count > target.max_attributes or name in wanted:
            value = "" if at[1] is NULL else PyUnicode_DecodeUTF8(at[1], strlen(at[1]), b"replace")
            if found is None and look is None and name == "class":
                look = value
                at += 2
                continue
            if found is None:
                found = {} if look is None else {"class": look}
            found[name] = value
            if wanted is _READ and name == "itemprop":  # its value may stand in an attribute before it
                wanted = _READ_OF_FACTS
                found = look = None
                at = attributes
                continue
            if len(found) > target.max_attributes:
                break  # the target keeps fewer, and memory need not hold a million
        at += 2
    if found is not None:
        return found
    return _NOTHING if look is None else look


cdef list _NAMES = [None] * 1024
cdef Py_ssize_t _LONGEST = 32


cdef str _name(const char* text):
    """The name of a tag or an attribute; those met last are kept, one a slot."""
    cdef Py_ssize_t length = 0, known_length = 0
    cdef unsigned int key = 2166136261
    cdef const char* known_text
    cdef str known
    while text[length]:
        key = (key ^ <unsigned char> text[length]) * 16777619
        length += 1
    if length > _LONGEST:
        return PyUnicode_DecodeUTF8(text, length, b"replace")
    key = (key ^ key >> 15) & 1023
    known = _NAMES[key]
    if known is not None:
        known_text = PyUnicode_AsUTF8AndSize(known, &known_length)
        if known_length == length and memcmp(known_text, text, length) == 0:
            return known
    known = PyUnicode_DecodeUTF8(text, length, b"replace")
    _NAMES[key] = known
    return known
