# cython: language_level=3, boundscheck=False, wraparound=False
"""Words of a page, compiled: what words.py does with expressions and dictionaries, in one pass over the characters."""

import os

import numpy as np

from cpython.unicode cimport (
    Py_UNICODE_ISALNUM, Py_UNICODE_ISDECIMAL, PyUnicode_DATA, PyUnicode_FromKindAndData, PyUnicode_KIND,
    PyUnicode_READ,
)
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp

cdef enum:
    ALNUM = 1
    CJK = 2

cdef unsigned char[65536] _KINDS


cdef _fill_kinds():
    cdef Py_UCS4 char
    for char in range(65536):
        _KINDS[char] = ALNUM if Py_UNICODE_ISALNUM(char) else 0
        if 0x3040 <= char <= 0x30FF or 0x3400 <= char <= 0x9FFF or 0xAC00 <= char <= 0xD7AF:
            _KINDS[char] |= CJK


_fill_kinds()
cdef uint64_t _FACTOR = int.from_bytes(os.urandom(8), "little") | 1
"""Secret, lest a page be written whose words all meet in one place."""


cdef struct Spelling:
    uint64_t key
    Py_ssize_t start
    Py_ssize_t length


cdef class _Spellings:
    """Numbers words by spelling, in order of appearance."""

    cdef Py_UCS4* pool
    cdef Py_ssize_t pool_length, pool_room
    cdef Spelling* known
    cdef Py_ssize_t count, room
    cdef Py_ssize_t* slots
    cdef Py_ssize_t slot_count

    def __cinit__(self):
        self.pool_room, self.room, self.slot_count = 4096, 512, 1024
        self.pool = <Py_UCS4*> malloc(self.pool_room * sizeof(Py_UCS4))
        self.known = <Spelling*> malloc(self.room * sizeof(Spelling))
        self.slots = <Py_ssize_t*> calloc(self.slot_count, sizeof(Py_ssize_t))
        if self.pool is NULL or self.known is NULL or self.slots is NULL:
            raise MemoryError

    def __dealloc__(self):
        free(self.pool)
        free(self.known)
        free(self.slots)

    cdef int add(self, Py_UCS4 char) except -1:
        """Write one character of the next word behind the pool."""
        cdef Py_UCS4* larger
        if self.pool_length >= self.pool_room:
            larger = <Py_UCS4*> realloc(self.pool, 2 * self.pool_room * sizeof(Py_UCS4))
            if larger is NULL:
                raise MemoryError
            self.pool = larger
            self.pool_room *= 2
        self.pool[self.pool_length] = char
        self.pool_length += 1
        return 0

    cdef Py_ssize_t number(self, Py_ssize_t start) except -1:
        """The number of the word that was written from ``start`` on."""
        cdef Py_ssize_t length = self.pool_length - start, at, slot
        cdef uint64_t key = <uint64_t> length
        cdef Spelling* other
        for at in range(start, self.pool_length):
            key = (key ^ <uint64_t> self.pool[at]) * _FACTOR
            key ^= key >> 32
        slot = <Py_ssize_t> (key & <uint64_t> (self.slot_count - 1))
        while self.slots[slot]:
            other = &self.known[self.slots[slot] - 1]
            if (
                other.key == key
                and other.length == length
                and memcmp(self.pool + other.start, self.pool + start, length * sizeof(Py_UCS4)) == 0
            ):
                self.pool_length = start
                return self.slots[slot] - 1
            slot = (slot + 1) & (self.slot_count - 1)
        if self.count >= self.room:
            self._grow()
            slot = self._free_slot(key)
        self.known[self.count].key = key
        self.known[self.count].start = start
        self.known[self.count].length = length
        self.count += 1
        self.slots[slot] = self.count
        return self.count - 1

    cdef Py_ssize_t _free_slot(self, uint64_t key) noexcept:
        cdef Py_ssize_t slot = <Py_ssize_t> (key & <uint64_t> (self.slot_count - 1))
        while self.slots[slot]:
            slot = (slot + 1) & (self.slot_count - 1)
        return slot

    cdef int _grow(self) except -1:
        cdef Py_ssize_t at
        cdef Spelling* known = <Spelling*> realloc(self.known, 2 * self.room * sizeof(Spelling))
        if known is NULL:
            raise MemoryError
        self.known = known
        self.room *= 2
        cdef Py_ssize_t* slots = <Py_ssize_t*> calloc(2 * self.slot_count, sizeof(Py_ssize_t))
        if slots is NULL:
            raise MemoryError
        free(self.slots)
        self.slots = slots
        self.slot_count *= 2
        for at in range(self.count):
            self.slots[self._free_slot(self.known[at].key)] = at + 1
        return 0

    cdef list words(self):
        cdef Py_ssize_t at
        return [
            PyUnicode_FromKindAndData(4, self.pool + self.known[at].start, self.known[at].length)
            for at in range(self.count)
        ]


