# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Hot loops, compiled: what the modules named below do with expressions, dictionaries and numpy, each in one pass.

Every function has a pure twin that gives the same to the last bit (tests/test_compiled.py).
"""

import os

import numpy as np

from cpython.unicode cimport (
    Py_UNICODE_ISALNUM, Py_UNICODE_ISDECIMAL, PyUnicode_DATA, PyUnicode_FromKindAndData, PyUnicode_KIND,
    PyUnicode_READ,
)
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.math cimport sqrtf
from libc.string cimport memcmp, memcpy, memset

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
    cdef uint64_t key  # of what was written since the last word

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

    cdef int reserve(self, Py_ssize_t chars) except -1:
        """Make room for so many characters behind the pool: from then on :meth:`add` need not look."""
        cdef Py_UCS4* larger
        cdef Py_ssize_t room = self.pool_room
        while room < self.pool_length + chars:
            room *= 2
        if room > self.pool_room:
            larger = <Py_UCS4*> realloc(self.pool, room * sizeof(Py_UCS4))
            if larger is NULL:
                raise MemoryError
            self.pool, self.pool_room = larger, room
        return 0

    cdef inline void add(self, Py_UCS4 char) noexcept:
        """Write one character of the next word behind the pool."""
        self.pool[self.pool_length] = char
        self.pool_length += 1
        self.key = (self.key ^ <uint64_t> char) * _FACTOR
        self.key ^= self.key >> 32

    cdef Py_ssize_t number(self, Py_ssize_t start) except -1:
        """The number of the word that was written from ``start`` on."""
        cdef Py_ssize_t length = self.pool_length - start, slot
        cdef uint64_t key = self.key
        cdef Spelling* other
        self.key = 0
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
        spellings.reserve(length)
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
        spellings.reserve(2 + len(tag) + 3 * len(names))  # a small letter may take more room than its capital
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


cdef inline Py_UCS4 _tally(
    int width, const void* data, Py_ssize_t length, const unsigned char* classes, const unsigned char* noted,
    int64_t* counts, int64_t* glued, unsigned char* kind, Py_ssize_t* noted_at, Py_ssize_t* noted_count,
) noexcept:
    """Count the characters of one text by class; note where those stand that are looked at once more. Its last one."""
    cdef Py_ssize_t at, found = 0
    cdef unsigned char now = kind[0], before
    cdef Py_UCS4 char = 0
    for at in range(length):
        char = PyUnicode_READ(width, data, at)
        before = now
        now = classes[char if width < 4 or char < 65536 else 65535]
        counts[now] += 1
        glued[0] += now == 2 and before == 3
        if char < 128 and noted[char]:
            noted_at[found] = at
            found += 1
    kind[0] = now
    noted_count[0] = found
    return char


cpdef tuple count_chars(
    list texts, const unsigned char[::1] classes, const unsigned char[::1] openers, Py_ssize_t most_openers
):
    """What ``chars.count_chars`` returns, without its name."""
    cdef Py_ssize_t m = len(texts), index, at, length, noted_count = 0, longest = 0
    cdef str text
    cdef int width
    cdef void* data
    cdef Py_UCS4 char
    cdef Py_UCS4 found
    cdef unsigned char kind = 255
    cdef unsigned char[128] noted
    counts = np.zeros((m, 11), np.int64)
    told = np.zeros((6, m), np.int64)
    dotted = np.zeros(m, np.bool_)
    cdef int64_t[:, ::1] count_of = counts
    cdef int64_t[:, ::1] tell = told
    cdef unsigned char[::1] is_dotted = dotted.view(np.uint8)
    cdef list places = []
    for text in texts:
        longest = max(longest, len(text))
    cdef Py_ssize_t[::1] noted_at = np.empty(longest, np.intp)
    for at in range(128):
        noted[at] = openers[at] or at == 64 or at == 10
    for index in range(m):
        text = texts[index]
        width, data, length = PyUnicode_KIND(text), PyUnicode_DATA(text), len(text)
        if width == 1:  # three copies of one loop, each for its width
            char = _tally(
                1, data, length, &classes[0], noted, &count_of[index, 0], &tell[0, index], &kind,
                &noted_at[0], &noted_count,
            )
        elif width == 2:
            char = _tally(
                2, data, length, &classes[0], noted, &count_of[index, 0], &tell[0, index], &kind,
                &noted_at[0], &noted_count,
            )
        else:
            char = _tally(
                4, data, length, &classes[0], noted, &count_of[index, 0], &tell[0, index], &kind,
                &noted_at[0], &noted_count,
            )
        for at in range(noted_count):
            found = PyUnicode_READ(width, data, noted_at[at])
            if openers[found] and len(places) < most_openers:
                places.append((index, noted_at[at]))
            tell[1, index] += found == 64
            tell[2, index] += found == 10
        tell[3, index] = classes[min(PyUnicode_READ(width, data, 0), 65535)]
        tell[4, index] = kind
        tell[5, index] = char
        is_dotted[index] = length > 2 and char == 46 and PyUnicode_READ(width, data, length - 2) == 46
    return counts, *told, dotted, np.array(places, np.int64).reshape(-1, 2)


cpdef tuple split_address(str href):
    """What ``links.split_address`` returns, of an address in lower case."""
    cdef Py_ssize_t length = len(href), at = 0, end = 0
    cdef int width = PyUnicode_KIND(href)
    cdef void* data = PyUnicode_DATA(href)
    cdef str scheme = "", host = "", path
    cdef Py_UCS4 char
    if length and _lower(PyUnicode_READ(width, data, 0)):
        end = 1
        while end < length and end <= 30:
            char = PyUnicode_READ(width, data, end)
            if not (_lower(char) or 48 <= char <= 57 or char == 43 or char == 45 or char == 46):
                break
            end += 1
        if end < length and PyUnicode_READ(width, data, end) == 58:
            scheme = href[:end]
            at = end + 1
    if at + 1 < length and PyUnicode_READ(width, data, at) == 47 and PyUnicode_READ(width, data, at + 1) == 47:
        end = at + 2
        while end < length:
            char = PyUnicode_READ(width, data, end)
            if char == 47 or char == 63 or char == 35:
                break
            end += 1
        host = href[at + 2 : end]
        at = end
    end = at
    while end < length:
        char = PyUnicode_READ(width, data, end)
        if char == 63 or char == 35:
            break
        end += 1
    path = href[at:end]
    if end == length or PyUnicode_READ(width, data, end) == 35:
        return scheme, host, path, ""
    at = end
    while end < length and PyUnicode_READ(width, data, end) != 35:
        end += 1
    return scheme, host, path, href[at:end]


cpdef tuple held_links(list spans, dict hrefs):
    """Blocks, targets and addresses of ``links.links_of``."""
    cdef Py_ssize_t count = 0
    cdef dict numbers = {}
    blocks, targets = np.empty(len(spans), np.int64), np.empty(len(spans), np.int64)
    cdef int64_t[::1] block_of = blocks, target_of = targets
    for span in spans:
        href = hrefs.get(span[3])
        if href is not None:
            block_of[count] = span[0]
            target_of[count] = numbers.setdefault(href, len(numbers))
            count += 1
    return blocks[:count], targets[:count], [*numbers]


cpdef tuple tell(
    list addresses, dict outside, str own_path, str section, frozenset contact_schemes, kinds, tuple places,
    Py_ssize_t width,
):
    """Texts and shapes of ``links._told``; ``kinds`` are the first words of its texts, ``places`` those of
    ``fragment``, ``script`` and ``contact`` in a shape."""
    cdef Py_ssize_t at, kind
    cdef str scheme, host, path, query, out, own
    cdef bint away
    out, own = kinds[3:]
    shapes = np.zeros((len(addresses), width), np.float32)
    cdef float[:, ::1] shape_of = shapes
    cdef list texts = []
    for at in range(len(addresses)):
        scheme, host, path, query = addresses[at]
        if not (host or path or query):
            kind = 0
        elif scheme == "javascript":
            kind = 1
        elif scheme in contact_schemes:
            kind = 2
        else:
            away = outside[host]
            texts.append(f"{out} {host} {path} {query}" if away else f"{own} {path} {query}")
            web_shape(shape_of[at], path, query != "", away, own_path, section)
            continue
        texts.append(kinds[kind])
        shape_of[at, <Py_ssize_t> places[kind]] = 1
    return texts, shapes


cpdef web_shape(float[::1] shape, str path, bint asks, bint away, str own_path, str section):
    """Write what ``links.web_shape`` writes."""
    cdef Py_ssize_t end = len(path), at, steps = 0, parts = 0
    cdef int width = PyUnicode_KIND(path)
    cdef void* data = PyUnicode_DATA(path)
    cdef Py_UCS4 char
    shape[0] = away
    for at in range(end):
        if Py_UNICODE_ISDECIMAL(PyUnicode_READ(width, data, at)):
            shape[6] = 1
            break
    while end and PyUnicode_READ(width, data, end - 1) == 47:
        end -= 1
    for at in range(end):
        char = PyUnicode_READ(width, data, at)
        if char == 47:
            steps += 1
            parts = 0
        elif char == 45 or char == 95 or char == 43:
            parts += 1
    shape[4] = min(steps, 8) / 4.0
    shape[5] = parts
    shape[7] = asks
    if not away:
        shape[8] = end == 0
        shape[9] = end > 0 and path[:end] == own_path
        shape[10] = path.startswith(section)


cpdef object hashes(object words):
    """What ``words.hashes`` returns."""
    cdef Py_ssize_t at = 0
    cdef str word
    found = np.empty(len(words), np.int64)
    cdef int64_t[::1] hash_of = found
    for word in words:
        hash_of[at] = <int64_t> (<uint64_t> <int64_t> hash(word) + <uint64_t> len(word) * <uint64_t> 0x1E3779B97F4A7C15)
        at += 1
    return found


cpdef object find(const int64_t[::1] keys, const int[::1] numbers, const int64_t[::1] wanted):
    """What ``words.WordTable`` finds."""
    cdef Py_ssize_t at, place, mask = len(keys) - 1
    found = np.empty(len(wanted), np.int64)
    cdef int64_t[::1] number_of = found
    for at in range(len(wanted)):
        place = <Py_ssize_t> (wanted[at] & mask)
        while keys[place] != wanted[at] and numbers[place]:
            place = (place + 1) & mask
        number_of[at] = numbers[place]
    return found


cpdef object told_apart(list words, dict numbers):
    """What ``Layout.told_apart`` returns, of the different words."""
    cdef Py_ssize_t at
    found = np.zeros(len(words), np.int64)
    cdef int64_t[::1] number_of = found
    for at in range(len(words)):
        number = numbers.get(words[at])
        if number is not None:
            number_of[at] = number
    return found


cpdef count_phrases(
    const int64_t[::1] ids, const int64_t[::1] counts, float[:, ::1] hits, const unsigned char[::1] leads,
    const int[::1] alone_starts, const int[::1] alone_kinds,
    const int64_t[::1] pairs, const int[::1] pair_starts,
    const int[::1] phrase_starts, const int[::1] phrase_words, const int[::1] phrase_kinds,
):
    """What ``phrasebook.phrase_hits`` counts, into ``hits``."""
    cdef Py_ssize_t block, at, end = 0, low, high, middle, phrase, word, length
    cdef int64_t key
    cdef int kind
    at = 0
    for block in range(len(counts)):
        end += counts[block]
        while at < end:
            if ids[at]:
                for kind in range(alone_starts[ids[at]], alone_starts[ids[at] + 1]):
                    hits[block, alone_kinds[kind]] += 1
                if leads[ids[at]] and at + 1 < end and ids[at + 1]:
                    key = ids[at] << 32 | ids[at + 1]
                    low, high = 0, len(pairs)
                    while low < high:
                        middle = (low + high) >> 1
                        if pairs[middle] < key:
                            low = middle + 1
                        else:
                            high = middle
                    if low < len(pairs) and pairs[low] == key:
                        for phrase in range(pair_starts[low], pair_starts[low + 1]):
                            length = phrase_starts[phrase + 1] - phrase_starts[phrase]
                            if at + length > end:
                                continue
                            for word in range(2, length):
                                if ids[at + word] != phrase_words[phrase_starts[phrase] + word]:
                                    break
                            else:
                                hits[block, phrase_kinds[phrase]] += 1
            at += 1


cpdef object sum_bags(const float[:, ::1] weights, const int64_t[::1] ids, const int64_t[::1] counts):
    """What ``words.bag_sums`` returns."""
    cdef Py_ssize_t width = weights.shape[1], bag, at = 0, end = 0, k
    cdef const float* row
    found = np.empty((len(counts), width), np.float32)
    cdef float[:, ::1] sum_of = found
    cdef double[::1] running = np.zeros(2 * width)
    cdef double* upto = &running[0]
    cdef double* before = upto + width
    for bag in range(len(counts)):
        end += counts[bag]
        memcpy(before, upto, width * sizeof(double))
        while at < end:
            row = &weights[ids[at], 0]
            for k in range(width):
                upto[k] += row[k]
            at += 1
        for k in range(width):
            sum_of[bag, k] = <float> (upto[k] - before[k])
    return found


cpdef object pair_ids(const int64_t[::1] ids, const int64_t[::1] counts, int bits):
    """What ``model.pair_ids`` returns."""
    cdef Py_ssize_t bag, at = 0, end = 0, count = 0
    cdef int64_t mask = (1 << bits) - 1
    found = np.empty(len(ids), np.int64)
    cdef int64_t[::1] pair_of = found
    for bag in range(len(counts)):
        end += counts[bag]
        while at < end - 1:
            pair_of[count] = (ids[at] * 92_821 + ids[at + 1] * 68_917) & mask
            count += 1
            at += 1
        at = end
    return found[:count]


cdef inline void _mean(float* out, const double* low, const double* high, double share, Py_ssize_t width) noexcept:
    cdef Py_ssize_t k
    for k in range(width):
        out[k] = <float> ((high[k] - low[k]) * share)


cpdef object hear(
    const float[:, ::1] messages, const double[:, ::1] upto, const float[:, ::1] means,
    const int64_t[:, ::1] starts, const int64_t[:, ::1] ends,
    const int64_t[::1] templates, const int64_t[::1] headings, const int64_t[::1] before,
    Py_ssize_t start, Py_ssize_t stop,
):
    """What the blocks from ``start`` to ``stop`` hear, (blocks, VIEWS, messages of all members side by side)."""
    cdef Py_ssize_t width = messages.shape[1], ranges = starts.shape[1], b, r, low, high, row
    found = np.empty((stop - start, ranges + 3, width), np.float32)
    cdef float[:, :, ::1] views = found
    for b in range(start, stop):
        row = b - start
        for r in range(ranges):
            low, high = starts[b, r], ends[b, r]
            if row and starts[b - 1, r] == low and ends[b - 1, r] == high:
                memcpy(&views[row, r, 0], &views[row - 1, r, 0], width * sizeof(float))
            else:
                _mean(&views[row, r, 0], &upto[low, 0], &upto[high, 0], 1.0 / (high - low), width)
        memcpy(&views[row, ranges, 0], &means[templates[b], 0], width * sizeof(float))
        if headings[b] >= 0:
            memcpy(&views[row, ranges + 1, 0], &messages[headings[b], 0], width * sizeof(float))
        else:
            memset(&views[row, ranges + 1, 0], 0, width * sizeof(float))
        memcpy(&views[row, ranges + 2, 0], &messages[before[b], 0], width * sizeof(float))
    return found


cpdef object template_means(const float[:, ::1] messages, const int64_t[::1] templates, const int64_t[::1] sizes):
    """What ``network.template_means`` returns."""
    cdef Py_ssize_t m = len(messages), width = messages.shape[1], b, k
    cdef double[:, ::1] sums = np.zeros((len(sizes), width))
    found = np.empty((len(sizes), width), np.float32)
    cdef float[:, ::1] means = found
    cdef double share
    for b in range(m):
        for k in range(width):
            sums[templates[b], k] += messages[b, k]
    for b in range(len(sizes)):
        share = 1.0 / <double> sizes[b]
        for k in range(width):
            means[b, k] = <float> (sums[b, k] * share)
    return found


cpdef object sum_looks(
    const float[:, ::1] of_look, const int64_t[::1] looks, const int[:, ::1] levels, const int[::1] leaves,
    const int64_t[::1] bands, Py_ssize_t width,
):
    """Sums (m, width) of the looks around each block, each by its level's band of columns of ``of_look``."""
    cdef Py_ssize_t m = len(leaves), count = min(len(levels), len(bands)), b, level, k
    cdef const float* row
    found = np.empty((m, width), np.float32)
    cdef float[:, ::1] sum_of = found
    for b in range(m):
        for level in range(count):
            row = &of_look[looks[levels[level, b]], bands[level] * width]
            for k in range(width):
                sum_of[b, k] = row[k] if level == 0 else sum_of[b, k] + row[k]
        row = &of_look[looks[leaves[b]], 0]
        for k in range(width):
            sum_of[b, k] += row[k]
    return found


