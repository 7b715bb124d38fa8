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

from classifier.blocks import FACT_TAGS, KINDS, NAME_ATTRIBUTES

COMPARED = ((2, 14, 0), (2, 15, 0))
"""Versions of libxml2, from and below, on which both ways were compared."""

cdef enum:
    MAGIC = 0xDEEDBEAF
    UTF_8 = 1
    OPTIONS = 1 | 1 << 11 | 1 << 16 | 1 << 19  # recover, no network, compact, huge: as lxml's HTMLParser has them
    MOST = 1 << 30  # bytes of one call; libxml2 counts in int
    NAME = 1  # uses of attributes: a name of the element, the target of a link, the style, what else is read
    TARGET = 2
    STYLE = 3
    OTHER = 4
    ANY = 31  # what blocks.py tells of a tag; beside that: is it a link, does it state a fact
    LINK = 32
    FACT = 64
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
    cdef Seen seen
    cdef int slot, kind
    cdef str tag
    if parser.failure is not None or parser.target.truncated is not None:
        return
    try:
        slot = _slot(name)
        tag = <str> _NAMES[slot] if slot >= 0 else _decoded(name)
        kind = _KINDS[slot] if slot >= 0 else 0
        if attributes is NULL:
            parser.target.begin(tag, kind & ANY, _NOTHING, "", None)
            return
        seen = _look_through(kind, attributes, parser.target.max_attributes)
        if seen.simple:
            look = _joined(attributes, seen.names) if seen.names else ""
            href = None if seen.href is NULL else _decoded(seen.href)
            parser.target.begin(tag, kind & ANY, _NOTHING, look, href)
        else:
            parser.target.begin(tag, kind & ANY, _read(parser.target, tag, attributes), "", None)
    except BaseException as failure:  # raised when libxml2 has returned
        parser.failure = failure


cdef void _on_end(void* context, const char* name) noexcept:
    cdef Parser parser = <Parser> (<Context*> context).handler.private
    cdef int slot
    if parser.failure is not None or parser.target.truncated is not None:
        return
    try:
        slot = _slot(name)
        if slot >= 0:
            parser.target.end(<str> _NAMES[slot], _KINDS[slot] & ANY)
        else:
            parser.target.end(_decoded(name), 0)
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
                    PyUnicode_DecodeUTF8(piece, kept, NULL),  # of one character there is one object, not millions
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


cdef struct Seen:
    bint simple  # nothing is to be read of the tag but its names and a link's target
    int names  # attributes of names
    const char* href  # its value; NULL where there is none


cdef Seen _look_through(int kind, const char** attributes, Py_ssize_t most):
    """What is to be read of a tag, told without an object an attribute."""
    cdef Seen seen
    cdef const char** at = attributes
    cdef int slot
    cdef bint link = kind & LINK
    cdef unsigned char use
    seen.simple, seen.names, seen.href = link or not kind & FACT, 0, NULL
    while seen.simple and at[0] is not NULL:
        slot = _slot(at[0])
        use = _USES[slot] if slot >= 0 else 0
        if use == NAME:
            seen.names += 1
        elif use == TARGET and link:
            seen.href = at[1] if at[1] is not NULL else _EMPTY
        elif use == STYLE:
            seen.simple = at[1] is NULL or not _may_hide(at[1])
        elif use == OTHER:
            seen.simple = False
        at += 2
    if at - attributes > 2 * most:
        seen.simple = False
    return seen


cdef bint _may_hide(const char* style) noexcept:
    """Does ``none`` or ``hidden`` stand in it, in small letters or capitals?"""
    while style[0]:
        if style[0] | 32 == 110:  # n
            if style[1] | 32 == 111 and style[2] | 32 == 110 and style[3] | 32 == 101:
                return True
        elif style[0] | 32 == 104:  # h
            if (
                style[1] | 32 == 105 and style[2] | 32 == 100 and style[3] | 32 == 100
                and style[4] | 32 == 101 and style[5] | 32 == 110
            ):
                return True
        elif <unsigned char> style[0] >= 128:
            return True  # some letters are small forms of others
        style += 1
    return False


cdef str _decoded(const char* value):
    return PyUnicode_DecodeUTF8(value, strlen(value), b"replace")


cdef str _joined(const char** attributes, int count):
    """The values of so many attributes of names."""
    cdef list values = []
    cdef int slot
    while len(values) < count:
        slot = _slot(attributes[0])
        if slot >= 0 and _USES[slot] == NAME:
            values.append("" if attributes[1] is NULL else _decoded(attributes[1]))
        attributes += 2
    return <str> values[0] if count == 1 else " ".join(values)


cdef dict _read(_Target target, str tag, const char** attributes):
    """The attributes that the target reads; all of them where their number matters."""
    cdef const char** at = attributes
    cdef Py_ssize_t count = 0
    cdef frozenset wanted = _READ_OF_FACTS if tag in _FACT_TAGS else _READ
    cdef dict found = {}
    cdef str name
    while at[0] is not NULL:
        count += 1
        at += 2
    at = attributes
    while at[0] is not NULL:
        name = _name(at[0])
        if count > target.max_attributes or name in wanted:
            found[name] = "" if at[1] is NULL else _decoded(at[1])
            if wanted is _READ and name == "itemprop":  # its value may stand in an attribute before it
                wanted = _READ_OF_FACTS
                found = {}
                at = attributes
                continue
            if len(found) > target.max_attributes:
                break  # the target keeps fewer, and memory need not hold a million
        at += 2
    return found


cdef list _NAMES = [None] * 1024
cdef unsigned char[1024] _USES  # of these names, as attributes
cdef unsigned char[1024] _KINDS  # the same, as tags
cdef Py_ssize_t _LONGEST = 32
cdef const char* _EMPTY = b""


cdef int _slot(const char* text) except -2:
    """Where the name of a tag or an attribute is kept: those met last are, one a slot; -1 for a long one."""
    cdef Py_ssize_t length = 0, known_length = 0
    cdef unsigned int key = 2166136261
    cdef const char* known_text
    cdef str known
    while text[length]:
        key = (key ^ <unsigned char> text[length]) * 16777619
        length += 1
    if length > _LONGEST:
        return -1
    key = (key ^ key >> 15) & 1023
    if _NAMES[key] is not None:
        known_text = PyUnicode_AsUTF8AndSize(_NAMES[key], &known_length)
        if known_length == length and memcmp(known_text, text, length) == 0:
            return <int> key
    known = PyUnicode_DecodeUTF8(text, length, b"replace")
    _NAMES[key] = known
    _KINDS[key] = KINDS.get(known, 0)
    if known in _FACT_TAGS:
        _KINDS[key] |= LINK if known == "a" else FACT
    _USES[key] = 0
    if known == "href":
        _USES[key] = TARGET
    elif known == "style":
        _USES[key] = STYLE
    elif known in _READ:
        _USES[key] = NAME if known in NAME_ATTRIBUTES and known != "itemprop" else OTHER
    return <int> key


cdef str _name(const char* text):
    """The name of a tag or an attribute."""
    cdef int slot = _slot(text)
    return <str> _NAMES[slot] if slot >= 0 else _decoded(text)