cdef inline unsigned char _kind(Py_UCS4 char) noexcept:
    return _KINDS[char] if char < 65536 else (ALNUM if Py_UNICODE_ISALNUM(char) else 0)


cpdef tuple spell(list folded, bint cjk):
    """What ``words.spell`` returns."""
    cdef _Spellings spellings = _Spellings()
    cdef Py_ssize_t index, at, length, start, total = 0, before
    cdef str text
    cdef int width
    cdef void* data
    cdef Py_UCS4 char
    cdef unsigned char kind
    for text in folded:
        total += len(text)
    counts = np.empty(len(folded), np.int64)
    places = np.empty(total, np.int64)  # no word is shorter than a character
    cdef int64_t[::1] count_of = counts
    cdef int64_t[::1] place_of = places
    total = 0
    for index in range(len(folded)):
        text = folded[index]
        width, data, length = PyUnicode_KIND(text), PyUnicode_DATA(text), len(text)
        before = total
        start = spellings.pool_length
        for at in range(length):
            char = PyUnicode_READ(width, data, at)
            kind = _kind(char)
            if cjk and kind & CJK:
                if spellings.pool_length > start:
                    place_of[total] = spellings.number(start)
                    total += 1
                    start = spellings.pool_length
                spellings.add(char)
                place_of[total] = spellings.number(start)
                total += 1
                start = spellings.pool_length
            elif kind & ALNUM:
                spellings.add(char)
            elif spellings.pool_length > start:
                place_of[total] = spellings.number(start)
                total += 1
                start = spellings.pool_length
        if spellings.pool_length > start:
            place_of[total] = spellings.number(start)
            total += 1
        count_of[index] = total - before
    return spellings.words(), places[:total].copy(), counts


cdef inline bint _upper(Py_UCS4 char) noexcept:
    return 65 <= char <= 90


cdef inline bint _lower(Py_UCS4 char) noexcept:
    return 97 <= char <= 122


cdef inline bint _letter(Py_UCS4 char) noexcept:
    """Of another script than Latin without accents: what the last branch of the expression takes."""
    return _kind(char) & ALNUM and not Py_UNICODE_ISDECIMAL(char) and not _upper(char) and not _lower(char)


cpdef tuple spell_looks(list looks):
    """What ``words.spell_looks`` returns."""
    cdef _Spellings spellings = _Spellings()
    cdef Py_ssize_t index, at, end, stop, length, start, total = 0, before
    cdef str tag, names, token
    cdef int width
    cdef void* data
    cdef Py_UCS4 char
    for tag, names in looks:
        total += 1 + len(names)
    counts = np.empty(len(looks), np.int64)
    places = np.empty(total, np.int64)
    cdef int64_t[::1] count_of = counts
    cdef int64_t[::1] place_of = places
    total = 0
    for index in range(len(looks)):
        tag, names = looks[index]
        before = total
        start = spellings.pool_length
        spellings.add(60)
        for char in tag:
            spellings.add(char)
        spellings.add(62)
        place_of[total] = spellings.number(start)
        total += 1
        width, data, length = PyUnicode_KIND(names), PyUnicode_DATA(names), len(names)
        at = 0
        while at < length:
            char = PyUnicode_READ(width, data, at)
            end = at + 1
            if _lower(char):
                while end < length and _lower(PyUnicode_READ(width, data, end)):
                    end += 1
            elif _upper(char):
                while end < length and _upper(PyUnicode_READ(width, data, end)):
                    end += 1
                if end < length and _lower(PyUnicode_READ(width, data, end)):
                    if end - at == 1:  # a capital and what it begins
                        while end < length and _lower(PyUnicode_READ(width, data, end)):
                            end += 1
                    elif end - at == 2:
                        end = at + 1
                    else:  # the last capital begins the next word
                        end -= 1
            elif _letter(char):
                while end < length and _letter(PyUnicode_READ(width, data, end)):
                    end += 1
            else:
                at = end
                continue
            start = spellings.pool_length
            if _letter(char):
                token = names[at:end].lower()
                for char in token:
                    spellings.add(char)
            else:
                for stop in range(at, end):
                    spellings.add(<Py_UCS4> (<unsigned int> PyUnicode_READ(width, data, stop) | 32))
            place_of[total] = spellings.number(start)
            total += 1
            at = end
        count_of[index] = total - before
    return spellings.words(), places[:total].copy(), counts