cdef float _sum(float* values, Py_ssize_t width) noexcept:
    """As ``network._sums``; the values are overwritten."""
    cdef Py_ssize_t half, k
    while width > 1:
        half = width // 2
        for k in range(half):
            values[k] += values[half + k]
        if width % 2:
            values[0] += values[width - 1]
        width = half
    return values[0]


cpdef object normalise(const float[:, :, ::1] vectors, float tiny):
    """What ``network.normalised`` returns."""
    cdef Py_ssize_t rows = len(vectors) * vectors.shape[1], width = vectors.shape[2], row, k
    cdef const float* given
    cdef float* out
    cdef float mean, root
    found = np.empty((len(vectors), vectors.shape[1], width), np.float32)
    cdef float[:, :, ::1] normal = found
    cdef float[::1] spare = np.empty(width, np.float32)
    if not rows:
        return found
    for row in range(rows):
        given, out = &vectors[0, 0, 0] + row * width, &normal[0, 0, 0] + row * width
        memcpy(&spare[0], given, width * sizeof(float))
        mean = _sum(&spare[0], width) / width
        for k in range(width):
            out[k] = given[k] - mean
            spare[k] = out[k] * out[k]
        root = sqrtf(_sum(&spare[0], width) / width + tiny)
        for k in range(width):
            out[k] /= root
    return found


cpdef object standardise(const float[:, ::1] values, const float[::1] means, const float[::1] factors, float clip):
    """What ``network.standardised`` returns."""
    cdef Py_ssize_t m = len(values), width = values.shape[1], row, k
    cdef const float* given
    cdef const float* mean = &means[0]
    cdef const float* factor = &factors[0]
    cdef float* out
    cdef float value
    found = np.empty((m, width), np.float32)
    cdef float[:, ::1] standard = found
    for row in range(m):
        given, out = &values[row, 0], &standard[row, 0]
        for k in range(width):
            value = (given[k] - mean[k]) * factor[k]
            out[k] = clip if value > clip else (-clip if value < -clip else value)
    return found


cpdef object ints(list values):
    """The numbers as ``blocks._ints`` has them."""
    cdef Py_ssize_t at
    found = np.empty(len(values), np.int32)
    cdef int[::1] number_at = found
    for at in range(len(values)):
        number_at[at] = values[at]
    return found
